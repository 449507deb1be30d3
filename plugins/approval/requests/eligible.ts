// Decides who may vote on an approval request (threat T4, invariant I5). Quater makes this check for every vote, with the roles
// and the person of the approver at the time of the vote.

import { visible } from "../../../core/diagnostics/text.ts";
import type { Principal } from "../../../core/index.ts";
import { notEligible } from "../errors.ts";
import { isSamePerson, names, type Policy } from "../policy.ts";
import type { ApprovalRecord, Requester } from "../record.ts";

/** A principal with a person. Only a principal with a person may vote. */
export type Person = Principal & { readonly person: string };

/**
 * The longest name of a person, in UTF-16 units. The store contains the name of the person with each vote, and the name is part
 * of a primary key.
 */
const longestName = 255;

/**
 * @returns The reason why a principal cannot decide any approval request; `undefined` if the principal can decide approval
 * requests.
 */
const obstacleToAll = ({ kind, issuer, subject, credential, person, actsFor }: Principal): string | undefined => {
  if (kind === "agent") return "agents cannot approve or deny requests";
  if (issuer === "local") return "the user of this machine is not authenticated. Sign in, or use an approver key";
  if (person === undefined || person === "") return "this credential does not belong to a person";
  if (actsFor !== undefined && !isSamePerson(actsFor, person)) return "this credential acts for another person";
  const texts = [person, issuer, subject, credential];
  if (texts.some(({ length }) => length > longestName))
    return `a name in your credential is longer than ${longestName} characters`;
  return texts.every((text) => visible(text) === text)
    ? undefined
    : "a name in your credential has characters that cannot be shown";
};

/**
 * @returns The reason why an approver may not decide the approval request `record`, as the end of a sentence; `undefined` if the
 * approver may decide `record`.
 */
export const obstacleTo = (approver: Principal, record: Pick<ApprovalRecord, "policy" | "requester">): string | undefined =>
  obstacleToAll(approver) ??
  (names(record.policy, approver)
    ? ownRequest(approver, record.requester, record.policy)
    : "the policy of the request does not name you as an approver");

const ownRequest = ({ person, credential }: Principal, requester: Requester, { kind }: Policy): string | undefined => {
  if (credential === requester.credential) return "this credential also made the request";
  if (kind === "confirm") return undefined;
  if (isSamePerson(person, requester.person)) return "you made the request yourself";
  return isSamePerson(person, requester.actsFor) ? "the request was made for you" : undefined;
};

/** Checks that an approver may decide an approval request. @throws {QuaterError} `approver_not_eligible`. */
export function assertEligible(
  approver: Principal,
  record: Pick<ApprovalRecord, "policy" | "requester">,
): asserts approver is Person {
  const obstacle = obstacleTo(approver, record);
  if (obstacle !== undefined) throw notEligible(obstacle);
}

/**
 * Checks that a principal is an approver of at least one approval policy.
 *
 * @param policies  All configured approval policies.
 * @throws {QuaterError} `approver_not_eligible`.
 */
export const assertApprover = (approver: Principal, policies: Iterable<Policy>): void => {
  const obstacle = obstacleToAll(approver);
  if (obstacle !== undefined) throw notEligible(obstacle);
  if (![...policies].some((policy) => names(policy, approver)))
    throw notEligible("no approval policy names you or one of your roles");
};

/**
 * Whether an approver may see an approval request. An approver whom the policy lists may see the approval request, even if the
 * approver may not vote.
 */
export const mayLookAt = (approver: Principal, { policy }: Pick<ApprovalRecord, "policy">): boolean =>
  obstacleToAll(approver) === undefined && names(policy, approver);
