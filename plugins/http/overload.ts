// Refuses HTTP requests when the process is overloaded. If HTTP requests arrive faster than the process responds, each HTTP
// request waits longer than the HTTP request before, until callers no longer wait for responses. So the server refuses an HTTP
// request when too many other HTTP requests have no response yet, or when the HTTP request has waited too long for its turn.
//
// In each turn, Node's event loop reads the HTTP requests of open connections and accepts one new connection. While handlers
// compute, other HTTP requests would wait in the operating system, where this file cannot measure how long these HTTP requests
// wait. So a busy process first reads all HTTP requests that have arrived, and then runs these HTTP requests one after the other.
// Clients take turns, so that a client with many HTTP requests does not delay the other clients.

import type { IncomingMessage } from "node:http";
import { TransportRefusal } from "./refusals.ts";
import type { Exchange } from "./reply.ts";
import { networkOf } from "./sockets.ts";

export interface LoadLimits {
  /** The largest number of HTTP requests without a response. */
  readonly maxRequests: number;
  /** How long an HTTP request may wait for its turn, milliseconds. */
  readonly maxDelayMs: number;
}

/** The time limits of a busy process, in milliseconds. */
const times = {
  /**
   * A process is busy when its HTTP requests take longer than `turn` in one turn of the event loop. A busy process runs HTTP
   * requests for at most the time `turn` before the process reads new HTTP requests.
   */
  turn: 5,
  /** The longest time for which a busy process only reads new HTTP requests before the process runs waiting HTTP requests. */
  intake: 20,
  /** The shortest time between two log lines about overload. */
  silence: 60_000,
} as const;
/**
 * After how many turns of the event loop without a new HTTP request a busy process stops reading. Node accepts a connection one
 * turn before Node reads the HTTP request on this connection.
 */
const quietTurns = 2;

interface Waiting {
  readonly exchange: Exchange;
  readonly since: number;
  readonly run: Run;
}

/** @param refusal  The refusal of an HTTP request that has waited too long. */
type Run = (exchange: Exchange, refusal: TransportRefusal | undefined) => void;

/** Counts and queues the HTTP requests of one listener that have no response yet. */
export class Load {
  readonly #limits: LoadLimits;
  readonly #warn: (message: string) => void;
  #running = 0;
  /** When the first HTTP request of this turn of the event loop arrived. */
  #turnAt: number | undefined;
  #isBusy = false;
  /** The waiting HTTP requests by client. The first client in this map has the next turn. */
  readonly #waiting = new Map<string, Waiting[]>();
  #count = 0;
  #intakeAt = 0;
  #quietTurns = 0;
  #countBefore = 0;
  #warnedAt = Number.NEGATIVE_INFINITY;

  /** @param warn  `Load` calls this function for the first refusal, and then at most once a minute. */
  constructor(limits: LoadLimits, warn: (message: string) => void) {
    this.#limits = limits;
    this.#warn = warn;
  }

  /**
   * Counts an HTTP request and runs it immediately. In a busy process, the HTTP request waits for its turn. If the connection of
   * a waiting HTTP request ends, the HTTP request never runs.
   *
   * @param isUrgent  Returns whether the HTTP request runs immediately also in a busy process.
   */
  take(exchange: Exchange, isUrgent: (req: IncomingMessage) => boolean, run: Run): void {
    this.#running++;
    const now = performance.now();
    if (this.#turnAt === undefined) {
      this.#turnAt = now;
      if (!this.#isBusy) setImmediate(this.#endTurn);
    } else if (now - this.#turnAt > times.turn) this.#isBusy = true;
    if (this.#isBusy && !isUrgent(exchange.req)) this.#wait({ exchange, since: now, run });
    else run(exchange, undefined);
  }

  #wait(waiting: Waiting): void {
    const peer = networkOf(waiting.exchange.req.socket.remoteAddress ?? "");
    const queue = this.#waiting.get(peer);
    if (queue === undefined) this.#waiting.set(peer, [waiting]);
    else queue.push(waiting);
    this.#count++;
  }

  #next(): Waiting | undefined {
    for (const [peer, queue] of this.#waiting) {
      this.#waiting.delete(peer);
      if (queue.length > 1) this.#waiting.set(peer, queue);
      this.#count--;
      return queue.shift();
    }
    return undefined;
  }

  /**
   * The server calls this function once for each HTTP request, as soon as the server sends the response. A stream counts as a
   * response when the server sends the first item of the stream.
   */
  readonly end = (): void => {
    this.#running--;
  };

  /** Returns the refusal for a new HTTP request if too many HTTP requests have no response yet. */
  get tooMany(): TransportRefusal | undefined {
    const { maxRequests } = this.#limits;
    return this.#running > maxRequests ? this.#refused(`More than ${maxRequests} HTTP requests wait for a response`) : undefined;
  }

  readonly #endTurn = (): void => {
    const began = this.#turnAt ?? 0;
    this.#turnAt = undefined;
    if (performance.now() - began <= times.turn) return;
    this.#isBusy = true;
    this.#takeIn();
  };

  #takeIn(): void {
    this.#intakeAt = performance.now();
    this.#quietTurns = 0;
    this.#countBefore = this.#count;
    setImmediate(this.#goOn);
  }

  /** Runs in each turn of the event loop while the process is busy. */
  readonly #goOn = (): void => {
    this.#quietTurns = this.#count > this.#countBefore ? 0 : this.#quietTurns + 1;
    this.#countBefore = this.#count;
    if (this.#quietTurns < quietTurns && performance.now() - this.#intakeAt < times.intake) return void setImmediate(this.#goOn);
    if (this.#count === 0) {
      this.#isBusy = false;
      this.#turnAt = undefined;
      return;
    }
    this.#work();
    this.#takeIn();
  };

  #work(): void {
    const { maxDelayMs } = this.#limits;
    const end = performance.now() + times.turn;
    for (let now = performance.now(); now <= end; now = performance.now()) {
      const next = this.#next();
      if (next === undefined) return;
      const { exchange } = next;
      if (exchange.req.socket.destroyed) this.end();
      else
        next.run(
          exchange,
          now - next.since > maxDelayMs ? this.#refused(`HTTP requests wait longer than ${maxDelayMs} ms`) : undefined,
        );
    }
  }

  #refused(why: string): TransportRefusal {
    const now = performance.now();
    if (now - this.#warnedAt > times.silence) {
      this.#warnedAt = now;
      this.#warn(`${why}, so the server answers new requests with 503`);
    }
    return new TransportRefusal("overloaded", `${why}: repeat the request later`, { "retry-after": "1" });
  }
}
