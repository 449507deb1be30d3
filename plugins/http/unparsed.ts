// Answers connections that cannot be served as requests: bytes that are not HTTP, a request that does not arrive in time,
// CONNECT. There is no call yet, so these answers are written by hand, and the connection closes.

import { type ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { jsonPolicy, type SecurityHeaders } from "./security.ts";

const statusOf: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};
const codeOf: Readonly<Record<number, string>> = { 400: "bad_request", 408: "request_timeout", 431: "too_many_headers" };

/** How long a refused client may take to close its side of the connection, milliseconds. */
const goodbyeMs = 2_000;

/**
 * Answers and closes the connection. If an earlier answer is still due, it only closes the connection, because the client would
 * take this answer for the earlier one.
 *
 * @param code  The code of Node's error.
 * @param answered  Called with the status and the bytes of the answer.
 */
export const refuseUnparsed = (
  socket: Socket,
  code: string | undefined,
  security: SecurityHeaders,
  answered: ((status: number, bytes: number) => void) | undefined,
): void => {
  const due = (socket as Socket & { _httpMessage?: ServerResponse | null })._httpMessage;
  const isBusy = due != null && (due.headersSent || due.req.complete);
  if (code === "ECONNRESET" || !socket.writable || isBusy) return void socket.destroy();
  const status = statusOf[code ?? ""] ?? 400;
  const answer = answerOf(status, security);
  socket.end(answer);
  answered?.(status, Buffer.byteLength(answer));
  // A client that keeps its side open would keep this side open, too.
  const timer = setTimeout(() => socket.destroy(), goodbyeMs);
  timer.unref();
  socket.once("close", () => clearTimeout(timer));
};

const answerOf = (status: number, { usual }: SecurityHeaders): string => {
  const title = STATUS_CODES[status];
  const body = JSON.stringify({
    title,
    status,
    code: codeOf[status],
    detail: "The server could not read the request, because it is not valid HTTP/1.1 or its headers are too large",
  });
  const headers = ["date", new Date().toUTCString(), ...usual, ...jsonPolicy, "cache-control", "no-store"];
  headers.push("content-type", "application/problem+json", "content-length", String(Buffer.byteLength(body)));
  headers.push("connection", "close");
  const lines = headers.flatMap((name, at) => (at % 2 === 0 ? [`${name}: ${headers[at + 1]}\r\n`] : []));
  return `HTTP/1.1 ${status} ${title}\r\n${lines.join("")}\r\n${body}`;
};
