// The calls that have not ended. An array whose gaps are filled again: a Set makes itself a new table every few calls, and
// that was a fifth of what the gate costs.

import type { Outcome, StagedCall } from "./call.ts";
import type { CheckedStream } from "./output.ts";
import type { CallResources } from "./resource.ts";

/** A call on its way, and what its end needs. */
export interface Flight {
  readonly call: StagedCall;
  /** Tells the caller how the call ended. Only the first answer counts. */
  readonly answer: (outcome: Outcome) => void;
  readonly close: CallResources["close"];
  /** Where the answer is a stream: the call ends with it. */
  stream: CheckedStream | undefined;
  /** Cancelled by the drain, and not by whoever called. */
  isCutOff: boolean;
  /** The process stops and no longer waits for the handler: what it still does is neither recorded nor told. */
  isAbandoned: boolean;
  /** Recorded. */
  hasEnded: boolean;
  readonly slot: number;
}

export class Flights {
  readonly #flights: (Flight | undefined)[] = [];
  readonly #gaps: number[] = [];

  get size(): number {
    return this.#flights.length - this.#gaps.length;
  }

  begin(call: StagedCall, close: CallResources["close"], answer: Flight["answer"]): Flight {
    const slot = this.#gaps.pop() ?? this.#flights.length;
    const flight: Flight = {
      call,
      answer,
      close,
      stream: undefined,
      isCutOff: false,
      isAbandoned: false,
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
