// Finds calls that were started and never ended. While their process is registered, the end may still come, or the sweep of lost calls
// records it as unknown. If somebody deletes the row of a process that was killed, no sweep finds its calls, so this check reports them.

import type { EventMeta, EventRow } from "../log/event.ts";
import type { Findings } from "./damage.ts";
import { metaOf } from "./meta.ts";

export class Calls {
  readonly #findings: Findings;
  /** By call id: where the call was started, and the text of that event. */
  readonly #open = new Map<string, Pick<EventRow, "seq" | "meta">>();

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  /** An event that verifies. Its columns say what its text says, so most texts need not be parsed. */
  read({ type, call_id, seq, meta }: EventRow): void {
    if (type === "call.started") this.#open.set(call_id, { seq, meta });
    else if (type === "call.ended" || type === "call.unknown") this.#open.delete(call_id);
    else if (this.#open.size > 0 && (type === "runtime.stopped" || type === "audit.gap")) this.#explained(metaOf(meta));
  }

  /** Events are missing or changed here. Ends of calls may be among them. */
  interrupted(): void {
    this.#open.clear();
  }

  /** @param registered  The processes whose calls may still end, or are swept when they do not. */
  ended(registered: ReadonlySet<string>): void {
    for (const [callId, { seq, meta }] of this.#open) {
      const started = metaOf(meta);
      // Processes of format 1 were not kept registered for calls that they could not end.
      if (started?.v === 1 || registered.has(started?.instance ?? "")) continue;
      const what = `Event ${seq} starts the call ${callId}. No event tells how it ended, and its process is not registered any more`;
      this.#findings.say("missing", seq, what);
    }
  }

  /** A process that stopped by itself left no call behind, unless it says so. A gap may have held the ends. */
  #explained(by: EventMeta | undefined): void {
    if (by === undefined || Object(by.detail).hasOpenCalls === true) return;
    for (const [callId, { meta }] of this.#open) if (metaOf(meta)?.instance === by.instance) this.#open.delete(callId);
  }
}
