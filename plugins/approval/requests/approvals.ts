// The service of the approval plugin. The approvals page, the API, the commands and the gate suite make all changes of approval
// requests through this service, so all of them refuse the same changes.

import { isQuaterError, type Principal } from "../../../core/index.ts";
import { approversSurface } from "../approvers.ts";
import { approvalNotFound, notEligible } from "../errors.ts";
import type { Policy } from "../policy.ts";
import { type ApprovalRecord, isId, requesterOf } from "../record.ts";
import type { Approvals, Approver, Listed, ListGiven } from "../service.ts";
import type { ApprovalContext } from "./approval-context.ts";
import { callKeyOf } from "./digest.ts";
import { assertApprover, mayLookAt, obstacleTo } from "./eligible.ts";
import { namedKeys } from "./likeness.ts";
import { cancel, statusOf } from "./own.ts";
import { ranBefore } from "./ran-before.ts";
import { requirementsBy, rulesBy } from "./requirement.ts";
import { revoke, vote } from "./voting.ts";
import { waitingOn } from "./waiting.ts";

const defaultListed = 50;
/**
 * The most approval requests on one page of a list, and the number of approval requests that each later query for a page reads.
 */
const mostListed = 200;
/**
 * The most queries for one page of a list. After each query, the service removes the approval requests that the approver may not
 * see.
 */
const mostReads = 5;

/** Records a refused decision on the trail, like a refused call. */
const accounted = <Answer>(
  context: ApprovalContext,
  { principal, via }: Approver,
  id: string,
  deciding: Promise<Answer>,
): Promise<Answer> =>
  deciding.catch((error: unknown) => {
    if (isQuaterError(error))
      context.parts.audit.refused({
        ...(isId(id) ? { approvalId: id } : {}),
        detail: { via },
        errorCode: error.code,
        principal: requesterOf(principal),
        surface: approversSurface,
      });
    throw error;
  });

export const approvalsOn = (context: ApprovalContext, policies: ReadonlyMap<string, Policy>): Approvals => {
  const { audit, reader, urlOf } = context.parts;
  const page: Approvals["page"] = (approver, given = {}) => {
    assertApprover(approver, policies.values());
    return pageOf(context, approver, given);
  };
  const ownStatus: Approvals["statusOf"] = (requester, surface, id) => statusOf(context, requester, surface, id);
  return {
    assertApprover: (approver) => assertApprover(approver, policies.values()),
    list: async (approver, given = {}) => {
      const { limit = defaultListed } = given;
      const listed: ApprovalRecord[] = [];
      for (let before = given.before; ; ) {
        const { requests, next } = await page(approver, { ...given, limit: limit - listed.length, ...cursor(before) });
        listed.push(...requests);
        if (next === undefined || listed.length >= limit) return listed;
        before = next;
      }
    },
    page,
    show: async (approver, id) => {
      assertApprover(approver, policies.values());
      const found = await reader.byId(id);
      if (found === undefined) throw approvalNotFound();
      if (!mayLookAt(approver, found.record)) throw notEligible("the policy of the request does not name you as an approver");
      return found.record;
    },
    earlier: async (record) => {
      const callKeys = callKeyOf((text) => audit.tagsOf(text), record);
      return (await reader.earlier([record.callKey, ...callKeys], record.filedAt, record.id)).map(({ record }) => record);
    },
    ranBefore: (record) => ranBefore(context, record),
    obstacle: obstacleTo,
    vote: (approver, given) => accounted(context, approver, given.id, vote(context, approver, given)),
    revoke: (approver, given) => accounted(context, approver, given.id, revoke(context, approver, given)),
    cancel: (requester, surface, id) => cancel(context, requester, surface, id),
    statusOf: ownStatus,
    untilDecided: waitingOn(ownStatus),
    requirementOf: requirementsBy(policies),
    rulesOf: rulesBy(policies),
    urlOf,
  };
};

const cursor = (before: string | undefined): Pick<ListGiven, "before"> => (before === undefined ? {} : { before });

/**
 * Reads a page of a list of approval requests. After each query, the service removes the approval requests that the approver may
 * not see, so one page may need several queries.
 */
const pageOf = async (
  { parts: { app, audit, reader } }: ApprovalContext,
  approver: Principal,
  { requester, ...given }: ListGiven,
): Promise<Listed> => {
  const limit = Math.min(given.limit ?? defaultListed, mostListed);
  const people = requester === undefined ? {} : { personKeys: namedKeys((value) => audit.tagsOf(value), app, requester) };
  const requests: ApprovalRecord[] = [];
  let last = given.before;
  for (let reads = 0; reads < mostReads; reads++) {
    // The first query reads one more approval request than the page shows, to find out whether there is a next page.
    const size = reads === 0 ? limit + 1 : mostListed;
    const found = await reader.list({ ...given, ...people, ...cursor(last), limit: size });
    for (const { record } of found) {
      if (requests.length === limit) return { requests, next: last };
      last = record.id;
      if (mayLookAt(approver, record)) requests.push(record);
    }
    if (found.length < size) return { requests, next: undefined };
  }
  return { requests, next: last };
};
