// Compares approval requests with the trail. The tables of approvals are only a cache, because an attacker who can write to the
// store can set any state. People can vote on an approval request, and a call can use it, only if the events on the trail agree
// with the row of the approval request.

import { type FiledFields, type Standing, unchangedSince } from "../../audit/service.ts";
import { approvalUnproven } from "../errors.ts";
import type { ApprovalRecord } from "../record.ts";
import { type ApprovalContext, provenEvent } from "./approval-context.ts";
import { denialUnproven, voidedUnproven } from "./changing.ts";
import { digestOf } from "./digest.ts";
import { database, isRequest, type StoredRequest } from "./tables.ts";

/**
 * Compares a pending or approved request with the events of this request on the trail. Quater voids an approval request that the
 * trail does not confirm. For the next call, Quater can file a new approval request.
 *
 * @returns The state of the approval request according to its events on the trail; `undefined` if another process changed the
 * approval request in the meantime. If the result is `undefined`, read the approval request again.
 * @throws {QuaterError} `approval_unproven`; `audit_unavailable` if Quater cannot read the trail.
 */
export const proven = async (context: ApprovalContext, found: StoredRequest): Promise<Standing | undefined> => {
  const { record } = found;
  const standing = await context.parts.audit.evidence.standingOf(record.id);
  const doubt = doubtOf(standing, record);
  if (doubt === undefined) return standing;
  // Quater read the events after the row, so the row may have changed between the two reads. Read the row again to be sure that
  // row and events disagree.
  const again = await context.parts.reader.byId(record.id);
  if (again?.version !== found.version || again.stored !== found.stored) return undefined;
  if (!(await voidRequest(context, again, "the trail does not prove this approval request", { cause: "unproven", why: doubt })))
    return undefined;
  context.parts.log.error("Quater refused an approval, because the trail does not prove the approval", {
    approvalId: record.id,
    why: doubt,
  });
  throw approvalUnproven(record.id);
};

/** Returns the reason why the trail does not prove an approval request; `undefined` if the trail proves the approval request. */
export const doubtOf = (standing: Standing | undefined, record: ApprovalRecord): string | undefined => {
  const { state, digest } = record;
  if (standing === undefined) return "the trail does not prove that the request was made";
  if (digestOf(record) !== digest) return "the digest in the row of the request does not match the other fields of the row";
  if (standing.digest !== digest) return "the trail has another digest for this request";
  if (standing.state === state) return undefined;
  return `the state is ${state} in the row, but ${standing.endedBy ?? standing.state} on the trail`;
};

/**
 * Compares an ended approval request with the events of this approval request on the trail. One transaction ends the row and
 * writes the event. So if the approval request is still open according to the trail, another program changed the row. Quater then
 * writes an event to the trail that ends the approval request. An approver who reads that an approval request was denied or
 * revoked can therefore rely on this end, even if another program changes the row back.
 *
 * @throws {QuaterError} `approval_unproven`; `audit_unavailable` if Quater cannot read the trail.
 */
export const assertEndedOnTrail = async (context: ApprovalContext, { record, stored }: StoredRequest): Promise<void> => {
  if (stored === "pending" || stored === "approved") return;
  const standing = await context.parts.audit.evidence.standingOf(record.id);
  if (standing === undefined || standing.state === "ended") return;
  const why = `the state is ${stored} in the row, but ${standing.state} on the trail`;
  const fields = provenEvent("approval.voided", record.id, standing.filed, { detail: { cause: "unproven", why, was: stored } });
  await context.write([{ fields }], () => []);
  context.parts.log.error("Quater refused an approval, because the trail does not prove the approval", {
    approvalId: record.id,
    why,
  });
  throw approvalUnproven(record.id);
};

/**
 * Compares a row with the state "denied" with the events of its approval request. One transaction writes the row and the event.
 * So if the approval request is open according to the trail, or ended in another way, another program changed the row, perhaps to
 * hide that the call ran. Quater then sets the row to expired. If the approval request is open according to the trail, Quater
 * also writes `approval.voided`. For the next call, Quater can file a new approval request.
 *
 * @returns Whether the approval request was denied; `false` if another process changed the approval request in the meantime. If
 * the result is `false`, read the approval request again.
 * @throws {QuaterError} `approval_unproven`; `audit_unavailable` if Quater cannot read the trail.
 */
