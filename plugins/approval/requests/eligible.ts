// Decides who may vote on a request (threat T4, invariant I5). This check is made for every vote, with the roles and the person
// of the approver at the time of the vote.

import { visible } from "../../../core/diagnostics/text.ts";
import type { Principal } from "../../../core/index.ts";
import { notEligible } from "../errors.ts";
import { isSamePerson, names, type Policy } from "../policy.ts";
import type { ApprovalRecord, Requester } from "../record.ts";

/** A principal with a person. Only such a principal may vote. */
export type Person = Principal & { readonly person: string };

/** The longest name of a person, UTF-16 units. Names are stored with each vote, and are part of a primary key. */
const longestName = 255;

/** @returns Why this principal cannot decide any request; `undefined` if the principal can decide requests. */
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
 * @returns Why this principal may not decide this request, as the end of a sentence; `undefined` if the principal may decide the
 * request.
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

/** Checks that this principal may decide this request. @throws {QuaterError} `approver_not_eligible`. */
export function assertEligible(
  approver: Principal,
  record: Pick<ApprovalRecord, "policy" | "requester">,
): asserts approver is Person {
  const obstacle = obstacleTo(approver, record);
  if (obstacle !== undefined) throw notEligible(obstacle);
}

/**
 * Checks that this principal is an approver of at least one policy. @param policies  All configured policies. @throws
 * {QuaterError} `approver_not_eligible`.
 */
export const assertApprover = (approver: Principal, policies: Iterable<Policy>): void => {
  const obstacle = obstacleToAll(approver);
  if (obstacle !== undefined) throw notEligible(obstacle);
  if (![...policies].some((policy) => names(policy, approver)))
    throw notEligible("no approval policy names you or one of your roles");
};

/** Whether this principal may see a request: the policy lists the principal, even if the principal may not vote. */
export const mayLookAt = (approver: Principal, { policy }: Pick<ApprovalRecord, "policy">): boolean =>
  obstacleToAll(approver) === undefined && names(policy, approver);
