// Verifies the bodies of events: each body must be the body that Quater wrote, or an operator must have erased the body with a
// record of the erasure on the trail.

import { bodyHashOf, noBody } from "../log/chain.ts";
import type { EventRow } from "../log/event.ts";
import type { Findings } from "./damage.ts";
import { metaOf } from "./meta.ts";
import { Ranges } from "./ranges.ts";

/** The `detail` of an event `audit.erased`. */
interface Erasure {
  /** The ranges of events whose bodies were erased. */
  readonly bodies?: readonly (readonly [from: number, to: number])[];
  /** The number and hash of the last event that retention removed. */
  readonly pruned?: { readonly through: number; readonly hash: string };
}

export class Bodies {
  readonly #findings: Findings;
  /** The numbers of the events whose bodies are missing. A later `audit.erased` may explain the missing bodies. */
  readonly #unaccounted = new Ranges();
  /** How many bodies were erased with a record on the trail. */
  erased = 0;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  read({ seq, body, salt, body_hash }: EventRow): void {
    if (body_hash === noBody) {
      if (body !== null || salt !== null)
        this.#findings.say("altered", seq, `Event ${seq} has a body, but Quater wrote the event without a body`);
    } else if (body === null) this.#unaccounted.add(seq);
    else if (bodyHashOf(salt ?? "", body) !== body_hash)
      this.#findings.say("altered", seq, `The body of event ${seq} was changed after it was written`);
  }

  /**
   * Reads an `audit.erased` event, which explains missing bodies.
   *
   * @param first  The number of the first event that the verification read. The verification does not know the bodies of earlier
   * events.
   * @returns The last event that retention removed, if the `audit.erased` event records a removal of whole events.
   */
  readErasure({ meta }: EventRow, first: number): Erasure["pruned"] {
    const { bodies = [], pruned } = (metaOf(meta)?.detail ?? {}) as Erasure;
    for (const [from, to] of bodies) {
      // An older copy of an event's row can bring back an erased body that has the right hash.
      for (const [start] of this.#unaccounted.without(Math.max(from, first), to))
        this.#findings.say("altered", start, `The body of event ${start} was erased, but the store has a body for it again`);
      this.erased += this.#unaccounted.remove(from, to);
    }
    return pruned;
  }

  /** Reports the bodies that were removed without a record. The Verifier calls this function after the last event. */
  finish(): void {
    for (const [from, to] of this.#unaccounted)
      this.#findings.say(
        "missing",
        from,
        `The ${from === to ? `body of event ${from} is` : `bodies of events ${from} to ${to} are`} missing, and no event records an erasure`,
      );
  }
}
