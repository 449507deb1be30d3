// The functions for requesters. Requesters can read and cancel their own approval requests, and find out in a dry run whether a
// call would need approval. A requester sees only approval requests of the surface of the current call, unless the approval
// policy allows any surface.

import type { Principal } from "../../../core/index.ts";
import type { Authorized } from "../../../core/plugin-api.ts";
import { canonicalText } from "../../../core/schema/digest.ts";
import { unchangedSince } from "../../audit/service.ts";
import { alreadyDecided, approvalNotFound, approvalUsed, earlierOf, useOf } from "../errors.ts";
import { type ApprovalRecord, requesterOf } from "../record.ts";
import type { OwnStatus } from "../service.ts";
import { type ApprovalContext, askedOf, type HandlerTerms, provenEvent, retried } from "./approval-context.ts";
import { cancelled } from "./changing.ts";
import { usedBy } from "./filing.ts";
import { proven } from "./proving.ts";
import { ranBefore } from "./ran-before.ts";
import type { StoredRequest } from "./tables.ts";

const mostAttempts = 10;

/**
 * Returns a requester's own approval request. @throws {QuaterError} `approval_not_found` for unknown ids and for approval
 * requests of other requesters.
 */
const ownOf = async (context: ApprovalContext, requester: Principal, surface: string, id: string): Promise<StoredRequest> => {
  const found = await context.parts.reader.byId(id);
  if (found === undefined) throw approvalNotFound();
  const { record } = found;
  const isSame = canonicalText(record.requester) === canonicalText(requesterOf(requester));
  if (!isSame || (record.surface !== surface && !record.policy.anySurface)) throw approvalNotFound();
  return found;
};

export const statusOf = async (context: ApprovalContext, requester: Principal, surface: string, id: string): Promise<OwnStatus> =>
  statusIn(context, (await ownOf(context, requester, surface, id)).record);

export const cancel = (context: ApprovalContext, requester: Principal, surface: string, id: string): Promise<OwnStatus> =>
  retried(mostAttempts, async () => {
    const found = await ownOf(context, requester, surface, id);
    const { record } = found;
    const used = usedBy(record);
    if (used !== undefined) throw approvalUsed(used);
    if (record.state === "cancelled") return statusIn(context, record);
    if (record.state !== "pending" && record.state !== "approved") throw alreadyDecided(id, record.state);
    const standing = await proven(context, found);
    if (standing === undefined) return undefined;
    const about = { principal: requesterOf(requester), detail: { was: record.state } };
    const fields = provenEvent("approval.cancelled", id, standing.filed, about);
    const check = unchangedSince(id, standing, Number.POSITIVE_INFINITY);
    if (await context.write([{ fields }], (open) => [cancelled(open, found)], check)) context.tell("approval.cancelled", record);
    return undefined; // Read the approval request again, to return its current state.
  });

/**
 * Returns for a dry run who must approve the call, and the caller's own newest approval request for the call. Files no approval
 * request.
 */
export const forecast = async (context: ApprovalContext, terms: HandlerTerms, call: Authorized): Promise<unknown> => {
  const { policyName, policy } = terms;
  const asked = askedOf(context, terms, call);
  const newest = await context.parts.reader.newest(asked.callKeys);
  const before = await ranBefore(context, { ...asked, handler: call.handler, args: call.inputText });
  return {
    required: true,
    policy: policyName,
    kind: policy.kind,
    approvers: policy.approvers,
    ...(newest === undefined ? {} : { newest: statusIn(context, newest.record) }),
    ...(before === undefined ? {} : { earlier: earlierOf(before) }),
  };
};

const statusIn = (context: ApprovalContext, record: ApprovalRecord): OwnStatus => {
  const url = context.parts.urlOf(record.id);
  const used = usedBy(record);
  return {
    id: record.id,
    status: record.state,
    expiresAt: new Date(record.usableUntil ?? record.pendingUntil).toISOString(),
    ...(url === undefined ? {} : { url }),
    ...(record.reason === undefined ? {} : { reason: record.reason }),
    ...(used === undefined ? {} : { usedBy: useOf(used) }),
  };
};
