// Writes the expiry of approval requests with its event, and removes old approval requests. Reads of an approval request do not
// need the written expiry, because each read computes the expiry. If several processes sweep or file at the same time, one of the
// processes writes the expiry.

import { type AuditEvent, type Check, unchangedSince } from "../../audit/service.ts";
import type { OpenStore, Statement } from "../../store/service.ts";
import { type ApprovalContext, provenEvent } from "./approval-context.ts";
import { closedDamaged, expired } from "./changing.ts";
import { filedOnTrail } from "./proving.ts";
import { database, isRequest, type StoredRequest } from "./tables.ts";

const dayMs = 86_400_000;

/** The most approval requests that one sweep handles. The next sweep handles the remaining approval requests. */
const most = 100;

/** Writes the expiry of approval requests. @returns The number of approval requests whose expiry this process wrote. */
export const sweepExpired = async (context: ApprovalContext): Promise<number> => {
  let written = 0;
  for (const found of await context.parts.reader.due(most)) {
    const { events, changes, check } = await expiryOf(context, found);
    if (!(await context.write(events, changes, check)) || events.length === 0) continue;
    written++;
    context.tell("approval.expired", found.record);
  }
  return written;
};

export interface Expiry {
  /**
   * The event about the expiry. If the approval request is not open according to the trail, this list is empty, and Quater
   * changes only the row of the approval request.
   */
  readonly events: readonly AuditEvent[];
  readonly changes: (open: OpenStore) => readonly Statement[];
  readonly check?: Check;
}

/**
 * Returns the changes that end an expired approval request. The event about the expiry contains only values that the trail
 * proves.
 */
export const expiryOf = async (context: ApprovalContext, found: StoredRequest): Promise<Expiry> => {
  const { record, stored, now } = found;
  const { id, isDamaged } = record;
  const changes = (open: OpenStore) => [isDamaged ? closedDamaged(open, found) : expired(open, found)];
  const standing = await context.parts.audit.evidence.standingOf(id);
  if (standing?.state === "ended") return { events: [], changes };
  if (standing === undefined) {
    // The filing event is older than the events that `standingOf` searches, or Quater never filed the approval request.
    const filed = await filedOnTrail(context, record);
    const detail = { cause: "time", was: stored };
    return { events: filed === undefined ? [] : [{ fields: provenEvent("approval.voided", id, filed, { detail }) }], changes };
  }
  const until = standing.state === "pending" ? standing.pendingUntil : (standing.usableUntil ?? 0);
  const was = standing.state;
  const fields =
    until <= now
      ? provenEvent("approval.expired", id, standing.filed, { detail: { was } })
      : provenEvent("approval.voided", id, standing.filed, {
          detail: { cause: "unproven", why: "the request has expired in the row, but not on the trail", was },
        });
  return { events: [{ fields }], changes, check: unchangedSince(id, standing, Number.POSITIVE_INFINITY) };
};

/**
 * The most approval requests that one transaction removes. A transaction that removes more approval requests would block the
 * store for too long.
 */
const perPrune = 500;

/**
 * Removes ended approval requests, and their votes, after the given number of days without a change. Approval requests may
 * contain personal data, and the trail still contains the events about the removed approval requests. Quater keeps a denied
 * approval request until its cooldown has ended.
 *
 * @returns How many approval requests the function removed.
 */
export const pruneEnded = async (context: ApprovalContext, retentionDays: number): Promise<number> => {
  const open = await context.open();
  const db = database(open);
  const before = (await open.now()) - Math.max(retentionDays * dayMs, context.parts.cooldownMs);
  let old = db
    .selectFrom("approval_request")
    .select("id")
    .where(isRequest(open))
    .where("filed_at", "<", before)
    .where("state", "not in", ["pending", "approved"])
    .where(({ eb, or }) => or([eb("outcome", "is", null), eb("outcome", "<>", "running")]))
    .orderBy("filed_at")
    .limit(perPrune);
  for (const at of ["pending_until", "decided_at", "usable_until", "used_at", "ended_at"] as const)
    old = old.where(({ eb, or }) => or([eb(at, "is", null), eb(at, "<", before)]));
  let removed = 0;
  for (;;) {
    const ids = (await open.read<{ id: string }>(old)).map(({ id }) => id);
    if (ids.length === 0) return removed;
    const [, gone] = await open.apply([
      db.deleteFrom("approval_vote").where("id", "in", ids),
      db.deleteFrom("approval_request").where("id", "in", ids),
    ]);
    const { changes = 0 } = gone ?? {};
    removed += changes;
    if (changes === 0) return removed; // Another instance removes the same approval requests.
  }
};
