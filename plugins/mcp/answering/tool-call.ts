// Reads the params of tools/call: the tool, the arguments of the tool, and the options in `_meta`. Requests for MCP resources and
// prompts have the same options.

import { isApprovalId } from "../../../core/plugin/gate.ts";
import { isId, longestId, type MessageId } from "../protocol/messages.ts";

/** The options of a call in the field `_meta` of the params. */
export interface CallMeta {
  readonly dryRun: boolean;
  /** The id of the approval request that the caller names. */
  readonly approvalId: string | undefined;
  /** The token with which the client wants progress notifications. */
  readonly progressToken: MessageId | undefined;
  readonly traceparent: unknown;
}

export interface ToolCall extends CallMeta {
  /** The name of the called tool. The app may have no tool with this name. */
  readonly name: string;
  /** The arguments of the tool call, which binding checks later. */
  readonly values: unknown;
}

type Fields = Readonly<Record<string, unknown>>;

/** @returns The tool call, or the reason why the params are malformed. */
export const readToolCall = (params: Fields): ToolCall | string => {
  // Absent arguments count as an empty object. Binding refuses `null` as arguments, like a `null` body over HTTP.
  const { name, arguments: values = {} } = params;
  if (typeof name !== "string") return 'The params of tools/call must have "name", the name of a tool';
  const meta = readMeta(params);
  return typeof meta === "string" ? meta : { name, values, ...meta };
};

/** @returns The options of a call in `_meta`, or the reason why `_meta` is malformed. */
export const readMeta = ({ _meta: meta = {} }: Fields): CallMeta | string => {
  if (!isFields(meta)) return '"_meta" must be an object';
  const { "quater/dryRun": dryRun = false, "quater/approval": approval, progressToken, traceparent } = meta;
  // Refuse a malformed `quater/dryRun`, so that a call that was meant as a dry run does not run the handler.
  if (typeof dryRun !== "boolean") return '"quater/dryRun" in _meta must be true or false';
  if (approval !== undefined && !isApproval(approval))
    return '"quater/approval" in _meta must be { "id": "apr_..." } and nothing else';
  if (progressToken !== undefined && !isId(progressToken))
    return `"progressToken" in _meta must be an integer or a string of at most ${longestId} characters`;
  return { dryRun, approvalId: approval?.id, progressToken, traceparent };
};

const isFields = (value: unknown): value is Fields => value !== null && typeof value === "object" && !Array.isArray(value);

const isApproval = (value: unknown): value is { readonly id: string } => {
  const { id, ...more } = Object(value) as Fields;
  return isApprovalId(id) && Object.keys(more).length === 0;
};
