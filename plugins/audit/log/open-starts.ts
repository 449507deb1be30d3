// The open calls of this process: calls whose `call.started` may be on the trail without an end event. A call is added when its
// `call.started` is queued, because the event may be committed long before the process gets the answer. A call is removed when
// its end event is committed, or when its `call.started` can never be committed. The process stays registered until no open call
// is left: see leases.ts.

import type { Entry, Receipt } from "./entry.ts";
import type { EventFields } from "./event.ts";

export class OpenStarts {
  /** The number of an event before `call.started`, by call id. `undefined` while no such number is known. */
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
   * Adds or removes calls, when it is known whether an entry was written.
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
   * @param newest  The number of an event that comes before every later `call.started`.
   * @returns The number of an event that comes before the `call.started` of every open call.
   */
  floor(newest: number): number {
    let least = newest;
    for (const before of this.#before.values()) if (before !== undefined && before < least) least = before;
    return least;
  }

  /** Whether the place of some `call.started` is unknown, so that it may be anywhere on the trail. */
  get isPlaceUnknown(): boolean {
    for (const before of this.#before.values()) if (before === undefined) return true;
    return false;
  }
}

const isEnd = (type: EventFields["type"]): boolean => type === "call.ended" || type === "call.unknown";

/**
 * The fields of the entry's events. Functions are left out, because fields that depend on the event before are not about calls.
 */
const eventsOf = ({ events }: Entry): readonly EventFields[] =>
  events.flatMap(({ fields }) => (typeof fields === "function" ? [] : [fields]));
