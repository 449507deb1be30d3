// What the requesting principal may know and do of its own requests: read where they stand, take them back, and learn
// before a call what approval would say. Over the surface it asked on, as that surface knows it.

import type { Principal } from "../../../core/index.ts";
import type { Authorized } from "../../../core/plugin-api.ts";
import { canonicalText } from "../../../core/schema/digest.ts";
import { unchangedSince } from "../../audit/service.ts";
import type { OwnStatus } from "../service.ts";
import { cancelled } from "./changing.ts";
import { alreadyDecided, approvalNotFound, approvalUnavailable, approvalUsed, earlierOf } from "./errors.ts";
import { usedBy } from "./filing.ts";
import { askedOf, type Ground, type Plan, provenEvent } from "./ground.ts";
import { proven } from "./proving.ts";
import { ranBefore } from "./ran-before.ts";
import { type ApprovalRecord, requesterOf } from "./record.ts";
import type { Found } from "./tables.ts";

/** @throws {QuaterError} `approval_not_found` for unknown and foreign ids alike. */
const ownOf = async (ground: Ground, requester: Principal, surface: string, id: string): Promise<Found> => {
  const found = await ground.parts.reader.byId(id);
  if (found === undefined) throw approvalNotFound();
  const { record } = found;
  const isSame = canonicalText(record.requester) === canonicalText(requesterOf(requester));
  if (!isSame || (record.surface !== surface && !record.policy.anySurface)) throw approvalNotFound();
  return found;
};

export const statusOf = async (ground: Ground, requester: Principal, surface: string, id: string): Promise<OwnStatus> =>
  statusIn(ground, (await ownOf(ground, requester, surface, id)).record);

export const cancel = async (ground: Ground, requester: Principal, surface: string, id: string): Promise<OwnStatus> => {
  for (let attempt = 0; attempt < 10; attempt++) {
    const found = await ownOf(ground, requester, surface, id);
    const { record } = found;
    const used = usedBy(record);
    if (used !== undefined) throw approvalUsed(used);
    if (record.state === "cancelled") return statusIn(ground, record);
    if (record.state !== "pending" && record.state !== "approved") throw alreadyDecided(id, record.state);
    const standing = await proven(ground, found);
    if (standing === undefined) continue;
    const about = { principal: requesterOf(requester), detail: { was: record.state } };
    const fields = provenEvent("approval.cancelled", id, standing.filed, about);
    const check = unchangedSince(id, standing, Number.POSITIVE_INFINITY);
    if (await ground.write([{ fields }], (open) => [cancelled(open, found)], check)) ground.tell("approval.cancelled", record);
  }
  throw approvalUnavailable(new Error("The approval was changed again and again"));
};

/** What a dry run is told. Files nothing, and speaks of the caller's own requests alone. */
export const forecast = async (ground: Ground, plan: Plan, call: Authorized): Promise<unknown> => {
  const { policyName, policy } = plan;
  const asked = askedOf(ground, plan, call);
  const newest = await ground.parts.reader.newest(asked.callKeys);
  const before = await ranBefore(ground, { ...asked, handler: call.handler, args: call.inputText });
  return {
    required: true,
    policy: policyName,
    kind: policy.kind,
    approvers: policy.approvers,
    ...(newest === undefined ? {} : { newest: statusIn(ground, newest.record) }),
    ...(before === undefined ? {} : { earlier: earlierOf(before) }),
  };
};

const statusIn = (ground: Ground, record: ApprovalRecord): OwnStatus => {
  const url = ground.parts.urlOf(record.id);
  const used = usedBy(record);
  return {
    id: record.id,
    status: record.state,
    expiresAt: new Date(record.usableUntil ?? record.pendingUntil).toISOString(),
    ...(url === undefined ? {} : { url }),
    ...(record.reason === undefined ? {} : { reason: record.reason }),
    ...(used === undefined ? {} : { usedBy: { callId: used.callId, outcome: used.outcome } }),
  };
};
