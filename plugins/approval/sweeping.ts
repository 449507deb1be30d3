// What happens to requests by time alone. Expiry is derived whenever a request is read; here it is written down, with the
// event that says so. However many processes sweep, and whoever files anew meanwhile: one of them writes it.

import type { AuditEvent } from "../audit/service.ts";
import { expired } from "./changing.ts";
import { eventOf, type Ground } from "./ground.ts";
import { database } from "./reading.ts";
import type { Found } from "./tables.ts";

const dayMs = 86_400_000;

/** More are left for the next time. */
const most = 100;

/** @returns How many were written by this process. */
export const sweepExpired = async (ground: Ground): Promise<number> => {
  let written = 0;
  for (const found of await ground.parts.reader.due(most)) {
    if (!(await ground.write([expiredEvent(found)], (open) => [expired(open, found)]))) continue;
    written++;
    ground.tell("approval.expired", found.record);
  }
  return written;
};

export const expiredEvent = ({ record, stored }: Found): AuditEvent => ({
  fields: eventOf("approval.expired", record, { detail: { was: stored } }),
});

/** More than these at once would hold the store for too long. */
const perPrune = 500;

/**
 * Removes requests to which nothing has happened for so many days, and which have ended, with the votes on them: what was
 * asked may be personal, and the trail has what happened. A denial is kept for as long as it holds, whatever the days.
 *
 * @returns How many requests.
 */
export const pruneEnded = async (ground: Ground, retentionDays: number): Promise<number> => {
  const open = await ground.open();
  const db = database(open);
  const before = (await open.now()) - Math.max(retentionDays * dayMs, ground.parts.cooldownMs);
  let old = db
    .selectFrom("approval_request")
    .select("id")
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
    await open.apply([
      db.deleteFrom("approval_vote").where("id", "in", ids),
      db.deleteFrom("approval_request").where("id", "in", ids),
    ]);
    removed += ids.length;
  }
};
