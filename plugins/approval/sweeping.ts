// Expiry is derived whenever a request is read; here it is written down, with the event that says so. However many
// processes sweep, and whoever files anew meanwhile: one of them writes it.

import type { AuditEvent } from "../audit/service.ts";
import { expired } from "./changing.ts";
import { eventOf, type Ground } from "./ground.ts";
import type { Found } from "./tables.ts";

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
