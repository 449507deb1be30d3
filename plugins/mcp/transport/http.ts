// Serves MCP over HTTP. The function `serve` handles a POST request from its headers to its answer.
//
// Each POST request contains one message, and the answer is JSON. The answer becomes an event stream only if a call reports
// progress before its answer, or takes long. There is no GET stream, no resumption, and no session in memory, so any instance can
// answer any request.

import { isQuaterError, type Principal } from "../../../core/index.ts";
import { errorText, type Gate, type Log, traceIdOf } from "../../../core/plugin-api.ts";
import type { Endpoint, EndpointReply, EndpointRequest, HttpService } from "../../http/service.ts";
import type { Dispatcher } from "../answering/dispatch.ts";
import type { Authorization } from "../authorization/resource-server.ts";
import { eraOf } from "../protocol/era.ts";
import { errorMessage, type Notification, type Request, readMessage, rpcCodes } from "../protocol/messages.ts";
import { AnswerSender, jsonHeaders, jsonReply, type SenderParts, SlowAnswers } from "./answer-sender.ts";
import type { ClientCalls } from "./client-calls.ts";
import { headersRefused, refusal, refusedLater, turnedAway } from "./refusals.ts";

export interface HttpParts {
  readonly http: HttpService;
  readonly gate: Gate;
  readonly dispatcher: Dispatcher;
  readonly log: Log;
  readonly authorization: Authorization | undefined;
  readonly calls: ClientCalls;
  readonly heartbeatMs: number;
}

export const mcpOverHttp = (parts: HttpParts): Endpoint => {
  const prepared = { ...parts, json: parts.http.prepare(jsonHeaders), slow: new SlowAnswers() };
  return (request) => serve(request, prepared);
};

type Prepared = HttpParts & SenderParts & { readonly slow: SlowAnswers };

const serve = async (request: EndpointRequest, parts: Prepared): Promise<EndpointReply | undefined> => {
  const { req, callId } = request;
  if (req.method !== "POST")
    return refusal(request, 405, rpcCodes.transport, "The MCP endpoint accepts only the method POST", ["allow", "POST"]);
  const { http, gate, authorization } = parts;
  const credentials = http.credentials(request, "mcp");
  const traceId = traceIdOf(req.headers["traceparent"]);
  const entry = { surface: "mcp", credentials, callId, traceId };
  let principal: Principal;
  /**
   * The time at which the caller was authenticated. `undefined` if the request has not waited for anything, so that most requests
   * do not read the clock.
   */
  let enteredAt: number | undefined;
  try {
    // At this point only the headers were read, so callers without access cannot make the server read or parse a body.
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
  if (message.kind === "response") return accepted;
  const era = eraOf(message, req.headers);
  if (typeof era === "object") return jsonReply(era.status, era.answer);
  const { calls } = parts;
  const session = era === "2025" ? calls.sessionOf(message, req.headers, principal) : undefined;
  if (session === "refused") return jsonReply(404, sessionUnknown(message));
  if (message.kind === "notification") {
    if (era === "2025") calls.notified(message, session, principal);
    return accepted;
  }
  // In the revisions of 2025 and before, a closed connection does not cancel a call, because clients cancel with a notification.
  const call = era === "2025" ? calls.begin(message, session, principal) : undefined;
  const sender = new AnswerSender(request, parts, call);
  try {
    const answering = parts.dispatcher.answer(message, {
      principal,
      era,
      headers: era === "2026" ? req.headers : undefined,
      entry,
      callId,
      peer: credentials.peer,
      traceId,
      cancellation: call ?? http.cancellation(request),
      notifier: sender,
      room: http.room(request, "answer"),
      authorization,
      ended: (operation, outcome) => http.noteRun(request, operation, outcome),
    });
    if (answering instanceof Promise) parts.slow.add(sender);
    const answer = answering instanceof Promise ? await answering : answering;
    if (call?.isTakenBack === true) return sender.endUnanswered();
    if (answer.opensSession === true) return await sender.end({ ...answer, session: calls.newSession(principal) });
    const ending = sender.end(answer);
    return ending instanceof Promise ? await ending : ending;
  } catch (error) {
    // The credential was refused while the call waited for the decision of the approvers.
    if (isQuaterError(error)) return sender.end(refusedLater(message.id, http.sentenceOf(error), error, callId, authorization));
    parts.log.error("An MCP request could not be answered", { callId, error: errorText(error) });
    const body = errorMessage(message.id, rpcCodes.internal, "The server failed while the server handled this MCP request", {
      code: "internal",
      callId,
    });
    return sender.end({ body });
  } finally {
    call?.end();
  }
};

const sessionUnknown = (message: Request | Notification): string =>
  errorMessage(
    message.kind === "request" ? message.id : undefined,
    rpcCodes.refused,
    "The Mcp-Session-Id is not valid, or too old. Initialize again",
  );

/** The answer to a notification or a response. */
const accepted: EndpointReply = { status: 202, headers: [], body: "" };
