// Answers MCP requests of both protocol eras, over HTTP and over stdio (folder transport). This file passes tools/call to
// the gate, and answers the other frequent methods: tools/list, ping and server/discover. Requests for resources and prompts go
// to reader.ts. Requests with other methods go to the SDK of their era. Each SDK is loaded when the first such request arrives.

import { itemUndelivered, outputTooLarge, tooMuchUnread } from "../../../core/diagnostics/errors.ts";
import { isQuaterError, type QuaterError } from "../../../core/index.ts";
import { andThen } from "../../../core/model/principal.ts";
import { largeAnswer } from "../../../core/pipeline/answer-size.ts";
import {
  type Awaitable,
  type Gate,
  isVisibleTo,
  type Operation,
  type Outcome,
  traceIdOf,
  unknownHandler,
} from "../../../core/plugin-api.ts";
import { textTypeOf } from "../../../core/schema/file-answer.ts";
import type { ApprovalRounds, Resumed, Waited } from "../approval/rounds.ts";
import type { StatedCall } from "../approval/state.ts";
import { howToGetApproval, notHeld } from "../approval/texts.ts";
import { challengeIn, isReachable } from "../authorization/resource-server.ts";
import type { Tool, Toolbox } from "../offers/tools.ts";
import { type About, instructionsOf } from "../protocol/about.ts";
import type { Answer } from "../protocol/answers.ts";
import { Cacheable, cachingOf, complete, invalidParams, resultIn } from "../protocol/answers.ts";
import { type Era, mismatchText, modernVersions } from "../protocol/era.ts";
import { errorMessage, type Request, resultMessage, rpcCodes } from "../protocol/messages.ts";
import type { Caller } from "./caller.ts";
import type { CatalogSearch } from "./catalog-search.ts";
import type { Completion } from "./completion.ts";
import { contentOf } from "./content.ts";
import { capabilitiesOf, type Offers } from "./offers.ts";
import { contentResult, dryRunResult, failureResult, jsonResult, successResult, wrappedJson } from "./outcome.ts";
import { paramHeaderRefused } from "./param-headers.ts";
import { Progress } from "./progress.ts";
import { Reader, unknownCursor } from "./reader.ts";
import { readToolCall } from "./tool-call.ts";

interface DispatcherParts {
  readonly gate: Gate;
  readonly offers: Offers;
  readonly about: About;
  readonly maxOutputBytes: number;
  /** Absent if the app has no approvals or no key for signing `requestState`, or if `approvalHoldMs` is 0. */
  readonly rounds: ApprovalRounds | undefined;
}

export class Dispatcher {
  readonly #gate: Gate;
  readonly #toolbox: Toolbox;
  readonly #about: About;
  readonly #rounds: ApprovalRounds | undefined;
  /** The result of server/discover as JSON text. */
  readonly #discovered: string;
  readonly #cacheable: Cacheable;
  readonly #search: CatalogSearch | undefined;
  readonly #completion: Completion;
  readonly #reader: Reader;
  readonly #capabilities: object;
  readonly #maxOutputBytes: number;

