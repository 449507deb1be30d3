// Checks each event of an approval request against the earlier events of the request: it must be filed, voted on by enough people,
// approved, and not ended. The events verify already. This check finds events that should never have been written.

import type { EventMeta } from "../log/event.ts";
import { advanced, type Standing } from "../log/evidence.ts";
import type { Findings } from "./damage.ts";

export class Uses {
  readonly #findings: Findings;
  /** Open requests: those that ended are dropped, so memory does not grow with the trail. */
  readonly #open = new Map<string, Standing>();
  /** Whether every request that is still open was filed among the events that were read. */
  #isComplete: boolean;
  /** Some requests may have been filed in format 1, whose filings are not judged. */
  #hasFormat1 = false;

  /** @param isComplete  The events are read from the first one on. */
  constructor(findings: Findings, isComplete: boolean) {
    this.#findings = findings;
    this.#isComplete = isComplete;
  }

  /** Events are missing or changed here, so a request that is not known may have been filed in them. */
  interrupted(): void {
    this.#open.clear();
    this.#isComplete = false;
  }

  /** An event of format 1 that is about a request. */
  readFormat1(): void {
    this.#hasFormat1 = true;
  }

  /** An event of format 2 that is about a request. Format 1 does not hold enough to judge. */
  read(meta: EventMeta): void {
    const { type, seq, at, approvalId } = meta;
    if (type === "store.restored") this.#open.clear(); // it voids all of them
    if (approvalId === undefined) return;
    const before = this.#open.get(approvalId);
    if (type === "approval.used") this.#used(meta, before);
    else if (before === undefined && type !== "approval.filed") this.#unfiled(meta);
    const after = advanced(before, meta);
    if (type === "approval.approved" && before?.state === "pending" && after?.state !== "approved")
      this.#findings.say(
        "unproven",
        seq,
        `Event ${seq} approves ${approvalId} at ${new Date(at).toISOString()} without the votes that its policy asks for`,
      );
    if (after === undefined || after.state === "ended") this.#open.delete(approvalId);
    else this.#open.set(approvalId, after);
  }

  /** `approval.voided` says by itself that a row was not what the trail has. */
  #unfiled({ type, seq, approvalId }: EventMeta): void {
    if (!this.#isComplete || this.#hasFormat1 || type === "approval.voided" || !type.startsWith("approval.")) return;
    this.#findings.say("unproven", seq, `Event ${seq} is about ${approvalId}, which was not filed, or had ended before`);
  }

  #used({ seq, at, approvalId }: EventMeta, standing: Standing | undefined): void {
    if (standing === undefined && !this.#isComplete) return;
    const what = `Event ${seq} uses ${approvalId}, which`;
    if (standing === undefined) this.#findings.say("unproven", seq, `${what} was not filed, or had ended before`);
    else if (standing.state !== "approved") this.#findings.say("unproven", seq, `${what} was not approved`);
    else if ((standing.usableUntil ?? 0) < at) this.#findings.say("unproven", seq, `${what} had expired`);
  }
}
