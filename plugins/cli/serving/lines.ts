// Sends the answer of a remote endpoint. The answer is several lines if the endpoint sends data before the end of the call. Most
// answers are one JSON text with the HTTP status of the outcome.

import { once } from "node:events";
import type { Writable } from "node:stream";
import { largeAnswer } from "../../../core/pipeline/answer-size.ts";
import type { Web, WebReply, WebRequest } from "../../offered.ts";
import { type Envelope, type Line, linesType } from "./protocol.ts";
import { reply } from "./refusing.ts";

export class Lines {
  readonly #request: WebRequest;
  readonly #http: Web;
  readonly #beats: NodeJS.Timeout;
  #hasBegun = false;

  /** @param heartbeatMs  The longest silence before the class sends an empty line, so that proxies keep the connection open. */
  constructor(request: WebRequest, http: Web, heartbeatMs: number) {
    this.#request = request;
    this.#http = http;
    this.#beats = setInterval(() => this.#write("\n"), heartbeatMs).unref();
  }

  /** Sends a line of the answer. Drops the line if the client does not read. */
  offer(line: Line): void {
    this.#write(`${JSON.stringify(line)}\n`);
  }

  /** Sends a line of the answer as fast as the client reads. @returns Whether the line was sent. */
  async send(line: Line): Promise<boolean> {
    const { res } = this.#request;
    const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
    if (bytes.length >= largeAnswer && (await this.#http.room(this.#request, "answer").take(bytes.length)) === undefined) {
      // The client recognizes an incomplete answer by the absence of the last line.
      res.destroy();
      return false;
    }
    this.#begin();
    if (res.destroyed) return false;
    if (!res.write(bytes)) await drained(res);
    return !res.destroyed;
  }

  /** Ends the answer. @param status  The HTTP status of the answer. The status has no effect if lines were sent before. */
  async end(status: number, envelope: Envelope, headers: readonly string[] = []): Promise<WebReply | undefined> {
    clearInterval(this.#beats);
    if (!this.#hasBegun) return reply(status, envelope, headers);
    const { res } = this.#request;
    const bytes = Buffer.from(`${JSON.stringify(envelope)}\n`);
    const isRefused =
      bytes.length >= largeAnswer && (await this.#http.room(this.#request, "answer").take(bytes.length)) === undefined;
    if (isRefused) res.destroy();
    else if (!res.destroyed) res.end(bytes);
    return undefined;
  }

  stop(): void {
    clearInterval(this.#beats);
  }

  #begin(): void {
    if (this.#hasBegun || this.#request.res.destroyed) return;
    this.#hasBegun = true;
    this.#request.takeOver();
    this.#request.res.writeHead(200, {
      "content-type": linesType,
      "cache-control": "no-store, no-transform",
      "x-accel-buffering": "no", // This header keeps nginx from buffering lines.
    });
  }

  #write(text: string): void {
    const { res } = this.#request;
    this.#begin();
    if (!res.destroyed && !res.writableNeedDrain) res.write(text);
  }
}

const drained = async (stream: Writable): Promise<void> => {
  const ended = new AbortController();
  const { signal } = ended;
  const ignore = () => {};
  try {
    if (!stream.destroyed && stream.writableNeedDrain)
      await Promise.race([once(stream, "drain", { signal }).catch(ignore), once(stream, "close", { signal }).catch(ignore)]);
  } finally {
    ended.abort();
  }
};
