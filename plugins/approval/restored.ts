// What `quater store restored` does to approval requests. After a restore, a request may stand as open that was denied,
// revoked or used before. So every open request is voided. If a sink attests its use, the request becomes used.

import type { LostUse, Voiding } from "../audit/service.ts";
import type { OpenStore, Statement } from "../store/service.ts";
import { closedDamaged, usedBefore, voidedByRestore } from "./changing.ts";
import { type Ground, provenEvent } from "./ground.ts";
import { filedOnTrail } from "./proving.ts";

export const voidingOf = async (ground: Ground, open: OpenStore, lost: readonly LostUse[]): Promise<Voiding> => {
  const uses = new Map(lost.map((use) => [use.approvalId, use]));
  const changes: Statement[] = [];
  const events: Voiding["events"][number][] = [];
  let [used, damaged] = [0, 0];
  for await (const found of ground.parts.reader.all()) {
    const { record, stored } = found;
    if (stored !== "pending" && stored !== "approved") continue;
    if (record.isDamaged) {
      changes.push(closedDamaged(open, record.id));
      damaged++;
      continue;
    }
    const use = uses.get(record.id);
    const detail = { was: stored, cause: "restored", ...(use === undefined ? {} : { usedBy: use.callId }) };
    changes.push(use === undefined ? voidedByRestore(open, found) : usedBefore(open, found, use));
    const filed = await filedOnTrail(ground, record);
    if (filed !== undefined) events.push({ fields: provenEvent("approval.voided", record.id, filed, { detail }) });
    if (use !== undefined) used++;
  }
  const counts = { voidedRequests: changes.length - used - damaged, usedRequests: used };
  return { changes, events, counts: damaged === 0 ? counts : { ...counts, damagedRequests: damaged } };
};