  constructor({ gate, offers, about, maxOutputBytes, rounds }: DispatcherParts) {
    const { toolbox, search, resources, prompts, completion } = offers;
    this.#gate = gate;
    this.#toolbox = toolbox;
    this.#search = search;
    this.#completion = completion;
    this.#about = about;
    this.#rounds = rounds;
    this.#capabilities = capabilitiesOf(offers);
    this.#cacheable = new Cacheable(about);
    this.#reader = new Reader({ gate, resources, prompts, cacheable: this.#cacheable, maxOutputBytes });
    const discovery = { supportedVersions: modernVersions, capabilities: this.#capabilities, ...instructionsOf(about) };
    this.#discovered = complete(JSON.stringify({ ...discovery, ...cachingOf(about) }));
    this.#maxOutputBytes = maxOutputBytes;
  }

  answer(request: Request, caller: Caller): Awaitable<Answer> {
    const { id, method } = request;
    if (method === "tools/call") {
      if (this.#search === undefined) return this.#call(request, caller);
      return this.#search.answer(request, caller) ?? this.#call(this.#search.unwrapped(request), caller);
    }
    if (method === "tools/list") return this.#list(request, caller);
    const isModern = caller.era === "2026";
    if (method === "server/discover" && isModern) return { body: resultMessage(id, this.#discovered) };
    if (method === "ping" && !isModern) return { body: resultMessage(id, "{}") };
    if (method === "completion/complete" && !this.#completion.isEmpty) return this.#completion.answer(request, caller);
    return this.#reader.answer(request, caller) ?? this.#answerRarely(request, caller.era);
  }

  #list({ id, params }: Request, { principal, era, authorization }: Caller): Answer {
    const cursor = params["cursor"];
    if (this.#search !== undefined && cursor === undefined)
      return { body: this.#cacheable.list(era, id, this.#search.list(principal, authorization)) };
    const page = this.#search === undefined ? this.#toolbox.list.page(principal, cursor, authorization) : undefined;
    return page === undefined ? invalidParams(id, unknownCursor) : { body: this.#cacheable.list(era, id, page) };
  }

  async #answerRarely(request: Request, era: Era): Promise<Answer> {
    const { answerRarely } = era === "2025" ? await import("../protocol/legacy.ts") : await import("../protocol/modern.ts");
    return answerRarely(request, this.#about, this.#capabilities);
  }

  async #call(request: Request, caller: Caller): Promise<Answer> {
    const { id, params } = request;
    const read = readToolCall(params);
    if (typeof read === "string") return invalidParams(id, read);
    const { name, values, dryRun, approvalId, progressToken, traceparent } = read;
    const tool = this.#toolbox.find(name);
    // Clients repeat arguments in headers only for tools of the list, and `call` is the tool of the list in a catalog. For a caller
    // without rights the gate refuses the call, so that the answer does not show which arguments the tool has.
    const isVisible = tool !== undefined && isVisibleTo(tool.operation, caller.principal);
    if (isVisible && caller.headers !== undefined && request.isThroughCatalog !== true) {
      const header = paramHeaderRefused(tool, values, caller.headers);
      if (header !== undefined) return { body: errorMessage(id, rpcCodes.headerMismatch, mismatchText(header)), status: 400 };
    }

    const call = { handler: name, values, principal: caller.principal };
    const resumed = caller.era === "2025" || params["requestState"] === undefined ? undefined : this.#resumed(request, call);
    if (resumed === "refused") return invalidParams(id, stateRefused);
    if (resumed !== undefined && approvalId !== undefined && approvalId !== resumed.approvalId)
      return invalidParams(id, 'The "requestState" and "quater/approval" in _meta name different approvals');
    const waited: Waited =
      resumed === undefined || dryRun || this.#rounds === undefined ? caller : await this.#rounds.wait(resumed, call, caller);
    if (waited.result !== undefined) return { body: resultMessage(id, waited.result) };

    const progress = progressToken === undefined ? undefined : new Progress(caller.notifier, progressToken);
    const { entry, callId, cancellation, peer } = caller;
    const { principal } = waited;
    // The trace id in the message is more specific than the trace id in the headers of the HTTP request.
    const traceId = traceIdOf(traceparent) ?? caller.traceId;
    const refused = request.argumentsRefused;
    const outcome = await this.#gate.invoke({
      handler: this.#toolbox.handlerOf(name),
      surface: "mcp",
      principal,
      entry,
      // Refused arguments also go through the gate, so that the policy is checked first and the refusal is recorded.
      given: refused === undefined ? [{ from: "arguments", isText: false, values }] : () => Promise.reject(refused),
      callId,
      cancellation,
      dryRun,
      peer,
      traceId,
      approvalId: approvalId ?? resumed?.approvalId,
      progress: progress?.report,
      room: caller.room,
    });
    if (tool !== undefined && !dryRun) caller.ended?.(tool.operation, outcome);
    const result = this.#result(outcome, tool, dryRun, progress, caller);
    const ended = result instanceof Promise ? await result : result;
    progress?.end();
    if (typeof ended === "string") return { body: resultIn(caller.era, id, ended) };
    const asked = waited.isFull || caller.era === "2025" ? undefined : this.#rounds?.ask(ended, resumed, params, call, caller);
    return asked === undefined
      ? this.#refusal(request, ended, name, tool, { ...caller, principal }, waited.isFull)
      : { body: resultMessage(id, asked) };
  }

  #resumed({ params, argumentsRefused }: Request, call: StatedCall): Resumed | "refused" {
    // Refused arguments have no canonical text, so the server issues no `requestState` for a call with refused arguments.
    return (argumentsRefused === undefined ? this.#rounds?.resumed(params, call) : undefined) ?? "refused";
  }

  /** Returns the result of a call as JSON text, or the error of the call. */
  #result(
    outcome: Outcome,
    tool: Tool | undefined,
    isDryRun: boolean,
    progress: Progress | undefined,
    caller: Caller,
  ): Awaitable<string | QuaterError> {
    if (!outcome.ok) return outcome.error;
    const { callId, value } = outcome;
    if (isDryRun) return dryRunResult(value, tool?.wrapping, callId);
    if (tool?.wrapping !== "items") return this.#single(value, tool, callId, caller);
    return collected(value as AsyncIterableIterator<unknown>, tool.operation, progress, this.#maxOutputBytes, caller).then(
      (items) => jsonResult(items, tool.wrapping, callId),
      (error: unknown) => {
        if (isQuaterError(error)) return error;
        throw error;
      },
    );
  }

  /** Returns the result of a call without a stream. */
  #single(value: unknown, tool: Tool | undefined, callId: string, { room }: Caller): Awaitable<string | QuaterError> {
    const content = tool && contentOf(value, tool.operation, { maxBytes: this.#maxOutputBytes, room });
    if (content === undefined) return successResult(value, tool?.wrapping, callId, textTypeOf(tool?.operation.output));
    return andThen(content, (made) => (typeof made === "string" ? contentResult(value, tool?.wrapping, callId, made) : made));
  }

  #refusal(
    { id, isThroughCatalog }: Request,
    error: QuaterError,
    name: string,
    tool: Tool | undefined,
    caller: Caller,
    isFull = false,
  ): Answer {
    const { principal, callId, authorization, era } = caller;
    // If the static part of the policy refuses the principal even with more scopes, the principal must not learn that the tool
    // exists.
    if (tool === undefined || !isReachable(tool.operation, principal)) {
      const unknown = unknownHandler(name, "mcp");
      if (isThroughCatalog === true) return { body: resultIn(era, id, failureResult(unknown, callId)) };
      const { message, code } = unknown;
      return { body: errorMessage(id, rpcCodes.invalidParams, message, { code, callId, errors: [] }) };
    }
    const challenge = challengeIn(error, principal, authorization);
    const advice = isFull && error.code === "approval_required" ? `${howToGetApproval(error)} ${notHeld}` : undefined;
    return { body: resultIn(era, id, failureResult(error, callId, advice)), challenge };
  }
}

/** Collects the items of a stream into one answer in memory. @param maxBytes  The largest size of the answer. */
const collected = async (
  items: AsyncIterableIterator<unknown>,
  { name, handler }: Operation,
  progress: Progress | undefined,
  maxBytes: number,
  { room, notifier }: Caller,
): Promise<string> => {
  const parts: string[] = [];
  let size = 0;
  let count = 0;
  for await (const item of items) {
    const json = JSON.stringify(item) ?? "null";
    size += Buffer.byteLength(json) + 1;
    // Reserve memory for the item and its text. The output check has already reserved memory for a large item.
    const hasRoom = room.reserve(json.length >= largeAnswer ? json.length : 2 * json.length);
    if (size > maxBytes || !hasRoom) {
      const refused = hasRoom ? outputTooLarge(name, maxBytes) : tooMuchUnread();
      await items.throw?.(handler.effect === "read" ? refused : itemUndelivered(name, refused)); // Throw into the stream, so that the failure is recorded.
    }
    // The stream of a client that has left may continue, but nobody gets its items.
    if (notifier.isGone) parts.length = 0;
    else parts.push(json);
    await progress?.item(++count, json);
  }
  return wrappedJson(`[${parts.join(",")}]`);
};

const stateRefused =
  'The "requestState" does not belong to this call of this caller, was changed, or is too old, or "inputResponses" has another form. ' +
  "Send the call without both to begin again";
