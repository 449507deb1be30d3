// Checks each event of an approval request against the earlier events of the request: the request must be filed, voted on by
// enough people, approved, and not ended. The hashes of the events were verified before. This check finds events that should
// never have been written.

import type { EventMeta } from "../log/event.ts";
import { advanced, type Standing } from "../log/evidence.ts";
import type { Findings } from "./damage.ts";

export class Uses {
  readonly #findings: Findings;
  /** The open requests. Requests that ended are removed, so memory does not grow with the trail. */
  readonly #open = new Map<string, Standing>();
  /** Whether the filing events of all open requests were read. */
  #isComplete: boolean;
  /** Whether requests may have been filed in format 1, whose filing events are not checked. */
  #hasFormat1 = false;

  /** @param isComplete  Whether the events are read from the first one on. */
  constructor(findings: Findings, isComplete: boolean) {
    this.#findings = findings;
    this.#isComplete = isComplete;
  }

  /** Called where events are missing or changed. A missing event may have filed a request. */
  interrupted(): void {
    this.#open.clear();
    this.#isComplete = false;
  }

  /** Reads an event of format 1 about a request. */
  readFormat1(): void {
    this.#hasFormat1 = true;
  }

  /** Reads an event of format 2 about a request. Events of format 1 do not contain enough for the check. */
  read(meta: EventMeta): void {
    const { type, seq, at, approvalId } = meta;
    if (type === "store.restored") this.#open.clear(); // A restore voids all open requests.
    if (approvalId === undefined) return;
    const before = this.#open.get(approvalId);
    if (type === "approval.used") this.#used(meta, before);
    else if (before === undefined && type !== "approval.filed") this.#unfiled(meta);
    const after = advanced(before, meta);
    if (type === "approval.approved" && before?.state === "pending" && after?.state !== "approved")
      this.#findings.say(
        "unproven",
        seq,
        `Event ${seq} approves ${approvalId} at ${new Date(at).toISOString()} without the votes that its policy needs`,
      );
    if (after === undefined || after.state === "ended") this.#open.delete(approvalId);
    else this.#open.set(approvalId, after);
  }

  /**
   * Reports an event whose request was never filed, except `approval.voided`, which records that a row did not agree with the
   * trail.
   */
  #unfiled({ type, seq, approvalId }: EventMeta): void {
    if (!this.#isComplete || this.#hasFormat1 || type === "approval.voided" || !type.startsWith("approval.")) return;
    this.#findings.say(
      "unproven",
      seq,
      `Event ${seq} is about the approval ${approvalId}, which was never requested or had already ended`,
    );
  }

  #used({ seq, at, approvalId }: EventMeta, standing: Standing | undefined): void {
    if (standing === undefined && !this.#isComplete) return;
    const what = `Event ${seq} uses the approval ${approvalId}, which`;
    if (standing === undefined) this.#findings.say("unproven", seq, `${what} was never requested or had already ended`);
    else if (standing.state !== "approved") this.#findings.say("unproven", seq, `${what} was not approved`);
    else if ((standing.usableUntil ?? 0) < at) this.#findings.say("unproven", seq, `${what} had expired`);
  }
}
