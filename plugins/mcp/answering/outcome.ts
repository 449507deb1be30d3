// Turns the outcomes of calls into MCP results. The table in this file has one entry for each kind of error. If a kind of error
// has no entry in the table, the code does not compile.

import { visibleLines } from "../../../core/diagnostics/text.ts";
import type { QuaterError } from "../../../core/index.ts";
import { type ErrorKind, fieldSentence } from "../../../core/plugin-api.ts";
import { approvalAdvice, howToGetApproval } from "../approval/texts.ts";
import type { Wrapping } from "../offers/schema.ts";
import { type ErrorData, rpcCodes } from "../protocol/messages.ts";

interface Words {
  /** The HTTP status of a refusal during authentication, before Quater reads the body of the POST request. */
  readonly door: number;
  /** The JSON-RPC code of this kind of error for a request that has no tool result, such as `resources/read`. */
  readonly rpc: number;
  /** Returns the next step for the model. The answer contains this step after the message of the error. */
  readonly advice?: (error: QuaterError) => string | undefined;
}

const repeatLater = ({ retryAfterSeconds }: QuaterError): string =>
  retryAfterSeconds === undefined
    ? "The call did not run. You can repeat the call later."
    : `The call did not run. You can repeat the call after ${retryAfterSeconds} seconds.`;

const { refused } = rpcCodes;
const table: Readonly<Record<ErrorKind, Words>> = {
  invalid_input: { door: 400, rpc: rpcCodes.invalidParams },
  unauthenticated: { door: 401, rpc: refused },
  forbidden: { door: 403, rpc: refused },
  not_found: { door: 404, rpc: refused },
  conflict: { door: 409, rpc: refused },
  approval_required: { door: 403, rpc: refused, advice: howToGetApproval },
  approval_refused: { door: 403, rpc: refused },
  too_large: { door: 413, rpc: refused },
  rate_limited: { door: 429, rpc: refused, advice: repeatLater },
  unavailable: { door: 503, rpc: refused, advice: repeatLater },
  outcome_unknown: {
    door: 500,
    rpc: rpcCodes.internal,
    advice: () => "The call may have taken effect. Do not repeat the call before you have checked whether it took effect.",
  },
  cancelled: { door: 499, rpc: refused },
  internal: { door: 500, rpc: rpcCodes.internal },
};

export const doorStatus = (error: QuaterError): number => table[error.kind].door;

/** Returns the JSON-RPC code of an error for a request that has no tool result. */
export const rpcCodeOf = (error: QuaterError): number => table[error.kind].rpc;

export const errorDataOf = (error: QuaterError, callId: string): ErrorData => ({
  code: error.code,
  callId,
  errors: error.errors ?? [],
  ...(error.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: error.retryAfterSeconds }),
});

const adviceFor = (error: QuaterError): string | undefined => approvalAdvice(error) ?? table[error.kind].advice?.(error);

/**
 * Returns the result of a `tools/call` that was refused or failed, as JSON text: `isError`, a text for the model, and
 * `_meta["quater/error"]` for programs.
 *
 * @param advice  The next step for the model. Default: the next step for the code or kind of the error.
 */
export const failureResult = (error: QuaterError, callId: string, advice = adviceFor(error)): string => {
  const [first, ...others] = (error.errors ?? []).map(fieldSentence);
  // Nearly always, the message of an error already contains the first field error.
  const isSaid = first === undefined || error.message.includes(first);
  const lines = [error.message, ...(isSaid ? [] : [first]), ...others];
  if (advice !== undefined) lines.push(advice);
  const approval = error.details?.["approval"];
  return JSON.stringify({
    _meta: {
      "quater/error": { ...errorDataOf(error, callId), message: error.message },
      ...(approval === undefined ? {} : { "quater/approval": approval }),
    },
    isError: true,
    content: [{ type: "text", text: visibleLines(lines.join("\n")) }],
  });
};

/**
 * Returns the value of a handler as JSON text, wrapped into the object that the tool's output schema describes. Without an output
 * schema, Quater does not wrap the value.
 */
const wrapped = (value: unknown, wrapping: Wrapping | undefined): string => {
  const bare = JSON.stringify(value) ?? "null"; // An output schema may allow `undefined`, which JSON does not have.
  return wrapping === undefined || wrapping === "none" ? bare : wrappedJson(bare);
};

/**
 * Returns the result of a successful call with content blocks.
 *
 * @param content  The content blocks as JSON text, from `contentOf`.
 */
export const contentResult = (value: unknown, wrapping: Wrapping | undefined, callId: string, content: string): string =>
  jsonResult(wrapping === undefined ? "" : wrapped(value, wrapping), wrapping, callId, content);

/** @param json  The JSON text of the value to wrap. */
export const wrappedJson = (json: string): string => `{"result":${json}}`;

/**
 * Returns the result of a call that succeeded, as JSON text. The text block and the structured content of the result are the same
 * JSON (MCP 2025-11-25, server/tools, "Structured Content"). Without an output schema, the result has no structured content.
 * Quater sends a string without quotes if the tool has no output schema, because models understand quoted text less well.
 *
 * @param value  The value of the handler as JSON value.
 * @param mediaType  The media type of a text output, by which programs can distinguish a text from JSON.
 */
export const successResult = (
  value: unknown,
  wrapping: Wrapping | undefined,
  callId: string,
  mediaType = "text/plain",
): string => {
  if (wrapping === undefined && typeof value === "string")
    return `{"_meta":{"quater/callId":"${callId}","quater/mediaType":${JSON.stringify(mediaType)}},"content":[{"type":"text","text":${JSON.stringify(value)}}]}`;
  return jsonResult(wrapped(value, wrapping), wrapping, callId);
};

/**
 * @param json  The JSON text that `wrapped` returns.
 * @param content  The content blocks as JSON text. Default: one text block with `json`.
 */
export const jsonResult = (json: string, wrapping: Wrapping | undefined, callId: string, content?: string): string => {
  const blocks = content ?? `[{"type":"text","text":${JSON.stringify(json)}}]`;
  const structured = wrapping === undefined ? "" : `,"structuredContent":${json}`;
  return `{"_meta":{"quater/callId":"${callId}"},"content":${blocks}${structured}}`;
};

/**
 * Returns the result of a dry run, as JSON text. The result of a dry run is not the tool's output, so the result has no
 * structured content. For a tool with an output schema, SDK clients throw an error if a result has neither structured content nor
 * `isError`. So the result of such a tool has `isError`.
 */
export const dryRunResult = (value: unknown, wrapping: Wrapping | undefined, callId: string): string => {
  const json = JSON.stringify(value);
  const isError = wrapping === undefined ? "" : `"isError":true,`;
  const meta = `"_meta":{"quater/callId":"${callId}","quater/dryRun":${json}}`;
  return `{${meta},${isError}"content":[{"type":"text","text":${JSON.stringify(json)}}]}`;
};
