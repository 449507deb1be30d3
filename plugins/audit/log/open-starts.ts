// The calls of this process whose `call.started` may be in the trail without an end. A call is among them from the moment when its start is
// given to the writer, because a start may be committed long before the process knows it. It leaves when its end is committed, or when the
// start can never be committed. The process stays registered until none is left: see leases.ts.

import type { Entry, Receipt } from "./entry.ts";
import type { EventFields } from "./event.ts";

export class OpenStarts {
  /** By call id: the number of an event before the start. `undefined` until one is known. */
  readonly #before = new Map<string, number | undefined>();

  get size(): number {
    return this.#before.size;
  }

  /** @param newest  The number of the newest event that this process has written; `undefined` before the trail is open. */
  queued(entry: Entry, newest: number | undefined): void {
    for (const { type, callId } of eventsOf(entry))
      if (type === "call.started" && callId !== undefined) this.#before.set(callId, newest);
  }

  /**
   * The fate of an entry is known.
   *
   * @param receipt  `undefined` when the entry will never be written.
   */
  settled(entry: Entry, receipt: Receipt | undefined): void {
    const seq = receipt !== undefined && "seq" in receipt ? receipt.seq : undefined;
    for (const { type, callId } of eventsOf(entry)) {
      if (callId === undefined) continue;
      if (type === "call.started" && seq !== undefined) this.#before.set(callId, seq - 1);
      else if (type === "call.started" || (isEnd(type) && seq !== undefined)) this.#before.delete(callId);
    }
  }

  /**
   * @param newest  A number that every later start exceeds.
   * @returns The number of an event before every open start that is in the trail.
   */
  floor(newest: number): number {
    let least = newest;
    for (const before of this.#before.values()) if (before !== undefined && before < least) least = before;
    return least;
  }

  /** Whether an open start may be anywhere in the trail. */
  get isPlaceUnknown(): boolean {
    for (const before of this.#before.values()) if (before === undefined) return true;
    return false;
  }
}

const isEnd = (type: EventFields["type"]): boolean => type === "call.ended" || type === "call.unknown";

/** The fields of the entry's events. Those that depend on the event before are not about calls. */
const eventsOf = ({ events }: Entry): readonly EventFields[] =>
  events.flatMap(({ fields }) => (typeof fields === "function" ? [] : [fields]));
