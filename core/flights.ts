// The calls that have not ended. An array whose gaps are filled again: a Set makes itself a new table every few calls, and
// that was a fifth of what the gate costs.

import type { Outcome, StagedCall } from "./call.ts";
import type { CheckedStream } from "./output.ts";
import type { Awaitable } from "./principal.ts";
import type { CallResources } from "./resource.ts";

/** What a call holds until its handler has ended, such as a lock. */
export interface Holding {
  /** Called directly before the handler starts. Throws if the call no longer holds it, and the handler does not start. */
  readonly confirm: () => Awaitable<void>;
  /** Called once, after the end of the call was recorded. A rejection is logged. */
  readonly release: () => Awaitable<void>;
}

/** A call on its way, and what its end needs. */
export interface Flight {
  readonly call: StagedCall;
  /** Tells the caller how the call ended. Only the first answer counts. */
  readonly answer: (outcome: Outcome) => void;
  readonly resources: CallResources;
  /** In the order in which they were taken. */
  readonly holdings: Holding[] | undefined;
  /** Where the answer is a stream: the call ends with it. */
  stream: CheckedStream | undefined;
  /** Cancelled by the drain, and not by whoever called. */
  isCutOff: boolean;
  /** The process stops and no longer waits for the handler: what it still does is neither recorded nor told. */
  isAbandoned: boolean;
  /** The handler has returned. */
  hasRun: boolean;
  /** Recorded. */
  hasEnded: boolean;
  readonly slot: number;
}

/** Notes that the handler has returned. Plugins around it may answer without it, or fail behind it. @returns The value. */
export const returned = (flight: Flight, value: unknown): unknown => {
  flight.hasRun = true;
  return value;
};

export class Flights {
  readonly #flights: (Flight | undefined)[] = [];
  readonly #gaps: number[] = [];

  get size(): number {
    return this.#flights.length - this.#gaps.length;
  }

  /** @param holds  Whether a plugin may give the call something to hold. */
  begin(call: StagedCall, resources: CallResources, holds: boolean, answer: Flight["answer"]): Flight {
    const slot = this.#gaps.pop() ?? this.#flights.length;
    const flight: Flight = {
      call,
      answer,
      resources,
      holdings: holds ? [] : undefined,
      stream: undefined,
      isCutOff: false,
      isAbandoned: false,
      hasRun: false,
      hasEnded: false,
      slot,
    };
    this.#flights[slot] = flight;
    return flight;
  }

  /** Once per flight. */
  end({ slot }: Flight): void {
    this.#flights[slot] = undefined;
    this.#gaps.push(slot);
  }

  all(): readonly Flight[] {
    return this.#flights.filter((flight) => flight !== undefined);
  }
}
