// The cases of the gate suite for calls that need approval. The gate suite makes the calls through the probe of the surface. For
// the votes, the gate suite uses the same service as the approvals page, the API of approval and the commands.

import { isQuaterError, type Principal, type QuaterError } from "../../core/index.ts";
import type { ApprovalRecord } from "../offered.ts";
import { type Case, send, sendAs, type Target, type Tried, tried, unwritable } from "./cases.ts";
import type { Input } from "./inputs.ts";
import { culpritsFor, peopleFor } from "./people.ts";
import { allowed } from "./principals.ts";
import { overtakers, overtaking, racers, racing } from "./race.ts";
import { Untried } from "./untried.ts";

/** A call whose approval request is pending. */
interface Request {
  readonly target: Target;
  readonly principal: Principal;
  readonly token: string;
  readonly input: Input;
  readonly record: ApprovalRecord;
}

/** @throws {Untried} when the call did not file an approval request. */
const filed = async (target: Target, given: Partial<Principal> = {}): Promise<Request> => {
  const { operation, rehearsed, surface, granted, inputs } = target;
  const caller = allowed(operation, granted);
  const principal = { ...caller, ...given, claims: { ...caller.claims, ...given.claims } };
  const token = rehearsed.tokens.grant(surface, principal);
  const input = inputs.right();
  const { got, message } = (await send(target, token, input)) ?? unwritable(target);
  if (got !== "approval_required")
    throw new Untried(
      got === "ran" ? "the handler ran before anybody approved the call" : `the call ended with ${got}, ${message}`,
    );
  const [looker] = peopleOf(target);
  const found =
    looker === undefined ? [] : await rehearsed.approvals.list(looker, { states: ["pending"], handler: operation.name });
  // If the gate wrongly answers with the approval request of another caller, the approvers approve that approval request. The
  // case then shows whether the call of the first caller runs.
  const record = found.find(({ requester }) => requester.subject === principal.subject) ?? found[0];
  if (record === undefined) throw new Untried("the call filed an approval request, but no approver can see the request");
  return { target, principal, token, input, record };
};

const peopleOf = ({ operation, rehearsed }: Target): readonly Principal[] =>
  peopleFor(rehearsed.approvals.requirementOf(operation)?.approvers ?? []);

const agree = (request: Request, principal: Principal): Promise<ApprovalRecord> =>
  request.target.rehearsed.approvals.vote(
    { principal, via: "gate" },
    { id: request.record.id, verdict: "approve", digest: request.record.digest },
  );

/** @throws {Untried} when all approvers approved, but the approval request is not in the state approved. */
export const approved = async (target: Target, given: Partial<Principal> = {}): Promise<Request> => {
  const request = await filed(target, given);
  let { record } = request;
  for (const person of peopleOf(target)) record = await agree(request, person);
  if (record.usableUntil === undefined)
    throw new Untried(`all approvers approved the approval request, but the state of the request is ${record.state}`);
  return { ...request, record };
};

/** Repeats the call for which the gate filed the approval request. */
const repeat = async (request: Request, expected: string, how?: string, approvalId?: string): Promise<readonly Tried[]> =>
  tried(await send(request.target, request.token, request.input, approvalId), [expected], how);

const unapproved: Case = {
  name: "unapproved",
  hole: "ran before people approved the call",
  run: async (target) => {
    const request = await filed(target);
    const found = [...(await repeat(request, "approval_required", "the suite made the same call twice"))];
    const people = peopleOf(target);
    for (const [at, person] of people.slice(0, -1).entries()) {
      await agree(request, person);
      found.push(...(await repeat(request, "approval_required", `after ${at + 1} of ${people.length} approvers had approved`)));
    }
    await target.rehearsed.forgeApproval(request.record.id);
    return [
      ...found,
      ...(await repeat(request, "approval_unproven", "after the row of the request in the store was changed to approved")),
    ];
  },
};

const control: Case = {
  name: "all in order",
  hole: "did not run, although people had approved the call",
  run: async (target) => repeat(await approved(target), "ran"),
};

const changed: Case = {
  name: "changed",
  hole: "ran with arguments that were changed after the approval",
  run: async (target) => {
    const other = target.inputs.changed();
    if (other === undefined && target.inputs.unknownField().length > 0 && Object.keys(target.inputs.right()).length === 0)
      return [];
    if (other === undefined) throw new Untried("the schema accepts only one input, so the suite cannot change the input");
    const request = await approved(target);
    const { token, record } = request;
    return [
      ...tried(await send(target, token, other), ["approval_required"]),
      ...tried(await send(target, token, other, record.id), ["approval_mismatch"], "the call named the approval id"),
      ...(await repeat(request, "ran", "the unchanged call then did not run")),
    ];
  },
};

