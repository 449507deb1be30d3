// Responds to and closes connections that the HTTP server cannot serve: bytes that are not HTTP, an HTTP request that does not
// arrive in time, and CONNECT. Node creates no response object for these connections, so this file writes the bytes of the
// response itself.

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
 * Sends a response and closes the connection. If an earlier HTTP request on the connection has no response yet, this function
 * sends nothing and only closes the connection. Otherwise the client would read this response as the response to the earlier HTTP
 * request.
 *
 * @param code  The code of Node's error.
 * @param answered  The function runs `answered` with the status and the number of bytes of the response.
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
  // Close the socket after `goodbyeMs`, because a client that never closes its side would keep the socket open.
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
