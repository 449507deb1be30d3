// Serves MCP over a pair of streams, which contain one message per line (MCP 2025-11-25, basic/transports, "stdio").

import { setImmediate, setTimeout } from "node:timers/promises";
import { visible } from "../../../core/diagnostics/text.ts";
import { isQuaterError, type Principal, type QuaterError } from "../../../core/index.ts";
import { type Arriving, errorText, type Gate, type Log, tooLarge } from "../../../core/plugin-api.ts";
import type { Caller, CallersListener } from "../answering/caller.ts";
import type { Dispatcher } from "../answering/dispatch.ts";
import type { Incoming, IncomingRequest } from "../answering/incoming.ts";
import { errorDataOf } from "../answering/outcome.ts";
import type { Subscriptions } from "../answering/subscriptions.ts";
import { type Era, eraOf } from "../protocol/era.ts";
import { errorMessage, internalError, type MessageId, type Request, readMessage, rpcCodes } from "../protocol/messages.ts";
import type { StdioStreams } from "../service.ts";
import { ClientCall } from "./calls.ts";
import { Line } from "./line.ts";
import { type LongLine, linesOf, maxLineBytes } from "./lines.ts";

/**
 * The most running requests of a client, because no client needs more requests at the same time. Quater refuses further requests
 * immediately, so that Quater can still read a cancellation.
 */
const maxInFlight = 256;
/** If at least this number of requests is running, Quater sends answers before Quater reads further requests. */
const manyInFlight = 32;
/**
 * How long Quater sends answers after the client has closed the input, milliseconds. After this time, Quater aborts the calls of
 * the client.
 */
const lastAnswersMs = 300;
/** How long Quater waits for the end of aborted calls, milliseconds. */
const heedMs = 100;
export const tokenVariable = "QUATER_MCP_TOKEN";

export interface StdioParts {
  readonly gate: Gate;
  readonly dispatcher: Dispatcher;
  readonly subscriptions: Subscriptions;
  readonly log: Log;
}

export const serveStdio = async (streams: StdioStreams, parts: StdioParts): Promise<void> => {
  const line = new Line(streams.output, streams.input);
  const session = new StdioSession(streams, parts, line);
  try {
    await session.run();
  } finally {
    session.end();
    line.release();
  }
};

class StdioSession {
  readonly #streams: StdioStreams;
  readonly #parts: StdioParts;
  readonly #line: Line;
  readonly #inFlight = new Map<MessageId, ClientCall>();
  /** The calls of requests that end only when the client cancels the request or the server stops. */
  readonly #listening = new Set<ClientCall>();
  readonly #answering = new Set<Promise<void>>();
  readonly #listener: CallersListener;
  #lastSaid: string | undefined;

  constructor(streams: StdioStreams, parts: StdioParts, line: Line) {
    this.#streams = streams;
    this.#parts = parts;
    this.#line = line;
    this.#listener = parts.subscriptions.open(line.notices());
  }

  end(): void {
    this.#parts.subscriptions.close(this.#listener);
  }

