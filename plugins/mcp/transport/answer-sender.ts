// Sends the answer to one POST request. This answer is JSON, or an event stream if the call reports progress before the answer,
// or takes long.

import type { ServerResponse } from "node:http";
import { largeAnswer } from "../../../core/pipeline/answer-size.ts";
import type { Awaitable } from "../../../core/plugin-api.ts";
import type { EndpointReply, EndpointRequest, HttpService, PreparedHeaders } from "../../http/service.ts";
import type { Notifier } from "../answering/progress.ts";
import type { Answer } from "../protocol/answers.ts";
import { onOneLine } from "../protocol/messages.ts";
import type { HttpCall } from "./client-calls.ts";
import { caughtUp } from "./line.ts";

export interface SenderParts {
  readonly http: HttpService;
  /** The headers `jsonHeaders`, which the HTTP server has prepared. */
  readonly json: PreparedHeaders;
  readonly heartbeatMs: number;
}

/**
 * Calls `keepAlive` of the senders whose calls do not end immediately. Most MCP calls begin and end in one turn of the event
 * loop. So Quater makes the timer and the listener of a sender one turn later, which saves 3 % of the CPU time of a call.
 */
export class SlowAnswers {
  #begun: AnswerSender[] = [];

  add(sender: AnswerSender): void {
    if (this.#begun.length === 0) setImmediate(this.#keepAlive);
    this.#begun.push(sender);
  }

  readonly #keepAlive = (): void => {
    const begun = this.#begun;
    this.#begun = [];
    for (const sender of begun) sender.keepAlive();
  };
}

/** Sends the answer to one POST request, and the notifications before the answer. */
export class AnswerSender implements Notifier {
  readonly #request: EndpointRequest;
  readonly #res: ServerResponse;
  readonly #http: HttpService;
  readonly #json: PreparedHeaders;
  readonly #heartbeatMs: number;
  readonly #call: HttpCall | undefined;
  #isOver = false;
  #timer: NodeJS.Timeout | undefined;
  #isStream = false;
  /** Resolves when the last large message is sent. The sender sends large messages one after the other. */
  #sending: Promise<void> | undefined;

  /** @param call  The call that the client can cancel with a notification; `undefined` if the client cannot cancel the call. */
  constructor(request: EndpointRequest, { http, json, heartbeatMs }: SenderParts, call: HttpCall | undefined) {
    this.#request = request;
    this.#res = request.res;
    this.#http = http;
    this.#json = json;
    this.#heartbeatMs = heartbeatMs;
    this.#call = call;
  }

  /** Whether the client of the POST request has left. */
  get isGone(): boolean {
    return this.#res.destroyed;
  }

  /**
   * SlowAnswers calls this function one turn of the event loop after the call began. If the call still runs at this time, the
   * sender starts to send comments to the client. Proxies close a connection if no byte arrives for about a minute. The first
   * comment makes the answer an event stream, so only clients that accept event streams get comments.
   */
  keepAlive(): void {
    if (this.#isOver) return;
    this.#call?.watchClient(this.#res);
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

  get canSend(): boolean {
    return this.#acceptsStream;
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

  /** Ends the response without an answer, because the client has cancelled the request. */
  endUnanswered(): EndpointReply | undefined {
    this.#stopComments();
    if (!this.#acceptsStream) return { status: 202, headers: [], body: "" };
    if (this.#res.destroyed) return undefined;
    this.#open();
    this.#res.end();
    return undefined;
  }

  /** Ends the event stream with the answer, or returns the answer as JSON. */
  end({ body, status = 200, session, challenge }: Answer): Awaitable<EndpointReply | undefined> {
    this.#stopComments();
    if (this.#isStream) return this.#endStream(Buffer.from(event(body)));
    if (session !== undefined) return jsonReply(status, body, ["mcp-session-id", session]);
    if (challenge !== undefined) return jsonReply(challenge.status, body, ["www-authenticate", challenge.header]);
    return { status, headers: jsonHeaders, body: onOneLine(body), known: this.#json };
  }

  #stopComments(): void {
    this.#isOver = true;
    if (this.#timer !== undefined) clearTimeout(this.#timer);
  }

  async #endStream(last: Buffer): Promise<undefined> {
    await this.#sending;
    const isLarge = last.length >= largeAnswer;
    // Close the connection if the memory for large answers is full. Because the last event of the event stream is missing, the
    // client recognizes that the answer is incomplete.
    if (isLarge && (await this.#http.room(this.#request, "answer").take(last.length)) === undefined) this.#res.destroy();
    else if (!this.#res.destroyed) this.#res.end(last);
  }
}

/** The name and value of the header of an answer in JSON. */
export const jsonHeaders: readonly string[] = ["content-type", "application/json"];

/** @param headers  The names and values of further headers, one after the other. */
export const jsonReply = (status: number, body: string, headers: readonly (string | string[])[] = []): EndpointReply => ({
  status,
  headers: [...headers, ...jsonHeaders],
  body: onOneLine(body),
});

/** Returns a message as an event of an event stream. JSON text has no line breaks, so one `data` line is enough. */
const event = (message: string): string => `event: message\ndata: ${onOneLine(message)}\n\n`;