export const isDenied = async (context: ApprovalContext, found: StoredRequest): Promise<boolean> => {
  const { id } = found.record;
  const standing = await context.parts.audit.evidence.standingOf(id);
  if (standing === undefined || standing.endedBy === "approval.denied") return true;
  const why = `the state is denied in the row, but ${standing.endedBy ?? standing.state} on the trail`;
  const detail = { cause: "unproven", why, was: "denied" };
  const isOpen = standing.state !== "ended";
  const events = isOpen ? [{ fields: provenEvent("approval.voided", id, standing.filed, { detail }) }] : [];
  const check = unchangedSince(id, standing, Number.POSITIVE_INFINITY);
  if (!(await context.write(events, (open) => [denialUnproven(open, found)], check))) return false;
  context.parts.log.error("Quater ignored a denial, because the trail does not prove the denial", { approvalId: id, why });
  throw approvalUnproven(id);
};

/**
 * Returns the filing event of an approval request, regardless of the age of the event. `undefined` means that Quater never filed
 * the approval request. Write no event about an approval request that was never filed, because an event would make a forged
 * approval request look real.
 */
export const filedOnTrail = async (
  { parts: { audit } }: ApprovalContext,
  { id, callId }: ApprovalRecord,
): Promise<FiledFields | undefined> =>
  (await audit.evidence.standingOf(id))?.filed ?? (await audit.evidence.filingOf(id, callId))?.filed;

/**
 * Ends an open approval request with an `approval.voided` event. @returns Whether Quater wrote the event. If Quater did not write
 * the event, another process changed the approval request in the meantime.
 */
export const voidRequest = async (
  context: ApprovalContext,
  { record, stored }: StoredRequest,
  reason: string,
  detail: { readonly cause: string; readonly why?: string },
): Promise<boolean> => {
  const filed = await filedOnTrail(context, record);
  const fields = filed && provenEvent("approval.voided", record.id, filed, { detail: { ...detail, was: stored } });
  const events = fields === undefined ? [] : [{ fields }];
  const isWritten = await context.write(events, (open) => [voidedUnproven(open, record.id, reason)]);
  if (isWritten) context.tell("approval.expired", record);
  return isWritten;
};

const perRound = 100;
const formatChanged = "the request is from a version of Quater without evidence on the trail";
const notOfFormat1 = "the format is 1 in the row, but not on the trail";

/**
 * Voids open approval requests that were filed in format 1 of the trail, because events of format 1 do not contain enough data to
 * prove an approval request.
 *
 * @returns How many approval requests the function voided.
 */
export const voidOfFormat1 = async (context: ApprovalContext): Promise<number> => {
  let voided = 0;
  for (;;) {
    const open = await context.open();
    const rows = await open.read<{ id: string }>(
      database(open)
        .selectFrom("approval_request")
        .select("id")
        .where(isRequest(open))
        .where("format", "=", 1)
        .where("state", "in", ["pending", "approved"])
        .limit(perRound),
    );
    if (rows.length === 0) return voided;
    let written = 0;
    for (const { id } of rows) {
      const found = await context.parts.reader.byId(id);
      if (found !== undefined && (await voidOne(context, found))) written++;
    }
    voided += written;
    if (written === 0) return voided; // Another instance voids the same approval requests.
  }
};

const voidOne = async (context: ApprovalContext, found: StoredRequest): Promise<boolean> => {
  const { id, callId } = found.record;
  const isOfFormat2 = (await context.parts.audit.evidence.filingOf(id, callId))?.format === 2;
  return isOfFormat2
    ? voidRequest(context, found, notOfFormat1, { cause: "unproven", why: notOfFormat1 })
    : voidRequest(context, found, formatChanged, { cause: "format" });
};
