// Checks each event of an approval request against the earlier events of the request. Before a use, the request must be filed,
// voted on by enough people, approved, and not ended. VerifyHashes has verified the hashes of the events before. This file finds
// events with right hashes that Quater should never have written.

import type { EventMeta } from "../log/event.ts";
import { advanced, type Standing } from "../log/evidence.ts";
import type { Findings } from "./damage.ts";

export class Uses {
  readonly #findings: Findings;
  /**
   * The states of the open approval requests, by request id. The Verifier removes requests that have ended, so the memory does
   * not grow with the length of the trail.
   */
  readonly #open = new Map<string, Standing>();
  /** Whether the verification has read the filing events of all open requests. */
  #isComplete: boolean;
  /**
   * Whether the trail may contain requests that were filed in format 1. The verification does not check filing events of format
   * 1.
   */
  #hasFormat1 = false;

  /** @param isComplete  Whether the verification reads the trail from the first event on. */
  constructor(findings: Findings, isComplete: boolean) {
    this.#findings = findings;
    this.#isComplete = isComplete;
  }

  /** Forgets the open requests where events are missing or changed, because a missing event may have filed a request. */
  interrupted(): void {
    this.#open.clear();
    this.#isComplete = false;
  }

  /** Notes that the trail has an event of format 1 about an approval request. */
  readFormat1(): void {
    this.#hasFormat1 = true;
  }

  /** Checks an event of format 2 about an approval request. Events of format 1 do not contain enough fields for the check. */
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
   * Reports an event whose approval request was never filed. An exception is `approval.voided`, which records that the row of a
   * request did not agree with the trail.
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
