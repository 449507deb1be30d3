// The service of the approval plugin. The approvals page, the API, the commands and the gate suite make all changes through this
// service, so all of them refuse the same changes.

import { isQuaterError } from "../../../core/index.ts";
import { approversSurface } from "../approvers.ts";
import { approvalNotFound, notEligible } from "../errors.ts";
import type { Policy } from "../policy.ts";
import { type ApprovalRecord, isId, requesterOf } from "../record.ts";
import type { Approvals, Approver } from "../service.ts";
import type { ApprovalContext } from "./approval-context.ts";
import { callKeyOf } from "./digest.ts";
import { assertApprover, mayLookAt, obstacleTo } from "./eligible.ts";
import { cancel, statusOf } from "./own.ts";
import { ranBefore } from "./ran-before.ts";
import { requirementsBy } from "./requirement.ts";
import { revoke, vote } from "./voting.ts";
import { waitingOn } from "./waiting.ts";

const defaultListed = 50;
/** How many requests each later query reads, if the first query did not find enough requests. */
const mostListed = 200;

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
  const ownStatus: Approvals["statusOf"] = (requester, surface, id) => statusOf(context, requester, surface, id);
  return {
    assertApprover: (approver) => assertApprover(approver, policies.values()),
    list: async (approver, given = {}) => {
      assertApprover(approver, policies.values());
      const { limit = defaultListed, before } = given;
      const seen: ApprovalRecord[] = [];
      // Requests that this person may not see are left out after reading, so a page may need several queries.
      for (let last: string | undefined = before, size = limit; ; size = mostListed) {
        const page = (await reader.list({ ...given, limit: size, ...(last === undefined ? {} : { before: last }) })).map(
          ({ record }) => record,
        );
        seen.push(...page.filter((record) => mayLookAt(approver, record)));
        last = page.at(-1)?.id;
        if (last === undefined || seen.length >= limit) return seen.slice(0, limit);
      }
    },
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
    urlOf,
  };
};
