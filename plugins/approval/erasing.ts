// What `quater audit erase` takes out of approval requests. A request that has ended stays listed; its requester, preview,
// reasons and personal arguments are gone. A request that is still open is cancelled, because nobody can decide on it.

import { type Catalog, canonicalText, hasSecret } from "../../core/index.ts";
import { type AuditEvent, argumentsWithoutPersonal, type Erasure, type ErasureSubject } from "../audit/service.ts";
import type { OpenStore, Statement } from "../store/service.ts";
import { erased, reasonErased, reasonsErased } from "./changing.ts";
import { eventOf, type Ground } from "./ground.ts";
import { type ApprovalRecord, type Requester, requesterOf } from "./record.ts";
import { erasedMark, type Found } from "./tables.ts";

export const erasureOf = async (ground: Ground, catalog: Catalog, open: OpenStore, subject: ErasureSubject): Promise<Erasure> => {
  const changes: Statement[] = [];
  const events: AuditEvent[] = [];
  const requests: ApprovalRecord[] = [];
  const cancelled: ApprovalRecord[] = [];
  let reasons = 0;
  for await (const found of ground.parts.reader.all()) {
    const { record } = found;
    const own = isAbout(record, subject) ? ownRequest(ground, catalog, open, found, subject) : undefined;
    if (own !== undefined) {
      requests.push(record);
      changes.push(...own);
      reasons += record.votes.filter(({ reason }) => reason !== undefined).length;
      if (!isOpen(found)) continue;
      cancelled.push(record);
      const detail = { was: found.stored, cause: "erased" };
      events.push({ fields: eventOf("approval.cancelled", record, { principal: subject.principal, detail }) });
    } else {
      const given = givenReasons(open, found, subject);
      changes.push(...given.changes);
      reasons += given.count;
    }
  }
  return {
    approvalIds: requests.map(({ id }) => id),
    changes,
    events,
    counts: { erasedRequests: requests.length, cancelledRequests: cancelled.length, erasedReasons: reasons },
    done: () => {
      for (const record of cancelled) ground.tell("approval.cancelled", record);
    },
  };
};

const isOpen = ({ stored }: Found): boolean => stored === "pending" || stored === "approved";

/** Filed by or for the person; or filed or used by the call. */
const isAbout = (
  { id, requester, callId, use }: ApprovalRecord,
  { isPerson, callId: call, approvalIds }: ErasureSubject,
): boolean =>
  isPerson === undefined
    ? callId === call || use?.callId === call || approvalIds.ofCall.includes(id)
    : isPerson(requester.person) ||
      isPerson(requester.actsFor) ||
      (requester.person === undefined && isPerson(requester.subject));

const ownRequest = (
  { parts: { secrecy } }: Ground,
  catalog: Catalog,
  open: OpenStore,
  found: Found,
  { isWhole }: ErasureSubject,
): Statement[] => {
  const { id, handler, schema, args, votes, requester } = found.record;
  const rest = isWhole ? undefined : argumentsWithoutPersonal(catalog, handler, schema, JSON.parse(args));
  const text = rest === undefined ? "{}" : canonicalText(rest);
  const isSealed = rest !== undefined && hasSecret(catalog.get(handler)?.input);
  const withReason = votes.filter(({ reason }) => reason !== undefined).length;
  return [
    erased(open, found, { args: isSealed ? secrecy.closed(text) : text, requester: canonicalText(erasedRequester(requester)) }),
    ...(withReason === 0 ? [] : [reasonsErased(open, id, withReason)]),
  ];
};

/** The kind stays: it says whether an agent or a person asked. */
const erasedRequester = ({ kind }: Requester): Requester =>
  requesterOf({ issuer: erasedMark, subject: erasedMark, kind, credential: erasedMark });

/** Reasons that the person gave on requests of others. That the person voted, and how, stays. */
const givenReasons = (
  open: OpenStore,
  found: Found,
  { isPerson, approvalIds }: ErasureSubject,
): { readonly changes: readonly Statement[]; readonly count: number } => {
  if (isPerson === undefined) return { changes: [], count: 0 };
  const { id, votes, state, reason } = found.record;
  const own = votes.filter((vote) => vote.reason !== undefined && isPerson(vote.person));
  const isRevocation = reason !== undefined && approvalIds.revoked.includes(id);
  const isDenial = reason !== undefined && state === "denied" && own.some((vote) => vote.reason === reason);
  return {
    changes: [
      ...own.map(({ person }) => reasonsErased(open, id, 1, person)),
      ...(isRevocation || isDenial ? [reasonErased(open, found)] : []),
    ],
    count: own.length + (isRevocation ? 1 : 0),
  };
};
