// Answers to what cannot be served as a request: bytes that are not HTTP, a request that does not come in time, CONNECT. There is
// no call yet, so these answers are written by hand, and the connection closes.

import { type ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { jsonPolicy, type SecurityHeaders } from "./security.ts";

const statusOf: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};
const codeOf: Readonly<Record<number, string>> = { 400: "bad_request", 408: "request_timeout", 431: "too_many_headers" };

/** How long a client that was refused may take to close its side, milliseconds. */
const goodbyeMs = 2_000;

/**
 * Answers and closes the connection. Only closes it where the answer to an earlier request is due: the client would take this
 * answer for that one.
 *
 * @param code  Of Node's error.
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
  const timer = setTimeout(() => socket.destroy(), goodbyeMs); // a client that keeps its side open would keep ours
  timer.unref();
  socket.once("close", () => clearTimeout(timer));
};

const answerOf = (status: number, { usual }: SecurityHeaders): string => {
  const title = STATUS_CODES[status];
  const body = JSON.stringify({ title, status, code: codeOf[status], detail: "The request could not be read" });
  const headers = ["date", new Date().toUTCString(), ...usual, ...jsonPolicy, "cache-control", "no-store"];
  headers.push("content-type", "application/problem+json", "content-length", String(Buffer.byteLength(body)));
  headers.push("connection", "close");
  const lines = headers.flatMap((name, at) => (at % 2 === 0 ? [`${name}: ${headers[at + 1]}\r\n`] : []));
  return `HTTP/1.1 ${status} ${title}\r\n${lines.join("")}\r\n${body}`;
};
