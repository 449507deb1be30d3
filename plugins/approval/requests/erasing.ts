// Erases personal data from approval requests for `quater audit erase`. An ended approval request stays in lists, but Quater
// erases its requester, preview, reasons and personal arguments. Quater cancels an open approval request, because nobody can
// decide an approval request without the erased data.

import type { Catalog } from "../../../core/plugin-api.ts";

import { canonicalText } from "../../../core/schema/digest.ts";

import { hasSecret } from "../../../core/schema/schema.ts";
import { type AuditEvent, argumentsWithoutPersonal, type Erasure, type ErasureSubject } from "../../audit/service.ts";
import type { OpenStore, Statement } from "../../store/service.ts";
import { type ApprovalRecord, type Requester, requesterOf } from "../record.ts";
import { type ApprovalContext, provenEvent } from "./approval-context.ts";
import { erased, reasonErased, reasonsErased } from "./changing.ts";
import { callKeyOf } from "./digest.ts";
import { erasedMark, type StoredRequest } from "./tables.ts";

export const erasureOf = async (
  context: ApprovalContext,
  catalog: Catalog,
  open: OpenStore,
  subject: ErasureSubject,
): Promise<Erasure> => {
  const changes: Statement[] = [];
  const events: AuditEvent[] = [];
  const approvalIds: string[] = [];
  const cancelled: ApprovalRecord[] = [];
  let [reasons, unproven] = [0, 0];
  for await (const found of context.parts.reader.all()) {
    const { record } = found;
    if (isDone(record, subject)) continue;
    const isAsFiled = !record.isDamaged && hasOwnCallKey(context, record);
    const filing =
      isAbout(record, subject) || !isAsFiled ? await context.parts.audit.evidence.filingOf(record.id, record.callId) : undefined;
    const requester = filing?.requester ?? record.requester;
    const isOwn = isAbout({ ...record, requester }, subject);
    // An attacker may have changed the requester in the row. The call key is a keyed digest over requester and arguments. The
    // secret of the call key is not in the store, so the call key shows a change of the requester.
    const isProven = !record.isDamaged && (filing !== undefined || (!isOpen(found) && isAsFiled));
    if (!isProven && (isOwn || record.isDamaged)) unproven++;
    else if (isOwn) {
      const own = ownRequest(context, catalog, open, found, subject);
      approvalIds.push(record.id);
      changes.push(...own);
      reasons += record.votes.filter(({ reason }) => reason !== undefined).length;
      if (!isOpen(found)) continue;
      cancelled.push(record);
      const standing = await context.parts.audit.evidence.standingOf(record.id);
      if (standing === undefined || standing.state === "ended") continue;
      const about = { principal: subject.principal, detail: { was: standing.state, cause: "erased" } };
      events.push({ fields: provenEvent("approval.cancelled", record.id, standing.filed, about) });
    } else {
      const given = givenReasons(open, found, subject);
      changes.push(...given.changes);
      reasons += given.count;
      unproven += given.unproven;
    }
  }
  return {
    approvalIds,
    changes,
    events,
    counts: {
      erasedRequests: approvalIds.length,
      cancelledRequests: cancelled.length,
      erasedReasons: reasons,
      ...(unproven === 0 ? {} : { unprovenRequests: unproven }),
    },
    done: () => {
      for (const record of cancelled) context.tell("approval.cancelled", record);
    },
  };
};

/**
 * Whether Quater has already erased the approval request. An attacker may have marked the row as erased, so `isErased` counts
 * only if an event records the erasure and the row contains no personal data.
 */
const isDone = ({ id, isErased, requester, preview, reason }: ApprovalRecord, { approvalIds }: ErasureSubject): boolean =>
  isErased &&
  approvalIds.erased.has(id) &&
  canonicalText(requester) === canonicalText(erasedRequester(requester)) &&
  preview === undefined &&
  reason === undefined;

/**
 * Whether the call key in the row matches the contents of the row. A matching call key proves a row whose filing event Quater
 * removed because of the age of the event.
 */
const hasOwnCallKey = ({ parts: { audit } }: ApprovalContext, record: ApprovalRecord): boolean =>
  callKeyOf((text) => audit.tagsOf(text), record).includes(record.callKey);

const isOpen = ({ stored }: StoredRequest): boolean => stored === "pending" || stored === "approved";

/**
 * Whether an approval request was filed by or for the person whose data the operator erases. For the erasure of one call: whether
 * the call filed or used the approval request, according to the events on the trail.
 */
const isAbout = (
  { id, requester }: Pick<ApprovalRecord, "id" | "requester">,
  { isPerson, approvalIds }: ErasureSubject,
): boolean =>
  isPerson === undefined
    ? approvalIds.ofCall.includes(id)
    : isPerson(requester.person) ||
      isPerson(requester.actsFor) ||
      (requester.person === undefined && isPerson(requester.subject));

const ownRequest = (
  { parts: { secrecy } }: ApprovalContext,
  catalog: Catalog,
  open: OpenStore,
  found: StoredRequest,
  { isWhole }: ErasureSubject,
): Statement[] => {
  const { id, handler, schema, args, requester } = found.record;
  const rest = isWhole ? undefined : argumentsWithoutPersonal(catalog, handler, schema, JSON.parse(args));
  const text = rest === undefined ? "{}" : canonicalText(rest);
  const isSealed = rest !== undefined && hasSecret(catalog.get(handler)?.input);
  return [
    erased(open, found, { args: isSealed ? secrecy.closed(text) : text, requester: canonicalText(erasedRequester(requester)) }),
    reasonsErased(open, id),
  ];
};

/**
 * Returns the erased requester. The erased requester still has the kind of the requester, because the kind shows whether an agent
 * or a person made the call.
 */
const erasedRequester = ({ kind }: Requester): Requester =>
  requesterOf({ issuer: erasedMark, subject: erasedMark, kind, credential: erasedMark });

/**
 * Erases the reasons that the erased person gave for votes on approval requests of other people. The erasure does not change the
 * votes.
 */
const givenReasons = (
  open: OpenStore,
  found: StoredRequest,
  { isPerson, approvalIds }: ErasureSubject,
): { readonly changes: readonly Statement[]; readonly count: number; readonly unproven: number } => {
  if (isPerson === undefined) return { changes: [], count: 0, unproven: 0 };
  const { id, votes, state, reason } = found.record;
  const own = votes.filter((vote) => vote.reason !== undefined && isPerson(vote.person));
  // An attacker may have changed the voter in the row of a vote, so this function reads the voters from the events on the trail.
  if (own.length > 0 && !approvalIds.voted.includes(id)) return { changes: [], count: 0, unproven: 1 };
  const isRevocation = reason !== undefined && approvalIds.revoked.includes(id);
  const isDenial = reason !== undefined && state === "denied" && own.some((vote) => vote.reason === reason);
  return {
    changes: [
      ...own.map(({ person }) => reasonsErased(open, id, person)),
      ...(isRevocation || isDenial ? [reasonErased(open, found)] : []),
    ],
    count: own.length + (isRevocation ? 1 : 0),
    unproven: 0,
  };
};
