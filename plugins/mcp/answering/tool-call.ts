// Reads the params of tools/call: the tool, its arguments, and the options in `_meta`, which calls of resources and prompts also have.

import { isApprovalId } from "../../../core/plugin/gate.ts";
import { isId, longestId, type MessageId } from "../protocol/messages.ts";

/** The options of a call in `_meta`. */
export interface CallMeta {
  readonly dryRun: boolean;
  /** The id of the approval that the caller names. */
  readonly approvalId: string | undefined;
  /** The token with which the client wants progress notifications. */
  readonly progressToken: MessageId | undefined;
  readonly traceparent: unknown;
}

export interface ToolCall extends CallMeta {
  /** The name of the tool, which may be unknown. */
  readonly name: string;
  /** The arguments. Binding checks them. */
  readonly values: unknown;
}

type Fields = Readonly<Record<string, unknown>>;

/** @returns The call, or the reason why the params are malformed. */
export const readToolCall = (params: Fields): ToolCall | string => {
  // Absent arguments are an empty object. `null` is refused, like a `null` body over HTTP.
  const { name, arguments: values = {} } = params;
  if (typeof name !== "string") return 'The params of tools/call must have "name", the name of a tool';
  const meta = readMeta(params);
  return typeof meta === "string" ? meta : { name, values, ...meta };
};

/** @returns The options in `_meta`, or the reason why `_meta` is malformed. */
export const readMeta = ({ _meta: meta = {} }: Fields): CallMeta | string => {
  if (!isFields(meta)) return '"_meta" must be an object';
  const { "quater/dryRun": dryRun = false, "quater/approval": approval, progressToken, traceparent } = meta;
  // A malformed request for a dry run is refused, so that it does not run the handler.
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
