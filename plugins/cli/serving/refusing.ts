// Makes the answers of the remote endpoints that are one JSON text, and refuses callers who may not use an endpoint.

import type { IncomingMessage } from "node:http";
import { missingScope } from "../../../core/diagnostics/errors.ts";
import { isQuaterError, type Principal, QuaterError } from "../../../core/index.ts";
import { challengeOf } from "../../../core/model/credentials.ts";
import { type Arriving, type Awaitable, type Gate, type Services, traceIdOf } from "../../../core/plugin-api.ts";
import { auditRef, type Web, type WebReply, type WebRequest } from "../../offered.ts";
import { type Envelope, type ErrorBody, type Login, protocol, type Right, scopeOf } from "./protocol.ts";

/** The parts of the server that all remote endpoints use. */
export interface Endpoints {
  readonly http: Web;
  readonly gate: Gate;
  readonly services: Services;
  readonly login: Login | undefined;
}

export const errorBodyOf = (error: QuaterError, callId: string): ErrorBody => {
  const { code, kind, message, errors, details, retryAfterSeconds } = error;
  return {
    code,
    kind,
    message,
    callId,
    ...(errors === undefined ? {} : { errors }),
    ...(details === undefined ? {} : { details }),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  };
};

/** Makes an answer with one JSON text. Caches must not store the answer, because the answer is for one caller. */
export const reply = (status: number, body: object, headers: readonly string[] = []): WebReply => ({
  status,
  headers: [...headers, "content-type", "application/json", "cache-control", "no-store"],
  body: JSON.stringify(body),
});

/** Makes the answer for an HTTP request that the endpoint refused or that failed. */
export const refusal = ({ http, login }: Endpoints, { req, callId }: WebRequest, error: QuaterError): WebReply => {
  const challenge = challengeOf(error);
  const envelope: Envelope = {
    protocol,
    ok: false,
    error: errorBodyOf(error, callId),
    ...(error.kind === "unauthenticated" && login !== undefined ? { login } : {}),
  };
  return reply(http.statusOf(error), envelope, [
    ...(challenge === undefined ? [] : ["www-authenticate", challenge]),
    ...(error.retryAfterSeconds === undefined ? [] : ["retry-after", String(error.retryAfterSeconds)]),
    // The client may still send a request body that the server does not read, so the server closes the connection.
    ...(req.complete || req.method === "GET" ? [] : ["connection", "close"]),
  ]);
};

const wrong = (code: "forbidden" | "invalid_input", message: string): QuaterError =>
  new QuaterError({ code, kind: code, message });

export const malformed = (message: string): QuaterError => wrong("invalid_input", message);

/**
 * Refuses HTTP requests of browsers. A browser adds the headers Origin or Sec-Fetch-Site to the HTTP requests of web pages, and a
 * web page cannot remove these headers. The program `quater` never sends these headers. So no web page can use a remote endpoint,
 * even from an allowed origin.
 */
const refuseBrowsers = ({ headers }: IncomingMessage): void => {
  if (headers.origin !== undefined || headers["sec-fetch-site"] !== undefined)
    throw wrong("forbidden", "This endpoint is only for the program quater, so it does not answer browsers");
};

const refuseOtherTypes = ({ method, headers }: IncomingMessage): void => {
  const type = headers["content-type"]?.split(";", 1)[0]?.trim().toLowerCase();
  if (method === "POST" && type !== "application/json")
    throw malformed("The body must be JSON. Send Content-Type: application/json");
};

export interface Entered {
  readonly principal: Principal;
  readonly entry: Arriving;
  readonly enteredAt: number;
}

/** Authenticates the caller of an HTTP request before the server reads the body. @throws {QuaterError} */
export const entered = async ({ http, gate }: Endpoints, request: WebRequest): Promise<Entered> => {
  const { req, callId } = request;
  refuseBrowsers(req);
  const entry: Arriving = {
    surface: "cli",
    credentials: http.credentials(request, "cli"),
    callId,
    traceId: traceIdOf(req.headers["traceparent"]),
    isRemote: true,
  };
  const enteredAt = performance.now();
  const principal = await gate.enter(entry);
  http.noteCaller(request, principal);
  return { principal, entry, enteredAt };
};

/** Checks that the caller has the scope of a right, and records the refusal. @throws {QuaterError} `missing_scope`. */
export const checkRight = (parts: Endpoints, caller: Entered, right: Right, command: string): void => {
  const scope = scopeOf(right);
  if (caller.principal.scopes.includes(scope)) return;
  const error = missingScope([scope]);
  recordRefusal(parts, caller, error, command);
  throw error;
};

/** Reads the body of a request. @throws {QuaterError} A refusal, which is recorded, because the caller is known. */
export const bodyIn = (parts: Endpoints, caller: Entered, request: WebRequest, command: string): Promise<Buffer> =>
  accounted(parts, caller, command, () => {
    refuseOtherTypes(request.req);
    return parts.http.readBody(request);
  });

/** Reads a part of a request, and records the refusal of a request that is not valid. */
export const accounted = async <Read>(
  parts: Endpoints,
  caller: Entered,
  command: string,
  read: () => Awaitable<Read>,
): Promise<Read> => {
  try {
    return await read();
  } catch (error) {
    if (isQuaterError(error)) recordRefusal(parts, caller, error, command);
    throw error;
  }
};

const recordRefusal = (
  { services }: Endpoints,
  { principal, entry: { callId, credentials } }: Entered,
  error: QuaterError,
  command: string,
): void => {
  const { issuer, subject, kind, credential, person, actsFor } = principal;
  services.find(auditRef)?.refused({
    callId,
    surface: "cli",
    principal: {
      issuer,
      subject,
      kind,
      credential,
      ...(person === undefined ? {} : { person }),
      ...(actsFor === undefined ? {} : { actsFor }),
    },
    errorCode: error.code,
    detail: { command },
    remote: true,
    ...(credentials.peer === undefined ? {} : { peer: credentials.peer }),
  });
};

/** Wraps an endpoint so that the endpoint answers only one HTTP method. Errors become answers in the form of the protocol. */
export const answering =
  (parts: Endpoints, method: "GET" | "POST", answer: (request: WebRequest) => Promise<WebReply | undefined>) =>
  async (request: WebRequest): Promise<WebReply | undefined> => {
    try {
      if (request.req.method !== method)
        return { ...refusal(parts, request, malformed(`This endpoint needs the method ${method}`)), status: 405 };
      return await answer(request);
    } catch (error) {
      if (!isQuaterError(error) || request.res.headersSent) throw error;
      return refusal(parts, request, error);
    }
  };
