// Turns the outcome of a tool call into the answer to the MCP request.

import { itemUndelivered, outputTooLarge, tooMuchUnread } from "../../../core/diagnostics/errors.ts";
import { isQuaterError, type QuaterError } from "../../../core/index.ts";
import { andThen } from "../../../core/model/principal.ts";
import { largeAnswer } from "../../../core/pipeline/answer-size.ts";
import { type Awaitable, type Operation, type Outcome, unknownHandler } from "../../../core/plugin-api.ts";
import { textTypeOf } from "../../../core/schema/file-answer.ts";
import { howToGetApproval, notHeld } from "../approval/texts.ts";
import { challengeIn, isReachable } from "../authorization/resource-server.ts";
import type { Tool } from "../offers/tools.ts";
import type { Answer, Results } from "../protocol/answers.ts";
import { errorMessage, type Request, rpcCodes } from "../protocol/messages.ts";
import type { Caller } from "./caller.ts";
import { contentOf } from "./content.ts";
import { contentResult, dryRunResult, failureResult, jsonResult, successResult, wrappedJson } from "./outcome.ts";
import type { Progress } from "./progress.ts";

/** A tool call that has ended. */
export interface EndedCall {
  /** The called tool; `undefined` if no tool has the name that the caller sent. */
  readonly tool: Tool | undefined;
  readonly isDryRun: boolean;
  readonly progress: Progress | undefined;
  readonly caller: Caller;
  /** The largest size of the answer to the call, bytes. */
  readonly maxBytes: number;
}

/** Returns the MCP result of a tool call as JSON text, or the error of the call. */
export const toolResult = (outcome: Outcome, call: EndedCall): Awaitable<string | QuaterError> => {
  if (!outcome.ok) return outcome.error;
  const { callId, value } = outcome;
  const { tool, isDryRun } = call;
  if (isDryRun) return dryRunResult(value, tool?.wrapping, callId);
  if (tool?.wrapping !== "items") return single(value, callId, call);
  return collected(value as AsyncIterableIterator<unknown>, tool.operation, call).then(
    (items) => jsonResult(items, tool.wrapping, callId),
    (error: unknown) => {
      if (isQuaterError(error)) return error;
      throw error;
    },
  );
};

/** Returns the MCP result of a call whose handler does not return a stream. */
const single = (
  value: unknown,
  callId: string,
  { tool, caller: { room }, maxBytes }: EndedCall,
): Awaitable<string | QuaterError> => {
  const content = tool && contentOf(value, tool.operation, { maxBytes, room });
  if (content === undefined) return successResult(value, tool?.wrapping, callId, textTypeOf(tool?.operation.output));
  return andThen(content, (made) => (typeof made === "string" ? contentResult(value, tool?.wrapping, callId, made) : made));
};

/** Collects the items of a stream into one answer in memory. */
const collected = async (
  items: AsyncIterableIterator<unknown>,
  { name, handler }: Operation,
  { progress, caller: { room, notifier }, maxBytes }: EndedCall,
): Promise<string> => {
  const parts: string[] = [];
  let size = 0;
  let count = 0;
  for await (const item of items) {
    const json = JSON.stringify(item) ?? "null";
    size += Buffer.byteLength(json) + 1;
    // Reserve memory for the item of the stream and for its JSON text. The output check has already reserved memory for a large
    // item.
    const hasRoom = room.reserve(json.length >= largeAnswer ? json.length : 2 * json.length);
    if (size > maxBytes || !hasRoom) {
      const refused = hasRoom ? outputTooLarge(name, maxBytes) : tooMuchUnread();
      await items.throw?.(handler.effect === "read" ? refused : itemUndelivered(name, refused)); // Throw into the stream, so that the failure is recorded.
    }
    // The stream may continue after the client has left, but then no client gets the items of the stream.
    if (notifier.isGone) parts.length = 0;
    else parts.push(json);
    await progress?.item(++count, json);
  }
  return wrappedJson(`[${parts.join(",")}]`);
};

/** @param isFull  Whether a repeated call could not wait for the decision of the approvers, because too many calls wait. */
export const toolRefusal = (
  { id, params, isThroughCatalog }: Request,
  error: QuaterError,
  tool: Tool | undefined,
  { principal, callId, authorization, era }: Caller,
  results: Results,
  isFull = false,
): Answer => {
  // If the static part of the tool's policy refuses the principal even with more scopes, the principal must not learn that the
  // tool exists.
  if (tool === undefined || !isReachable(tool.operation, principal)) {
    const unknown = unknownHandler(String(params["name"]), "mcp");
    if (isThroughCatalog === true) return { body: results.result(era, id, failureResult(unknown, callId)) };
    const { message, code } = unknown;
    return { body: errorMessage(id, rpcCodes.invalidParams, message, { code, callId, errors: [] }) };
  }
  const challenge = challengeIn(error, principal, authorization);
  const advice = isFull && error.code === "approval_required" ? `${howToGetApproval(error)} ${notHeld}` : undefined;
  return { body: results.result(era, id, failureResult(error, callId, advice)), challenge };
};
