// Work that is offered faster than it can be done would wait longer and longer, and callers would get answers that they no longer
// wait for. So a request is refused when too many others are not answered yet, or when it has waited too long for its turn.
//
// Node's event loop hands over the requests of connections that it knows, and takes one new connection in each of its turns. While
// handlers compute, other requests would wait in the system, where nobody can see for how long. So in a busy process the
// requests that are there are taken in first, and begun one after the other. Peers take turns, so that one with many requests does
// not delay the others.

import type { IncomingMessage } from "node:http";
import { TransportRefusal } from "./refusals.ts";
import { networkOf } from "./sockets.ts";

export interface LoadLimits {
  /** Requests that are not answered yet. */
  readonly maxRequests: number;
  /** How long a request may wait for its turn, milliseconds. */
  readonly maxDelayMs: number;
}

/** Milliseconds. */
const times = {
  /** A process whose requests take longer than this in one turn of the event loop is busy. Then each turn gets this much. */
  turn: 5,
  /** The longest time for which requests are taken in before other work continues. */
  intake: 20,
  /** The shortest time between two log lines about overload. */
  silence: 60_000,
} as const;
/** A new connection is taken in one turn, and its request is read in the next. */
const quietTurns = 2;

interface Waiting {
  readonly req: IncomingMessage;
  readonly since: number;
  readonly run: Run;
}

/** @param refusal  Set for a request that has waited too long. */
type Run = (refusal: TransportRefusal | undefined) => void;

/** The requests of one listener that are not answered yet. */
export class Load {
  readonly #limits: LoadLimits;
  readonly #warn: (message: string) => void;
  #running = 0;
  /** When the first request of this turn of the event loop came. */
  #turnAt: number | undefined;
  #isBusy = false;
  /** By peer. The first is the next to have a turn. */
  readonly #waiting = new Map<string, Waiting[]>();
  #count = 0;
  #intakeAt = 0;
  #quietTurns = 0;
  #countBefore = 0;
  #warnedAt = Number.NEGATIVE_INFINITY;

  /** @param warn  Called for the first refusal, and then at most once a minute. */
  constructor(limits: LoadLimits, warn: (message: string) => void) {
    this.#limits = limits;
    this.#warn = warn;
  }

  /**
   * Counts a request and runs it: at once, or in a busy process when it is its turn. One whose connection ends before never runs.
   *
   * @param isUrgent  Whether it runs before all others.
   */
  take(req: IncomingMessage, isUrgent: (req: IncomingMessage) => boolean, run: Run): void {
    this.#running++;
    const now = performance.now();
    if (this.#turnAt === undefined) {
      this.#turnAt = now;
      if (!this.#isBusy) setImmediate(this.#endTurn);
    } else if (now - this.#turnAt > times.turn) this.#isBusy = true;
    if (this.#isBusy && !isUrgent(req)) this.#wait({ req, since: now, run });
    else run(undefined);
  }

  #wait(waiting: Waiting): void {
    const peer = networkOf(waiting.req.socket.remoteAddress ?? "");
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

  /** Called once for each request, as soon as its answer is being sent. A stream is answered with its first item. */
  readonly end = (): void => {
    this.#running--;
  };

  /** Returns the refusal for a request that was taken while too many others are not answered. */
  get tooMany(): TransportRefusal | undefined {
    const { maxRequests } = this.#limits;
    return this.#running > maxRequests ? this.#refused(`More than ${maxRequests} requests are not answered yet`) : undefined;
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

  /** Called in each turn of the event loop while the process is busy. */
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
      if (next.req.socket.destroyed) this.end();
      else next.run(now - next.since > maxDelayMs ? this.#refused(`Requests wait longer than ${maxDelayMs} ms`) : undefined);
    }
  }

  #refused(why: string): TransportRefusal {
    const now = performance.now();
    if (now - this.#warnedAt > times.silence) {
      this.#warnedAt = now;
      this.#warn(`${why}, so further ones are answered with 503`);
    }
    return new TransportRefusal("overloaded", `${why}: repeat the request later`, { "retry-after": "1" });
  }
}
