// What `quater store restored` does to approval requests. After a restore, a request may stand as open that was denied,
// revoked or used before. So every open request is voided. If a sink attests its use, the request becomes used.

import type { LostUse, Voiding } from "../audit/service.ts";
import type { OpenStore, Statement } from "../store/service.ts";
import { usedBefore, voidedByRestore } from "./changing.ts";
import { eventOf, type Ground } from "./ground.ts";

export const voidingOf = async ({ parts }: Ground, open: OpenStore, lost: readonly LostUse[]): Promise<Voiding> => {
  const uses = new Map(lost.map((use) => [use.approvalId, use]));
  const changes: Statement[] = [];
  const events: Voiding["events"][number][] = [];
  let used = 0;
  for await (const found of parts.reader.all()) {
    const { record, stored } = found;
    if (stored !== "pending" && stored !== "approved") continue;
    const use = uses.get(record.id);
    const detail = { was: stored, cause: "restored", ...(use === undefined ? {} : { usedBy: use.callId }) };
    changes.push(use === undefined ? voidedByRestore(open, found) : usedBefore(open, found, use));
    events.push({ fields: eventOf("approval.voided", record, { detail }) });
    if (use !== undefined) used++;
  }
  return { changes, events, counts: { voidedRequests: changes.length - used, usedRequests: used } };
};
