// Passes MCP requests to the gate. `serve` handles a POST from its headers to its answer. `Dispatcher` answers the request in a
// POST or in a line (stdio.ts). This file answers the frequent methods tools/call, tools/list and ping. Requests with other
// methods go to the SDK, which is loaded with the first of these requests.
//
// Each POST has one message and gets JSON. The answer becomes an event stream only when a call reports progress before its
// answer. There are no sessions, no GET stream and no resumption, so any instance can answer any request.

import { itemUndelivered, outputTooLarge, tooMuchUnread } from "../../core/diagnostics/errors.ts";
import { isQuaterError, type Principal, type QuaterError } from "../../core/index.ts";
import { largeAnswer } from "../../core/pipeline/answer-size.ts";
import { isApprovalId } from "../../core/plugin/gate.ts";
import {
  type AnswerRoom,
  type Arriving,
  type Awaitable,
  type Cancellation,
  errorText,
  type Gate,
  type Log,
  type Operation,
  type Outcome,
  traceIdOf,
  unknownHandler,
} from "../../core/plugin-api.ts";
import type { Endpoint, EndpointReply, EndpointRequest, HttpService } from "../http/service.ts";
import type { About } from "./about.ts";
import { type Authorization, challengeIn, isReachable } from "./authorization/resource-server.ts";
import { type Answer, Exchange, jsonReply } from "./exchange.ts";
import { dryRunResult, failureResult, successResult, wrapped, wrappedJson } from "./outcome.ts";
import { type Notifier, Progress } from "./progress.ts";
import { errorMessage, isId, longestId, type MessageId, type Request, readMessage, resultMessage, rpcCodes } from "./protocol.ts";
import { disagreeing, headersRefused, refusal, turnedAway } from "./refusals.ts";
import type { Tool, Toolbox } from "./tools.ts";

export interface HttpParts {
  readonly http: HttpService;
  readonly gate: Gate;
  readonly dispatcher: Dispatcher;
  readonly log: Log;
  readonly authorization: Authorization | undefined;
}

export const mcpOverHttp =
  (parts: HttpParts): Endpoint =>
  (request) =>
    serve(request, parts);

const serve = async (request: EndpointRequest, parts: HttpParts): Promise<EndpointReply | undefined> => {
  const { req, callId } = request;
  if (req.method !== "POST")
    return refusal(request, 405, rpcCodes.transport, "This endpoint accepts only POST", ["allow", "POST"]);
  const { http, gate, authorization } = parts;
  const credentials = http.credentials(request, "mcp");
  const traceId = traceIdOf(req.headers["traceparent"]);
  const entry = { surface: "mcp", credentials, callId, traceId };
  let principal: Principal;
  /** When the caller was authenticated. `undefined` while the call did not wait, so that most calls do not read the clock. */
  let enteredAt: number | undefined;
  try {
    // Only headers are read here, so callers without access cannot make the server read or parse a body.
    const entering = gate.enter(entry);
    if (entering instanceof Promise) {
      enteredAt = performance.now();
      principal = await entering;
    } else {
      principal = entering;
    }
  } catch (error) {
    if (!isQuaterError(error)) throw error;
    return turnedAway(request, http, error, authorization);
  }
  http.noteCaller(request, principal);
  const wrong = headersRefused(req);
  if (wrong !== undefined) return refusal(request, wrong.status, rpcCodes.transport, wrong.message);
  const cancellation = http.cancellation(request);
  const reading = http.readBody(request);
  if (reading instanceof Promise) enteredAt ??= performance.now();
  const body = reading instanceof Promise ? await reading : reading;
  try {
    // A key may have been revoked while the body arrived.
    const again = enteredAt === undefined ? principal : gate.enterAgain(entry, principal, enteredAt);
    principal = again instanceof Promise ? await again : again;
  } catch (error) {
    if (!isQuaterError(error)) throw error;
    return turnedAway(request, http, error, authorization);
  }
  const message = readMessage(body);
  if (message.kind === "malformed") return jsonReply(400, message.answer);
  if (message.kind !== "request") return { status: 202, headers: [], body: "" };
  const disagreement = disagreeing(req, message);
  if (disagreement !== undefined) {
    const text = `The header ${disagreement} does not match the body`;
    return jsonReply(400, errorMessage(message.id, rpcCodes.headerMismatch, text));
  }
  const exchange = new Exchange(request, http);
  try {
    const answer = await parts.dispatcher.answer(message, {
      principal,
      entry,
      callId,
      peer: credentials.peer,
      traceId,
      cancellation,
      notifier: exchange,
      room: http.room(request, "answer"),
      authorization,
      ended: (operation, outcome) => http.noteRun(request, operation, outcome),
    });
    const ending = exchange.end(answer);
    return ending instanceof Promise ? await ending : ending;
  } catch (error) {
    parts.log.error("An MCP request could not be answered", { callId, error: errorText(error) });
    const body = errorMessage(message.id, rpcCodes.internal, "The server failed while it handled this request", {
      code: "internal",
      callId,
    });
    return exchange.end({ body });
  }
};

