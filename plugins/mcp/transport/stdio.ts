// Serves MCP over a pair of streams: one message per line (MCP 2025-11-25, basic/transports, "stdio").

import type { Readable } from "node:stream";
import { setImmediate, setTimeout } from "node:timers/promises";
import { visible } from "../../../core/diagnostics/text.ts";
import { isQuaterError, type QuaterError } from "../../../core/index.ts";
import { errorText, type Gate, type Log, tooLarge } from "../../../core/plugin-api.ts";
import type { Dispatcher } from "../answering/dispatch.ts";
import { errorDataOf } from "../answering/outcome.ts";
import { type Era, eraOf } from "../protocol/era.ts";
import { errorMessage, type MessageId, type Request, readMessage, rpcCodes } from "../protocol/messages.ts";
import type { StdioStreams } from "../service.ts";
import { ClientCall } from "./calls.ts";
import { Line, type LineRoom } from "./line.ts";
import { IdFinder } from "./long-line.ts";

/** The largest message, bytes (threat T12). This limit equals the limit of a body over HTTP. */
const maxLineBytes = 1024 * 1024;
/**
 * The most running requests. No client needs more requests at the same time. Further requests are refused and not delayed, so
 * that the server can still read a cancellation.
 */
const maxInFlight = 256;
/** If at least this number of requests is running, answers are sent before further requests are read. */
const manyInFlight = 32;
/**
 * How long a client gets answers after the client has closed the input, milliseconds. After this time, the calls of the client
 * are aborted.
 */
const lastAnswersMs = 300;
/** How long aborted calls may take to end, milliseconds. */
const heedMs = 100;
export const tokenVariable = "QUATER_MCP_TOKEN";

export interface StdioParts {
  readonly gate: Gate;
  readonly dispatcher: Dispatcher;
  readonly log: Log;
}

export const serveStdio = async (streams: StdioStreams, parts: StdioParts): Promise<void> => {
  const line = new Line(streams.output, streams.input);
  try {
    await new StdioSession(streams, parts, line).run();
  } finally {
    line.release();
  }
};

class StdioSession {
  readonly #streams: StdioStreams;
  readonly #parts: StdioParts;
  readonly #line: Line;
  readonly #inFlight = new Map<MessageId, ClientCall>();
  readonly #answering = new Set<Promise<void>>();
  #lastSaid: string | undefined;

  constructor(streams: StdioStreams, parts: StdioParts, line: Line) {
    this.#streams = streams;
    this.#parts = parts;
    this.#line = line;
  }

  async run(): Promise<void> {
    for await (const bytes of linesOf(this.#streams.input)) {
      this.#take(bytes);
      // Read no further message while the client reads too slowly, because unread answers would fill the memory.
      if (this.#line.isBehind) await this.#line.caughtUp();
      if (this.#inFlight.size >= manyInFlight) await setImmediate();
    }
    // The client has closed the input, or no longer reads answers.
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
    const answering = this.#answer(request, era, call, room).then((answer) => {
      room.release();
      this.#inFlight.delete(request.id);
      this.#answering.delete(answering);
      if (!call.isTakenBack) this.#line.send(answer);
    });
    this.#answering.add(answering);
  }

  /** Answers a request. The promise never rejects, because errors are answers. */
  async #answer(request: Request, era: Era, cancellation: ClientCall, room: LineRoom): Promise<string> {
    const { gate, dispatcher, log } = this.#parts;
    const callId = gate.newCallId();
    try {
      // Authenticate for every request, so that a revoked key stops working without a restart.
      const entry = { surface: "mcp", credentials: this.#credentials(), callId };
      const principal = await gate.enter(entry);
      const answer = await dispatcher.answer(request, {
        principal,
        era,
        entry,
        callId,
        peer: undefined,
        traceId: undefined,
        cancellation,
        notifier: this.#line.notices(),
        room,
      });
      return answer.body;
    } catch (error) {
      if (isQuaterError(error)) {
        this.#say(error);
        return errorMessage(request.id, rpcCodes.refused, error.message, errorDataOf(error, callId));
      }
      log.error("An MCP request could not be answered", { callId, error: errorText(error) });
      return errorMessage(request.id, rpcCodes.internal, "The server failed while the server handled this MCP request", {
        code: "internal",
        callId,
      });
    }
  }

  #credentials() {
    const token = this.#streams.env[tokenVariable];
    const header = () => undefined;
    // If there is a token, check only the token, because a caller with a refused token must not become the local user.
    return token === undefined || token === ""
      ? { surface: "mcp", header, isLocal: true }
      : { surface: "mcp", header, isLocal: false, token };
  }

  /**
   * Writes an error to the person who started the server, because clients often hide errors of servers. Does not write the same
   * error twice in a row.
   */
  #say({ code, kind, message }: QuaterError): void {
    if (this.#lastSaid === code) return;
    this.#lastSaid = code;
    const hint = this.#streams.env[tokenVariable] ? `. Check ${tokenVariable}` : `. Set ${tokenVariable}`;
    this.#streams.say(`${visible(message)}${kind === "unauthenticated" ? hint : ""}`);
  }
}

const newline = 10;
const carriageReturn = 13;

/** A line that was too long. Only the id of the message in the line is kept in memory. */
type LongLine = Pick<IdFinder, "id">;

/** Yields lines without their line ends. */
async function* linesOf(input: Readable): AsyncGenerator<Buffer | LongLine> {
  let parts: Buffer[] = [];
  let size = 0;
  let long: IdFinder | undefined;
  try {
    for await (const chunk of input) {
      let rest = typeof chunk === "string" ? Buffer.from(chunk) : (chunk as Buffer);
      while (rest.length > 0) {
        const end = rest.indexOf(newline);
        const part = end === -1 ? rest : rest.subarray(0, end);
        size += part.length;
        parts.push(part);
        if (size > maxLineBytes) {
          long ??= new IdFinder();
          for (const one of parts) long.read(one);
          parts = [];
        }
        if (end === -1) break;
        rest = rest.subarray(end + 1);
        if (long === undefined) yield* message(parts);
        else yield long;
        parts = [];
        size = 0;
        long = undefined;
      }
    }
    yield* message(parts);
  } catch {
    return; // A broken pipe or a client that stopped reading counts as the end of the input.
  }
}

/** Yields the message of a line. Yields nothing for a blank line. */
function* message(parts: readonly Buffer[]): Generator<Buffer> {
  const bytes = Buffer.concat(parts);
  if (bytes.length > 1 || (bytes.length === 1 && bytes[0] !== carriageReturn)) yield bytes;
}