const replayed: Case = {
  name: "replayed",
  hole: "ran twice with one approval",
  run: async (target) => {
    const request = await approved(target);
    const used = await repeat(request, "ran", "or the approved call did not run at all");
    const again = await repeat(request, "approval_required");
    const named = await repeat(request, "approval_used", "the call named the approval id", request.record.id);
    const raced = await approved(target, { claims: racing });
    const runs = await target.rehearsed.startsOf(() =>
      Promise.all(Array.from({ length: racers }, () => send(target, raced.token, raced.input))),
    );
    const race: Tried = {
      got: `${runs} of ${racers} ran`,
      expected: [`1 of ${racers} ran`],
      hasRun: runs > 1,
      message: "",
      how: `${racers} calls at the same time`,
    };
    return [...used, ...again, ...named, race];
  },
};

const overtaken: Case = {
  name: "overtaken",
  hole: "ran, although an earlier call had changed the preview that people approved",
  run: async (target) => {
    const { operation, rehearsed } = target;
    // The preview of a real handler may stay the same when another call runs, so the gate suite does not try this case with real
    // handlers.
    if (operation.handler.preview === undefined || rehearsed.isReal) return [];
    const requests: Request[] = [];
    while (requests.length < overtakers) requests.push(await approved(target, { claims: overtaking }));
    const runs = await rehearsed.startsOf(() => Promise.all(requests.map(({ token, input }) => send(target, token, input))));
    const expected = [`1 of ${overtakers} ran`];
    return [
      {
        got: `${runs} of ${overtakers} ran`,
        expected,
        hasRun: runs > 1,
        message: "",
        how: `${overtakers} calls at the same time`,
      },
    ];
  },
};

const foreign: Case = {
  name: "somebody else's",
  hole: "ran with the approval of another caller",
  run: async (target) => {
    const { operation, rehearsed, granted } = target;
    const request = await approved(target);
    const { record, input, principal } = request;
    const stranger = allowed(operation, granted);
    const found = [
      ...tried(await sendAs(target, stranger, input), ["approval_required"]),
      ...tried(await sendAs(target, stranger, input, record.id), ["approval_not_found"], "the call named the approval id"),
    ];
    const { surfaces = [...operation.surfaces] } = rehearsed.approvals.requirementOf(operation) ?? {};
    for (const surface of record.policy.anySurface ? [] : surfaces) {
      if (surface === target.surface || !rehearsed.hasProbe(surface)) continue;
      const seen = await sendAs({ ...target, surface }, principal, input, record.id);
      found.push(...tried(seen, ["approval_not_found"], `the call was made over ${surface}`));
    }
    return [...found, ...(await repeat(request, "ran", "the call of the requester then did not run"))];
  },
};

const selfApproved: Case = {
  name: "self-approved",
  hole: "ran with the vote of a person who may not approve this call",
  run: async (target) => {
    const { approvals } = target.rehearsed;
    const found: Tried[] = [];
    for (const { how, requester, voter } of culpritsFor(approvals.requirementOf(target.operation)?.approvers ?? [])) {
      const request = await filed(target, requester);
      const culprit = voter(request.record);
      if (culprit === undefined) continue;
      for (const person of peopleOf(target).slice(0, -1)) await agree(request, person);
      const refusal = await refusalOf(() => agree(request, culprit));
      found.push(...(await repeat(request, "approval_required", how)));
      const got = refusal?.code ?? "a counted vote";
      found.push({ got, expected: ["approver_not_eligible"], hasRun: false, message: refusal?.message ?? "", how });
    }
    return found;
  },
};

const denied: Case = {
  name: "denied",
  hole: "allowed a new approval request for the same call directly after a denial",
  run: async (target) => {
    const { approvals } = target.rehearsed;
    const request = await filed(target);
    const { id, digest, policy } = request.record;
    const people = peopleOf(target);
    if (people.length < policy.denials) return []; // The approval policy needs more denials than the gate suite has people.
    for (const principal of people.slice(0, policy.denials))
      await approvals.vote({ principal, via: "gate" }, { id, verdict: "deny", digest });
    const { principal, input } = request;
    const other = { ...principal, credential: `${principal.credential}-other` };
    return [
      ...(await repeat(request, "approval_denied")),
      ...tried(await sendAs(target, other, input), ["approval_denied"], "the same person used another credential"),
    ];
  },
};

const refusalOf = async (act: () => Promise<unknown>): Promise<QuaterError | undefined> => {
  try {
    await act();
    return undefined;
  } catch (error) {
    if (isQuaterError(error)) return error;
    throw error;
  }
};

export const approvalCases: readonly Case[] = [unapproved, control, changed, replayed, overtaken, foreign, selfApproved, denied];

const expired: Case = {
  name: "expired",
  hole: "ran with an expired approval",
  run: async (target) => {
    const request = await approved(target);
    await untilPast(request.record.usableUntil ?? 0);
    return [
      ...(await repeat(request, "approval_required")),
      ...(await repeat(request, "approval_expired", "the call named the approval id", request.record.id)),
    ];
  },
};

/**
 * Waits until this machine's clock shows a time later than `time`. The store of the test run is a file on this machine, so
 * approvals expire by the same clock.
 */
const untilPast = async (time: number): Promise<void> => {
  while (Date.now() <= time) await new Promise((resume) => setTimeout(resume, time + 1 - Date.now()));
};

/** The cases that the gate suite runs in a copy of the manifest in which approvals expire after 100 ms. */
export const expiryCases: readonly Case[] = [expired];
