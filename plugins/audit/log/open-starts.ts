// The open calls of this process: calls whose `call.started` may be on the trail without an end event. This file adds a call when
// the `call.started` of the call is queued, because the store may commit the event long before this process learns of the commit.
// This file removes a call when the end event of the call is committed, or when the `call.started` of the call can never be
// committed. A process stays registered while the process has an open call: see leases.ts.

import type { Entry, Receipt } from "./entry.ts";
import type { EventFields } from "./event.ts";

export class OpenStarts {
  /**
   * For each open call, by call id, the number of an event before the `call.started` of the call; `undefined` while this process
   * knows no such number.
   */
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
   * Adds or removes the calls of an entry. Quater calls this function when Quater knows whether the entry was written.
   *
   * @param receipt  The receipt of the entry; `undefined` when the entry will never be written.
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
   * @param newest  The number of an event that comes before every `call.started` that this process writes later.
   * @returns The number of an event that comes before the `call.started` of every open call.
   */
  floor(newest: number): number {
    let least = newest;
    for (const before of this.#before.values()) if (before !== undefined && before < least) least = before;
    return least;
  }

  /** Whether the place of a `call.started` of this process is unknown, so that the event may be anywhere on the trail. */
  get isPlaceUnknown(): boolean {
    for (const before of this.#before.values()) if (before === undefined) return true;
    return false;
  }
}

const isEnd = (type: EventFields["type"]): boolean => type === "call.ended" || type === "call.unknown";

/**
 * Returns the fields of the entry's events. This function leaves out events whose fields are a function, because such fields are
 * not about calls.
 */
const eventsOf = ({ events }: Entry): readonly EventFields[] =>
  events.flatMap(({ fields }) => (typeof fields === "function" ? [] : [fields]));
