// Sends the answer to one POST request: JSON, or an event stream if the call reports progress before its answer, or takes long.

import type { ServerResponse } from "node:http";
import { largeAnswer } from "../../../core/pipeline/answer-size.ts";
import type { Awaitable } from "../../../core/plugin-api.ts";
import type { EndpointReply, EndpointRequest, HttpService } from "../../http/service.ts";
import type { Notifier } from "../answering/progress.ts";
import type { Answer } from "../protocol/answers.ts";
import { onOneLine } from "../protocol/messages.ts";
import { caughtUp } from "./line.ts";

/** Sends the answer to one POST request, and the messages before the answer. */
export class AnswerSender implements Notifier {
  readonly #request: EndpointRequest;
  readonly #res: ServerResponse;
  readonly #http: HttpService;
  readonly #heartbeatMs: number;
  #timer: NodeJS.Timeout | undefined;
  #isStream = false;
  /** The last large message that is being sent. Large messages are sent one after the other. */
  #sending: Promise<void> | undefined;

  constructor(request: EndpointRequest, http: HttpService, heartbeatMs: number) {
    this.#request = request;
    this.#res = request.res;
    this.#http = http;
    this.#heartbeatMs = heartbeatMs;
  }

  /** Whether the client has left. */
  get isGone(): boolean {
    return this.#res.destroyed;
  }

  /**
   * Starts to send comments to a client that waits for its answer. Proxies close a connection if no byte arrives for about a
   * minute. The first comment makes the answer an event stream, so only clients that accept event streams get comments.
   */
  keepAlive(): void {
    if (this.#acceptsStream) this.#timer = setTimeout(this.#beat, this.#heartbeatMs).unref();
  }

  readonly #beat = (): void => {
    if (this.#res.destroyed) return;
    this.#open();
    if (!this.#res.writableNeedDrain) this.#res.write(": keep-alive\n\n");
    this.#timer?.refresh();
  };

  get #acceptsStream(): boolean {
    return this.#request.req.headers.accept?.toLowerCase().includes("text/event-stream") === true;
  }

  get isBehind(): boolean {
    return !this.#res.destroyed && (this.#sending !== undefined || this.#res.writableNeedDrain);
  }

  send(message: string): Awaitable<void> {
    if (this.#res.destroyed || !this.#acceptsStream) return;
    this.#open();
    if (message.length < largeAnswer) {
      this.#res.write(event(message));
      return;
    }
    this.#sending = this.#sendLarge(Buffer.from(event(message)));
    return this.#sending;
  }

  #open(): void {
    if (this.#isStream) return;
    this.#isStream = true;
    this.#request.takeOver();
    this.#res.writeHead(200, {
      "content-type": "text/event-stream",
      "cache-control": "no-cache, no-transform",
      "x-accel-buffering": "no", // This header keeps nginx from buffering events.
    });
  }

  async #sendLarge(bytes: Buffer): Promise<void> {
    const giveBack = await this.#http.room(this.#request, "notices").take(bytes.length);
    if (giveBack !== undefined) this.#res.write(bytes, giveBack);
    this.#sending = undefined;
  }

  caughtUp(): Promise<void> {
    return caughtUp(this.#res);
  }

  /** Ends the response without an answer, because the client has cancelled its request. */
  endUnanswered(): EndpointReply | undefined {
    clearTimeout(this.#timer);
    if (!this.#acceptsStream) return { status: 202, headers: [], body: "" };
    if (this.#res.destroyed) return undefined;
    this.#open();
    this.#res.end();
    return undefined;
  }

  /** Ends the event stream, or returns the answer. */
  end({ body, status = 200, session, challenge }: Answer): Awaitable<EndpointReply | undefined> {
    clearTimeout(this.#timer);
    if (this.#isStream) return this.#endStream(Buffer.from(event(body)));
    if (session !== undefined) return jsonReply(status, body, ["mcp-session-id", session]);
    if (challenge === undefined) return jsonReply(status, body);
    return jsonReply(challenge.status, body, ["www-authenticate", challenge.header]);
  }

  async #endStream(last: Buffer): Promise<undefined> {
    await this.#sending;
    const isLarge = last.length >= largeAnswer;
    // Close the connection if the memory is full. Because the last event is missing, the client recognizes that the answer is
    // incomplete.
    if (isLarge && (await this.#http.room(this.#request, "answer").take(last.length)) === undefined) this.#res.destroy();
    else if (!this.#res.destroyed) this.#res.end(last);
  }
}

/** @param headers  Header names and values, one after the other. */
export const jsonReply = (status: number, body: string, headers: readonly (string | string[])[] = []): EndpointReply => ({
  status,
  headers: [...headers, "content-type", "application/json"],
  body: onOneLine(body),
});

/** Makes an event. JSON text has no line breaks, so one `data` line is enough. */
const event = (message: string): string => `event: message\ndata: ${onOneLine(message)}\n\n`;
