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

/**
 * Removes requests that were filed more than so many days ago and have ended, with the votes on them: what was asked may be
 * personal, and the trail has what happened.
 *
 * @returns How many requests.
 */
export const pruneEnded = async (ground: Ground, retentionDays: number): Promise<number> => {
  const open = await ground.open();
  const db = database(open);
  const old = db
    .selectFrom("approval_request")
    .select("id")
    .where("filed_at", "<", (await open.now()) - retentionDays * dayMs)
    .where("state", "not in", ["pending", "approved"])
    .where(({ eb, or }) => or([eb("outcome", "is", null), eb("outcome", "<>", "running")]));
  const [, requests] = await open.apply([
    db.deleteFrom("approval_vote").where("id", "in", old),
    db.deleteFrom("approval_request").where("id", "in", old),
  ]);
  return requests?.changes ?? 0;
};
