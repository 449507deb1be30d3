// Turns errors into HTTP responses. The bodies of these responses are problem details (RFC 9457).

import { type IncomingMessage, STATUS_CODES } from "node:http";
import { visible } from "../../core/diagnostics/text.ts";
import { QuaterError } from "../../core/index.ts";
import { challengeOf, howToAuthenticate } from "../../core/model/credentials.ts";
import { type ErrorCode, type ErrorKind, errorCodes } from "../../core/plugin-api.ts";
import { noteFailure } from "./access.ts";
import { type ProblemDetails, problemText } from "./problem-format.ts";
import type { Reply } from "./reply.ts";
import { jsonPolicy } from "./security.ts";
import { statusOfKind, transportStatus } from "./statuses.ts";

export { statusOfKind, transportStatus };
export type TransportCode = keyof typeof transportStatus;

/**
 * The error kinds of the codes with which the HTTP server refuses HTTP requests. A code that is not in this table has the kind
 * `invalid_input`.
 */
const kindOf: Partial<Record<TransportCode, ErrorKind>> = { origin_not_allowed: "forbidden", overloaded: "unavailable" };

/**
 * The error that the HTTP server's own checks throw. This error goes through the pipeline like any refusal, so that Quater
 * records the refusal once.
 */
export class TransportRefusal extends QuaterError {
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: TransportCode, message: string, headers: Readonly<Record<string, string>> = {}) {
    super({ code, kind: kindOf[code] ?? "invalid_input", message });
    this.headers = headers;
  }
}

const isTransportCode = (code: string): code is TransportCode => Object.hasOwn(transportStatus, code);

/**
 * The error code for each status of an error that middleware throws. For any other 4xx status, the error code is `bad_request`
 * (RFC 9110 15.5).
 */
const codeOfStatus: Readonly<Record<number, ErrorCode | TransportCode>> = {
  401: "unauthenticated",
  403: "forbidden",
  404: "not_found",
  405: "method_not_allowed",
  406: "not_acceptable",
  408: "request_timeout",
  409: "conflict",
  413: "too_large",
  415: "unsupported_media_type",
  417: "expectation_failed",
  422: "invalid_input",
  429: "rate_limited",
  431: "too_many_headers",
};

/** An error that middleware threw with `ctx.throw(403, "Not on Sundays")`, with the status and headers of this error. */
class ThrownRefusal extends QuaterError {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    const code = codeOfStatus[status] ?? "bad_request";
    super({ code, kind: isTransportCode(code) ? "invalid_input" : errorCodes[code], message });
    this.status = status;
    this.headers = headers;
  }
}

/**
 * Converts an error of the package http-errors. In this package, `expose` means that the caller may see the message of the error.
 * Returns `undefined` for other errors.
 */
export const thrownRefusal = (error: unknown): QuaterError | undefined => {
  if (!(error instanceof Error)) return undefined;
  const { expose, status, headers } = error as { expose?: unknown; status?: unknown; headers?: Record<string, string> };
  const isTold = expose === true && typeof status === "number" && Number.isInteger(status) && status >= 400 && status < 500;
  return isTold ? new ThrownRefusal(status, visible(error.message), headers) : undefined;
};

export const statusOf = (error: QuaterError): number => {
  if (error instanceof ThrownRefusal) return error.status;
  if (isTransportCode(error.code)) return transportStatus[error.code];
  // The media type of the request body is JSON, but the body is not valid JSON.
  if (error.code.startsWith("json_")) return 400;
  if (error.code === "approval_denied" || error.code === "approver_not_eligible") return 403;
  return statusOfKind[error.kind];
};

/**
 * Returns the `Set-Cookie` headers that remove cookies. A browser removes a cookie only if the header has the same cookie name,
 * path and domain as the header that set the cookie.
 */
export const forgettingOf = ({ asks }: QuaterError): readonly string[] =>
  (asks?.forget ?? []).map(({ name, path = "/", domain }) => {
    const place = `Path=${path}${domain === undefined ? "" : `; Domain=${domain}`}`;
    // Browsers refuse a cookie with the prefix `__Host-` or `__Secure-` if the cookie lacks Secure (RFC 6265bis 4.1.3).
    const isPrefixed = /^__(?:host|secure)-/i.test(name);
    return `${name}=; ${place}; Max-Age=0; HttpOnly; SameSite=Lax${isPrefixed ? "; Secure" : ""}`;
  });

/** The names of the members that all problem details have. */
const ownMembers = new Set(["type", "title", "status", "code", "detail", "instance", "callId", "errors", "details"]);

/**
 * Returns problem details for an error. The details of the error become members of the problem details. A detail that has the
 * name of a standard member becomes a part of the member `details`.
 */
export const problemOf = (error: QuaterError, callId: string, detail = error.message): ProblemDetails => {
  const status = statusOf(error);
  const named = Object.entries(error.details ?? {});
  const taken = named.filter(([name]) => ownMembers.has(name));
  return {
    title: STATUS_CODES[status] ?? "Error",
    status,
    code: error.code,
    detail,
    callId,
    ...Object.fromEntries(named.filter(([name]) => !ownMembers.has(name))),
    ...(taken.length === 0 ? {} : { details: Object.fromEntries(taken) }),
    ...(error.errors === undefined ? {} : { errors: error.errors }),
  };
};

/** Returns the text of the error for the caller, with the caller's next step if HTTP has a next step. */
export const sentenceOf = (error: QuaterError): string =>
  error.code === "unauthenticated" && !(error instanceof ThrownRefusal)
    ? `${error.message}: ${howToAuthenticate(error.asks)}`
    : error.message;

/** Returns the HTTP response for a refused or failed call. */
export const refusalOf = (req: IncomingMessage, error: QuaterError, callId: string): Reply => {
  noteFailure(req, error);
  const status = statusOf(error);
  const headers: (string | string[])[] = [];
  const challenge = challengeOf(error);
  if (challenge !== undefined) headers.push("www-authenticate", challenge);
  if (error.asks !== undefined && error.asks.forget.length > 0) headers.push("set-cookie", [...forgettingOf(error)]);
  const own = error instanceof TransportRefusal || error instanceof ThrownRefusal ? error.headers : {};
  for (const [name, value] of Object.entries(own))
    headers.push(name.toLowerCase(), Array.isArray(value) ? value.map(String) : String(value));
  if (error.retryAfterSeconds !== undefined) headers.push("retry-after", String(error.retryAfterSeconds));
  if (isUnread(req) && !headers.includes("connection")) headers.push("connection", "close");
  const { text, contentType } = problemText(req, problemOf(error, callId, sentenceOf(error)));
  headers.push("cache-control", "no-store", "content-type", contentType, ...jsonPolicy);
  return { status, headers, body: text };
};

/** How many unread bytes of an HTTP request the server reads and discards, so that the client gets the response. */
const drainable = 64 * 1024;

const isUnread = ({ complete, headers }: IncomingMessage): boolean =>
  !complete && (headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > drainable);