  async run(): Promise<void> {
    for await (const bytes of linesOf(this.#streams.input)) {
      this.#take(bytes);
      // Read no further message while the client reads answers too slowly, because unread answers would fill the memory.
      if (this.#line.isBehind) await this.#line.caughtUp();
      if (this.#inFlight.size >= manyInFlight) await setImmediate();
    }
    // At this point, the client has closed the input, or no longer reads answers.
    for (const call of this.#listening) call.cancel();
    if (!this.#line.isGone) await this.#answeredWithin(lastAnswersMs);
    for (const call of this.#inFlight.values()) call.cancel();
    await this.#answeredWithin(heedMs);
  }

  async #answeredWithin(milliseconds: number): Promise<void> {
    if (this.#answering.size === 0 && !this.#line.isBehind) return;
    const over = new AbortController();
    const waited = setTimeout(milliseconds, undefined, { signal: over.signal }).catch(() => {});
    await Promise.race([Promise.all(this.#answering).then(() => this.#line.caughtUp()), waited]);
    over.abort();
  }

  #take(bytes: Buffer | LongLine): void {
    if (!Buffer.isBuffer(bytes)) {
      const error = tooLarge("The message", `${maxLineBytes} bytes`);
      this.#line.send(errorMessage(bytes.id, rpcCodes.invalidRequest, error.message, { code: error.code, errors: [] }));
      return;
    }
    const message = readMessage(bytes);
    if (message.kind === "malformed") this.#line.send(message.answer);
    else if (message.kind === "request") {
      const era = eraOf(message, undefined);
      if (typeof era === "object") this.#line.send(era.answer);
      else this.#start(message, era);
    } else if (message.kind === "notification" && message.method === "notifications/cancelled") {
      const call = this.#inFlight.get(message.params["requestId"] as MessageId);
      if (call === undefined) return; // The call has already ended, which the client could not know.
      call.takeBack();
    }
  }

  #start(request: Request, era: Era): void {
    if (this.#inFlight.has(request.id)) {
      this.#line.send(
        errorMessage(
          request.id,
          rpcCodes.invalidRequest,
          "Another request with this id is still running. Send this request with another id",
        ),
      );
      return;
    }
    if (this.#inFlight.size >= maxInFlight) {
      const message = `${maxInFlight} requests of this session are running. Wait for their responses, then repeat this request`;
      this.#line.send(errorMessage(request.id, rpcCodes.refused, message, { code: "rate_limited", errors: [] }));
      return;
    }
    const room = this.#line.room();
    const call = new ClientCall();
    this.#inFlight.set(request.id, call);
    const { gate, dispatcher } = this.#parts;
    const entry = { surface: "mcp", credentials: this.#credentials(), callId: gate.newCallId() };
    const origin = { era, entry, cancellation: call, room, notifier: this.#line.notices(), listener: this.#listener };
    if (request.method === "subscriptions/listen") this.#listening.add(call);
    const answering = dispatcher
      .serve(new LineRequest(request, origin, (error) => this.#failed(error, request, entry)))
      .then((answer) => {
        room.release();
        this.#inFlight.delete(request.id);
        this.#listening.delete(call);
        this.#answering.delete(answering);
        if (!call.isTakenBack) this.#line.send(answer);
      });
    this.#answering.add(answering);
  }

  /** Returns the answer to a request whose caller was refused, or that Quater could not answer. */
  #failed(error: unknown, { id }: Request, { callId }: Arriving): string {
    if (isQuaterError(error)) {
      this.#say(error);
      return errorMessage(id, rpcCodes.refused, error.message, errorDataOf(error, callId));
    }
    this.#parts.log.error("An MCP request could not be answered", { callId, error: errorText(error) });
    return internalError(id, callId);
  }

  #credentials() {
    const token = this.#streams.env[tokenVariable];
    const header = () => undefined;
    // If the environment contains a token, check only the token, because a caller with a refused token must not become the local
    // user.
    return token === undefined || token === ""
      ? { surface: "mcp", header, isLocal: true }
      : { surface: "mcp", header, isLocal: false, token };
  }

  /**
   * Prints an error for the person who started the server, because clients often hide errors of servers. Does not print one error
   * twice in a row.
   */
  #say({ code, kind, message }: QuaterError): void {
    if (this.#lastSaid === code) return;
    this.#lastSaid = code;
    const hint = this.#streams.env[tokenVariable] ? `. Check ${tokenVariable}` : `. Set ${tokenVariable}`;
    this.#streams.say(`${visible(message)}${kind === "unauthenticated" ? hint : ""}`);
  }
}

/** Data about the caller and the connection of a request. */
type Origin = Pick<Caller, "era" | "entry" | "cancellation" | "listener" | "notifier" | "room">;

/**
 * A request in a line of stdin. The gate authenticates the caller for each request, so that a revoked key stops working without a
 * restart.
 */
class LineRequest implements Incoming<string> {
  readonly entry: Arriving;
  readonly turnedAway: (error: unknown) => string;
  readonly #request: Request;
  readonly #origin: Origin;

  /** @param failed  Returns the answer to a request that Quater could not answer. */
  constructor(request: Request, origin: Origin, failed: (error: unknown) => string) {
    this.entry = origin.entry;
    this.turnedAway = failed;
    this.#request = request;
    this.#origin = origin;
  }

  receive(): undefined {}

  read(principal: Principal): IncomingRequest<string> {
    const { callId } = this.entry;
    return {
      request: this.#request,
      caller: { ...this.#origin, principal, callId, peer: undefined, traceId: undefined },
      send: async (answer) => (await answer).body,
      failed: this.turnedAway,
      end: () => {},
    };
  }
}
