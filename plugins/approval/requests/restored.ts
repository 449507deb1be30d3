// Corrects approval requests for `quater store restored`. In a restored backup, an approval request may be open although it was
// denied, revoked or used after the backup. So Quater voids every open approval request. If a sink attests the use of an approval
// request, Quater sets the approval request to used. Quater records all uses that sinks attest on the trail again, so that the
// response to a repeated call warns that the call may have run.

import type { LostUse, Voiding } from "../../audit/service.ts";
import type { OpenStore, Statement } from "../../store/service.ts";
import type { ApprovalRecord } from "../record.ts";
import { type ApprovalContext, provenEvent } from "./approval-context.ts";
import { closedDamaged, usedBefore, voidedByRestore } from "./changing.ts";
import { digestOf } from "./digest.ts";
import { likeTagsOf } from "./likeness.ts";
import { filedOnTrail } from "./proving.ts";

type Events = Voiding["events"][number][];

/**
 * The most characters of JSON in one event about lost uses. The trail shortens the field `detail` of an event if `detail` has
 * more than 16 KiB.
 */
const mostText = 12_000;

export const voidingOf = async (context: ApprovalContext, open: OpenStore, lost: readonly LostUse[]): Promise<Voiding> => {
  const uses = new Map(lost.map((use) => [use.approvalId, use]));
  const changes: Statement[] = [];
  const events: Events = [];
  let [used, damaged] = [0, 0];
  for await (const found of context.parts.reader.all()) {
    const { record, stored } = found;
    if (stored !== "pending" && stored !== "approved") continue;
    if (record.isDamaged) {
      changes.push(closedDamaged(open, found));
      damaged++;
      continue;
    }
    const use = uses.get(record.id);
    const detail = { was: stored, cause: "restored", ...(use === undefined ? {} : { usedBy: use.callId }) };
    changes.push(use === undefined ? voidedByRestore(open, found) : usedBefore(open, found, use));
    const filed = await filedOnTrail(context, record);
    if (filed !== undefined) events.push({ fields: provenEvent("approval.voided", record.id, filed, { detail }) });
    if (use === undefined) continue;
    used++;
    uses.set(record.id, await withTags(context, use, record));
  }
  events.push(...eventsOf([...uses.values()]));
  const counts = { voidedRequests: changes.length - used - damaged, usedRequests: used };
  return { changes, events, counts: damaged === 0 ? counts : { ...counts, damagedRequests: damaged } };
};

/**
 * Adds keyed digests to the use of an approval in a sink line of an older version of Quater. The older version wrote no keyed
 * digests. Quater computes the keyed digests from the restored approval request, if the trail proves the approval request.
 */
const withTags = async ({ parts: { audit } }: ApprovalContext, use: LostUse, record: ApprovalRecord): Promise<LostUse> => {
  if (use.tags !== undefined || record.isErased || digestOf(record) !== record.digest) return use;
  if ((await audit.evidence.standingOf(record.id))?.digest !== record.digest) return use;
  return { ...use, tags: likeTagsOf((value) => audit.tagsOf(value), record) };
};

const eventsOf = (uses: readonly LostUse[]): Events => {
  const groups: LostUse[][] = [];
  let size = mostText;
  for (const { approvalId, callId, at, tags } of uses) {
    const use: LostUse = { approvalId, callId, at, ...(tags === undefined ? {} : { tags }) };
    const length = JSON.stringify(use).length + 1;
    size += length;
    if (size > mostText) {
      groups.push([]);
      size = length;
    }
    groups.at(-1)?.push(use);
  }
  return groups.map((group) => ({ fields: { type: "approval.lost", detail: { uses: group } } }));
};
