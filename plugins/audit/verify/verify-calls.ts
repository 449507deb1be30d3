// Finds calls that were started and never ended. While their process is registered, the end may still come, or the sweep records
// it as unknown. If an attacker deletes the row of a killed process, no sweep finds its calls, so this check reports them.

import type { EventMeta, EventRow } from "../log/event.ts";
import type { Findings } from "./damage.ts";
import { metaOf } from "./meta.ts";

export class Calls {
  readonly #findings: Findings;
  /** The start events of calls without an end, by call id: their number and text. */
  readonly #open = new Map<string, Pick<EventRow, "seq" | "meta">>();

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  /** Reads a verified event. Its columns agree with its text, so most texts need not be parsed. */
  read({ type, call_id, seq, meta }: EventRow): void {
    if (type === "call.started") this.#open.set(call_id, { seq, meta });
    else if (type === "call.ended" || type === "call.unknown") this.#open.delete(call_id);
    else if (this.#open.size > 0 && (type === "runtime.stopped" || type === "audit.gap")) this.#explained(metaOf(meta));
  }

  /** Called where events are missing or changed. Ends of calls may be among them. */
  interrupted(): void {
    this.#open.clear();
  }

  /** Reports the calls without an end. @param registered  The processes whose calls may still end, or will be swept. */
  ended(registered: ReadonlySet<string>): void {
    for (const [callId, { seq, meta }] of this.#open) {
      const started = metaOf(meta);
      // In format 1, processes were not kept registered for calls that they could not end.
      if (started?.v === 1 || registered.has(started?.instance ?? "")) continue;
      const what = `Event ${seq} starts the call ${callId}. No event records the end of this call, and its process is no longer registered`;
      this.#findings.say("missing", seq, what);
    }
  }

  /** A process that stopped regularly left no running call, unless its event says so. Missing events may have been the ends. */
  #explained(by: EventMeta | undefined): void {
    if (by === undefined || Object(by.detail).hasOpenCalls === true) return;
    for (const [callId, { meta }] of this.#open) if (metaOf(meta)?.instance === by.instance) this.#open.delete(callId);
  }
}