/** The caller of an MCP request. All data about the caller comes from authentication, and not from the message. */
export interface Caller {
  readonly principal: Principal;
  /** The object that was passed to `enter` of the gate: see `Invocation`. */
  readonly entry: Arriving;
  readonly callId: string;
  readonly peer: string | undefined;
  readonly traceId: string | undefined;
  readonly cancellation: Cancellation;
  readonly notifier: Notifier;
  readonly room: AnswerRoom;
  /** The authorization servers from which the caller can get more scopes. Absent over stdio, where callers cannot sign in. */
  readonly authorization?: Authorization | undefined;
  /** Called with the outcome of the call, or with the beginning of a stream. Not called for dry runs. */
  readonly ended?: (operation: Operation, outcome: Outcome) => void;
}

export class Dispatcher {
  readonly #gate: Gate;
  readonly #toolbox: Toolbox;
  readonly #about: About;
  readonly #maxOutputBytes: number;

  constructor(gate: Gate, toolbox: Toolbox, about: About, maxOutputBytes: number) {
    this.#gate = gate;
    this.#toolbox = toolbox;
    this.#about = about;
    this.#maxOutputBytes = maxOutputBytes;
  }

  answer(request: Request, caller: Caller): Awaitable<Answer> {
    switch (request.method) {
      case "tools/call":
        return this.#call(request, caller);
      case "tools/list":
        if (request.params["cursor"] !== undefined)
          return invalidParams(request.id, "The list has one page, and no cursor leads to another");
        return { body: resultMessage(request.id, this.#toolbox.listFor(caller.principal, caller.authorization)) };
      case "ping":
        return { body: resultMessage(request.id, "{}") };
      default:
        return this.#answerRarely(request);
    }
  }

  async #answerRarely(request: Request): Promise<Answer> {
    const { answerRarely } = await import("./legacy.ts");
    return { body: await answerRarely(request, this.#about) };
  }

  async #call(request: Request, caller: Caller): Promise<Answer> {
    const { id, params } = request;
    // Absent arguments are an empty object. `null` is refused, like a `null` body over HTTP.
    const { name, arguments: values = {}, _meta: meta } = params;
    if (typeof name !== "string") return invalidParams(id, 'The params of tools/call must have "name", the name of a tool');
    if (!isMeta(meta)) return invalidParams(id, '"_meta" must be an object');
    const { "quater/dryRun": dryRun = false, "quater/approval": approval, progressToken: token, traceparent } = meta ?? {};
    // A malformed request for a dry run is refused, so that it does not run the handler.
    if (typeof dryRun !== "boolean") return invalidParams(id, '"quater/dryRun" in _meta must be true or false');
    if (approval !== undefined && !isApproval(approval))
      return invalidParams(id, '"quater/approval" in _meta must be { "id": "apr_..." } and nothing else');
    if (token !== undefined && !isId(token))
      return invalidParams(id, `"progressToken" in _meta must be an integer or a string of at most ${longestId} characters`);

    const tool = this.#toolbox.find(name);
    const progress = token === undefined ? undefined : new Progress(caller.notifier, token);
    const { principal, entry, callId, cancellation, peer } = caller;
    // The trace id of the message is more specific than the trace id of the HTTP request with the message.
    const traceId = traceIdOf(traceparent) ?? caller.traceId;
    const refused = request.argumentsRefused;
    const outcome = await this.#gate.invoke({
      handler: name,
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
      approvalId: approval?.id,
      progress: progress?.report,
      room: caller.room,
    });
    if (tool !== undefined && !dryRun) caller.ended?.(tool.operation, outcome);
    const result = this.#result(outcome, tool, dryRun, progress, caller.room);
    const ended = result instanceof Promise ? await result : result;
    progress?.end();
    return typeof ended === "string" ? { body: resultMessage(id, ended) } : this.#refusal(id, ended, tool, caller);
  }

