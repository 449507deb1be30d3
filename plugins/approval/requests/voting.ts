// Writes votes and revocations. Each change applies only to the version of the approval request that Quater read. If another
// process changed the approval request first, Quater reads the approval request again and repeats all checks.

import { visible } from "../../../core/diagnostics/text.ts";

import type { Principal } from "../../../core/index.ts";
import type { Awaitable } from "../../../core/plugin-api.ts";
import { type AuditEvent, type ProvenVote, unchangedSince } from "../../audit/service.ts";
import { alreadyDecided, approvalNotFound, approvalUsed, digestChanged, stillPending, voteDiffers } from "../errors.ts";
import { isSamePerson, isSatisfied, type Policy } from "../policy.ts";
import { type ApprovalRecord, requesterOf } from "../record.ts";
import type { Approver, VoteGiven } from "../service.ts";
import { type ApprovalContext, eventOf, provenEvent, retried } from "./approval-context.ts";
import { type CastVote, revoked, voted } from "./changing.ts";
import { digestOf } from "./digest.ts";
import { assertEligible, type Person } from "./eligible.ts";
import { usedBy } from "./filing.ts";
import { assertEndedOnTrail, proven, voidRequest } from "./proving.ts";
import type { StoredRequest } from "./tables.ts";

/**
 * How often Quater tries to write a vote, because other processes may write votes first. More votes on one approval request at
 * the same moment are unlikely.
 */
const mostAttempts = 50;
const longestReason = 500;

export const vote = (context: ApprovalContext, approver: Approver, given: VoteGiven): Promise<ApprovalRecord> =>
  deciding(context, given.id, async (found) => {
    const { record } = found;
    const { via } = approver;
    const principal = await currentOf(approver);
    assertEligible(principal, record);
    // The second comparison finds a row that another program changed. If the row was changed, people saw values that the digest
    // does not cover.
    if (given.digest !== record.digest || digestOf(record) !== record.digest) throw digestChanged(record.id);
    const standing = record.state === "pending" ? await proven(context, found) : undefined;
    if (record.state === "pending" && standing === undefined) return false;
    // For a pending approval request, only votes on the trail count. A vote that is only in a row does not count.
    const votes: readonly ProvenVote[] = standing?.votes ?? record.votes;
    const before = votes.find(({ person }) => isSamePerson(person, principal.person));
    if (before !== undefined && before.verdict !== given.verdict) throw voteDiffers(record.id);
    if (before !== undefined) return true;
    if (standing === undefined) throw alreadyDecided(record.id, record.state);
    if (standing.pendingUntil <= found.now) {
      // An attacker may have changed the time in the row of the approval request, so `standing` from the trail decides whether
      // the approval request has expired.
      if (!(await voidRequest(context, found, "the request has expired", { cause: "time" }))) return false;
      throw alreadyDecided(record.id, "expired");
    }
    const cast = castBy(principal, via, given);
    const decision = decisionOf(record.policy, [...votes, cast]);
    const events = [votedEvent(principal, record, cast)];
    if (decision !== undefined) events.push(decidedEvent(record, decision, [...votes, cast]));
    const check = unchangedSince(record.id, standing, standing.pendingUntil);
    if (!(await context.write(events, (open) => voted(open, found, cast, decision), check))) return false;
    if (decision !== undefined) context.tell(`approval.${decision}`, record);
    return true;
  });

export const revoke = (
  context: ApprovalContext,
  approver: Approver,
  given: { readonly id: string; readonly reason?: string },
): Promise<ApprovalRecord> =>
  deciding(context, given.id, async (found) => {
    const { record } = found;
    const { via } = approver;
    const principal = await currentOf(approver);
    assertEligible(principal, record);
    const used = usedBy(record);
    if (used !== undefined) throw approvalUsed(used);
    if (record.state === "pending") throw stillPending(record.id);
    if (record.state === "revoked") return true;
    if (record.state !== "approved") throw alreadyDecided(record.id, record.state);
    const standing = await proven(context, found);
    if (standing === undefined) return false;
    const reason = printable(given.reason);
    const about = { principal: requesterOf(principal), detail: { via } };
    const fields = provenEvent("approval.revoked", record.id, standing.filed, about);
    const check = unchangedSince(record.id, standing, Number.POSITIVE_INFINITY);
    const isWritten = await context.write([withReason(fields, reason)], (open) => [revoked(open, found, reason)], check);
    if (isWritten) context.tell("approval.revoked", record);
    return isWritten;
  });

/**
 * Checks the approver's credential again, because a vote counts with the approver's key, roles and person at the time of the
 * decision.
 */
const currentOf = ({ principal, again }: Approver): Awaitable<Principal> => again?.() ?? principal;

/**
 * Reads an approval request and calls `decide`. The function repeats both steps until Quater has written the decision.
 *
 * @param decide  Resolves to `true` if the approval request has the wanted state.
 * @returns The approval request after the decision.
 */
const deciding = (
  context: ApprovalContext,
  id: string,
  decide: (found: StoredRequest) => Promise<boolean>,
): Promise<ApprovalRecord> =>
  retried(mostAttempts, async () => {
    const found = await context.parts.reader.byId(id);
    if (found === undefined) throw approvalNotFound();
    await assertEndedOnTrail(context, found);
    return (await decide(found)) ? (await context.parts.reader.byId(id))?.record : undefined;
  });

const castBy = ({ person, issuer, subject, credential, roles }: Person, via: string, given: VoteGiven): CastVote => ({
  person,
  issuer,
  subject,
  credential,
  roles,
  verdict: given.verdict,
  reason: printable(given.reason),
  via,
});

/** Returns the state of an approval request after the last vote; `undefined` while the policy needs more votes. */
const decisionOf = (policy: Policy, votes: readonly ProvenVote[]): "approved" | "denied" | undefined => {
  const by = (verdict: ProvenVote["verdict"]) => votes.filter((each) => each.verdict === verdict);
  if (votes.at(-1)?.verdict === "deny") return by("deny").length >= policy.denials ? "denied" : undefined;
  return isSatisfied(policy, by("approve")) ? "approved" : undefined;
};

/**
 * Makes the event of a decision. The event of a decision contains the time until which a call may use the approval, because
 * Quater does not trust the row alone.
 */
const decidedEvent = (record: ApprovalRecord, decision: "approved" | "denied", votes: readonly ProvenVote[]): AuditEvent => ({
  fields: eventOf(`approval.${decision}`, record, {
    detail: { by: votes.map(({ person, verdict }) => ({ person, verdict })), digest: record.digest },
  }),
  ...(decision === "denied" ? {} : { timed: (now) => ({ usableUntil: now + record.policy.usableForMs }) }),
});

const votedEvent = (principal: Person, record: ApprovalRecord, { verdict, via, reason, roles }: CastVote): AuditEvent =>
  withReason(
    eventOf("approval.voted", record, {
      principal: requesterOf(principal),
      detail: { verdict, via, digest: record.digest, roles },
    }),
    reason,
  );

/**
 * Adds the reason of a vote to the body of the event. An operator can erase the body of the event, but cannot erase the decision.
 */
const withReason = (fields: AuditEvent["fields"], reason: string | undefined): AuditEvent =>
  reason === undefined ? { fields } : { fields, body: { reason } };

/** Makes the reason of a vote printable and short, because Quater stores the reason and shows it to other people. */
const printable = (reason: string | undefined): string | undefined => {
  const text = visible(reason?.trim() ?? "");
  // Cut the reason between code points, because the store refuses half of a surrogate pair.
  return text === "" ? undefined : [...text].slice(0, longestReason).join("");
};
