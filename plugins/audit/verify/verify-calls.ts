// Finds calls that have a start event and no end event. While the process of a call is registered, the process may still record
// the end of the call, or the sweep records `call.unknown`. If an attacker deletes the row of a killed process, no sweep finds
// the calls of the process, so this check reports the calls.

import type { EventMeta, EventRow } from "../log/event.ts";
import type { Findings } from "./damage.ts";
import { metaOf } from "./meta.ts";

export class Calls {
  readonly #findings: Findings;
  /** The start events of calls without an end event, by call id: the number and the text of each start event. */
  readonly #open = new Map<string, Pick<EventRow, "seq" | "meta">>();

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  /**
   * Reads a verified event. The columns of the event agree with `meta`, so this function need not parse the `meta` of most
   * events.
   */
  read({ type, call_id, seq, meta }: EventRow): void {
    if (type === "call.started") this.#open.set(call_id, { seq, meta });
    else if (type === "call.ended" || type === "call.unknown") this.#open.delete(call_id);
    else if (this.#open.size > 0 && (type === "runtime.stopped" || type === "audit.gap")) this.#explained(metaOf(meta));
  }

  /** Forgets the open calls where events are missing or changed, because the missing events may be the ends of these calls. */
  interrupted(): void {
    this.#open.clear();
  }

  /**
   * Reports the calls without an end event. @param registered The processes whose calls may still end, or whose calls the sweep
   * will find.
   */
  ended(registered: ReadonlySet<string>): void {
    for (const [callId, { seq, meta }] of this.#open) {
      const started = metaOf(meta);
      // In format 1, a process did not stay registered for calls whose ends the process could not record.
      if (started?.v === 1 || registered.has(started?.instance ?? "")) continue;
      const what = `Event ${seq} starts the call ${callId}. No event records the end of this call, and the row of the process that made the call is missing`;
      this.#findings.say("missing", seq, what);
    }
  }

  /**
   * Removes the open calls of a process after its `runtime.stopped` or `audit.gap`. A process that has stopped has no open call,
   * unless its `runtime.stopped` contains `hasOpenCalls`. The missing events of an `audit.gap` may be the ends of calls.
   */
  #explained(by: EventMeta | undefined): void {
    if (by === undefined || Object(by.detail).hasOpenCalls === true) return;
    for (const [callId, { meta }] of this.#open) if (metaOf(meta)?.instance === by.instance) this.#open.delete(callId);
  }
}
