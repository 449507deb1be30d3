// Serves MCP over HTTP. The dispatcher decides in which order Quater authenticates the caller, reads the message and answers the
// message.
//
// Each POST request contains one message, and Quater answers with JSON. The answer of Quater becomes an event stream only if a
// call reports progress before the answer, or takes long. Quater has no GET stream, no resumption of streams, and no sessions in
// memory, so any instance can answer any request.

import { isQuaterError, type Principal } from "../../../core/index.ts";
import { type Arriving, type Awaitable, errorText, type Log, traceIdOf } from "../../../core/plugin-api.ts";
import type { Endpoint, EndpointReply, EndpointRequest, HttpService } from "../../http/service.ts";
import type { Caller } from "../answering/caller.ts";
import type { Dispatcher } from "../answering/dispatch.ts";
import type { Incoming, IncomingRequest } from "../answering/incoming.ts";
import type { Authorization } from "../authorization/resource-server.ts";
import type { Answer } from "../protocol/answers.ts";
import { type Era, eraOf } from "../protocol/era.ts";
import { errorMessage, internalError, type Notification, type Request, readMessage, rpcCodes } from "../protocol/messages.ts";
import { AnswerSender, jsonHeaders, jsonReply, type SenderParts, SlowAnswers } from "./answer-sender.ts";
import type { ClientCalls, HttpCall } from "./client-calls.ts";
import { headersRefused, refusal, refusedLater, turnedAway } from "./refusals.ts";

export interface HttpParts {
  readonly http: HttpService;
  readonly dispatcher: Dispatcher;
  readonly log: Log;
  readonly authorization: Authorization | undefined;
  readonly calls: ClientCalls;
  readonly heartbeatMs: number;
}

export const mcpOverHttp = (parts: HttpParts): Endpoint => {
  const prepared = { ...parts, json: parts.http.prepare(jsonHeaders), slow: new SlowAnswers() };
  return (request) =>
    request.req.method === "POST"
      ? parts.dispatcher.serve(new Post(request, prepared))
      : refusal(request, 405, rpcCodes.transport, "The MCP endpoint accepts only the method POST", ["allow", "POST"]);
};

type Prepared = HttpParts & SenderParts & { readonly slow: SlowAnswers };

/** The reply to a POST request; `undefined` if Quater has already sent the answer as an event stream. */
type Reply = EndpointReply | undefined;

/** The body of a POST request before Quater has read the body. All requests share this buffer. */
const noBody = Buffer.alloc(0);

class Post implements Incoming<Reply> {
  readonly entry: Arriving;
  readonly #request: EndpointRequest;
  readonly #parts: Prepared;
  #body: Buffer = noBody;

  constructor(request: EndpointRequest, parts: Prepared) {
    const { req, callId } = request;
    const traceId = traceIdOf(req.headers["traceparent"]);
    this.entry = { surface: "mcp", credentials: parts.http.credentials(request, "mcp"), callId, traceId };
    this.#request = request;
    this.#parts = parts;
  }

  turnedAway(error: unknown): EndpointReply {
    if (!isQuaterError(error)) throw error;
    return turnedAway(this.#request, this.#parts.http, error, this.#parts.authorization);
  }

  receive(principal: Principal): Awaitable<EndpointReply | undefined> {
    const { http } = this.#parts;
    http.noteCaller(this.#request, principal);
    const wrong = headersRefused(this.#request.req);
    if (wrong !== undefined) return refusal(this.#request, wrong.status, rpcCodes.transport, wrong.message);
    const reading = http.readBody(this.#request);
    if (reading instanceof Promise) return reading.then((body) => this.#keep(body));
    return this.#keep(reading);
  }

  #keep(body: Buffer): undefined {
    this.#body = body;
  }

  read(principal: Principal): IncomingRequest<Reply> | { readonly reply: EndpointReply } {
    const { headers } = this.#request.req;
    const message = readMessage(this.#body);
    if (message.kind === "malformed") return { reply: jsonReply(400, message.answer) };
    if (message.kind === "response") return { reply: accepted };
    const era = eraOf(message, headers);
    if (typeof era === "object") return { reply: jsonReply(era.status, era.answer) };
    const { calls } = this.#parts;
    const session = era === "2025" ? calls.sessionOf(message, headers, principal) : undefined;
    if (session === "refused") return { reply: jsonReply(404, sessionUnknown(message)) };
    if (message.kind === "request")
      return new PostedRequest(message, { era, session, principal, entry: this.entry }, this.#request, this.#parts);
    if (era === "2025") calls.notified(message, session, principal);
    return { reply: accepted };
  }
}

interface Origin {
  readonly era: Era;
  readonly session: string | undefined;
  readonly principal: Principal;
  readonly entry: Arriving;
}

class PostedRequest implements IncomingRequest<Reply> {
  readonly request: Request;
  readonly caller: Caller;
  readonly #parts: Prepared;
  readonly #sender: AnswerSender;
  /** The call of this request; `undefined` in revision 2026-07-28, where clients cancel a call by closing the connection. */
  readonly #call: HttpCall | undefined;

  constructor(message: Request, { era, session, principal, entry }: Origin, request: EndpointRequest, parts: Prepared) {
    const { http, calls, authorization } = parts;
    const isLegacy = era === "2025";
    this.request = message;
    this.#parts = parts;
    this.#call = isLegacy ? calls.begin(message, session, principal) : undefined;
    this.#sender = new AnswerSender(request, parts, this.#call);
    this.caller = {
      principal,
      era,
      headers: isLegacy ? undefined : request.req.headers,
      entry,
      callId: entry.callId,
      peer: entry.credentials.peer,
      traceId: entry.traceId,
      cancellation: this.#call ?? http.cancellation(request),
      notifier: this.#sender,
      room: http.room(request, "answer"),
      authorization,
      ended: (operation, outcome) => http.noteRun(request, operation, outcome),
    };
  }

  send(answering: Awaitable<Answer>): Awaitable<Reply> {
    if (!(answering instanceof Promise)) return this.#sendAnswer(answering);
    this.#parts.slow.add(this.#sender);
    return answering.then((answer) => this.#sendAnswer(answer));
  }

  #sendAnswer(answer: Answer): Awaitable<Reply> {
    if (this.#call?.isTakenBack === true) return this.#sender.endUnanswered();
    if (answer.opensSession !== true) return this.#sender.end(answer);
    return this.#sender.end({ ...answer, session: this.#parts.calls.newSession(this.caller.principal) });
  }

  failed(error: unknown): Awaitable<Reply> {
    const { http, authorization, log } = this.#parts;
    const { callId } = this.caller;
    const { id } = this.request;
    // The gate refused the credential of the caller while the call waited for the decision of the approvers.
    if (isQuaterError(error)) return this.#sender.end(refusedLater(id, http.sentenceOf(error), error, callId, authorization));
    log.error("An MCP request could not be answered", { callId, error: errorText(error) });
    return this.#sender.end({ body: internalError(id, callId) });
  }

  end(): void {
    this.#call?.end();
  }
}

const sessionUnknown = (message: Request | Notification): string =>
  errorMessage(
    message.kind === "request" ? message.id : undefined,
    rpcCodes.refused,
    "The Mcp-Session-Id is not valid, or too old. Initialize again",
  );

/** The reply to a POST request with a notification or a response. */
const accepted: EndpointReply = { status: 202, headers: [], body: "" };