  /** Returns the result as JSON text, or the error. */
  #result(
    outcome: Outcome,
    tool: Tool | undefined,
    isDryRun: boolean,
    progress: Progress | undefined,
    room: AnswerRoom,
  ): Awaitable<string | QuaterError> {
    if (!outcome.ok) return outcome.error;
    const { callId, value } = outcome;
    if (isDryRun) return dryRunResult(value, tool?.wrapping, callId);
    if (tool?.wrapping !== "items") return successResult(wrapped(value, tool?.wrapping), tool?.wrapping, callId);
    return collected(value as AsyncIterableIterator<unknown>, tool.operation, progress, this.#maxOutputBytes, room).then(
      (items) => successResult(items, tool.wrapping, callId),
      (error: unknown) => {
        if (isQuaterError(error)) return error;
        throw error;
      },
    );
  }

  #refusal(id: MessageId, error: QuaterError, tool: Tool | undefined, { principal, callId, authorization }: Caller): Answer {
    // The principal must not learn that the tool exists if the static policy refuses it with any scopes.
    if (tool === undefined || !isReachable(tool.operation, principal)) {
      const { message, code } = unknownHandler(tool?.operation.name ?? "", "mcp");
      const text = tool === undefined ? error.message : message;
      return { body: errorMessage(id, rpcCodes.invalidParams, text, { code, callId, errors: [] }) };
    }
    return { body: resultMessage(id, failureResult(error, callId)), challenge: challengeIn(error, principal, authorization) };
  }
}

/** Collects the items of a stream into one answer in memory. @param maxBytes  The largest size of the answer. */
const collected = async (
  items: AsyncIterableIterator<unknown>,
  { name, handler }: Operation,
  progress: Progress | undefined,
  maxBytes: number,
  room: AnswerRoom,
): Promise<string> => {
  const parts: string[] = [];
  let size = 0;
  for await (const item of items) {
    const json = JSON.stringify(item) ?? "null";
    size += Buffer.byteLength(json) + 1;
    // Reserve memory for the item and its text. The output check has already reserved memory for a large item.
    const hasRoom = room.reserve(json.length >= largeAnswer ? json.length : 2 * json.length);
    if (size > maxBytes || !hasRoom) {
      const refused = hasRoom ? outputTooLarge(name, maxBytes) : tooMuchUnread();
      await items.throw?.(handler.effect === "read" ? refused : itemUndelivered(name, refused)); // Throw into the stream, so that the failure is recorded.
    }
    parts.push(json);
    await progress?.item(parts.length, json);
  }
  return wrappedJson(`[${parts.join(",")}]`);
};

const invalidParams = (id: MessageId, message: string): Answer => ({ body: errorMessage(id, rpcCodes.invalidParams, message) });

const isMeta = (value: unknown): value is Readonly<Record<string, unknown>> | undefined =>
  value === undefined || (value !== null && typeof value === "object" && !Array.isArray(value));

const isApproval = (value: unknown): value is { readonly id: string } => {
  const { id, ...more } = Object(value) as Readonly<Record<string, unknown>>;
  return isApprovalId(id) && Object.keys(more).length === 0;
};
