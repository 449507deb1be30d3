// Computes the state of an approval request from its events. An attacker who can write to the store can change the tables of the
// plugin approval, but cannot change events, because Quater chains events with a key that is not in the store. So decisions about
// approvals use the events.

import type { EventFields, EventMeta } from "./event.ts";
import { isSameName } from "./same-name.ts";
import { type ApproverRule, isSatisfied } from "./votes.ts";

/** The fields of a verified linked event from which Quater computes the state of an approval request. */
export type Told = Pick<EventMeta, "type" | "seq" | "at" | "approvalId" | "principal" | "detail"> & FiledFields;

/**
 * The fields that later events of a request copy from its filing event. Quater does not copy these fields from the row of the
 * approval request, because an attacker may have forged this row.
 */
export type FiledFields = Pick<EventFields, "handler" | "surface" | "schema">;

export interface ProvenVote {
  readonly person: string;
  /** The voter's roles at the time of the vote. */
  readonly roles: readonly string[];
  readonly verdict: "approve" | "deny";
}

/** The state of an approval request according only to the events of the request. */
export interface Standing {
  readonly state: "pending" | "approved" | "ended";
  /** The type of the event that ended the approval request. */
  readonly endedBy?: string;
  /** The digest of the approval request, which covers the call, the requester, the policy, the preview and the nonce. */
  readonly digest: string;
  /** The time until which people may vote on the request, milliseconds since the epoch by the store's clock. */
  readonly pendingUntil: number;
  readonly usableUntil?: number;
  readonly votes: readonly ProvenVote[];
  /** How many events the approval request has. If this number is higher later, the approval request has changed. */
  readonly events: number;
  readonly rules: { readonly approvers: readonly ApproverRule[] };
  readonly filed: FiledFields;
}

/** Returns the states of approval requests to a check that runs in the transaction of a change. */
export interface Evidence {
  /** @returns The state of an approval request; `undefined` for a request that the trail does not prove. */
  readonly standing: (approvalId: string) => Standing | undefined;
}

/**
 * A function that allows or refuses a change. Quater runs such a check inside the transaction that has locked the head, so no
 * process can write an event between the check and the change.
 */
export type Check = (evidence: Evidence, now: number) => Error | undefined;

/**
 * @returns The state of an approval request after its events `events`, in order; `undefined` when the first event does not file
 * the request.
 */
export const standingOf = (events: readonly Told[]): Standing | undefined =>
  events.reduce<Standing | undefined>((standing, told) => advanced(standing, told), undefined);

/** @returns The state of an approval request after one more event of the request. */
export const advanced = (before: Standing | undefined, told: Told): Standing | undefined => {
  const { type } = told;
  if (type === "approval.filed") return before === undefined ? filed(told) : ended(before, type);
  if (before === undefined) return undefined;
  if (before.state === "ended") return { ...before, events: before.events + 1 };
  const after = { ...before, events: before.events + 1 };
  if (type === "approval.voted") return { ...after, votes: withVote(before.votes, told) };
  if (type !== "approval.approved") return ended(before, type);
  const { usableUntil } = detailOf(told);
  const agreed = before.votes.filter(({ verdict }) => verdict === "approve");
  if (before.state !== "pending" || typeof usableUntil !== "number" || !isSatisfied(before.rules, agreed))
    return ended(before, type);
  return { ...after, state: "approved", usableUntil };
};

/** Returns the state of an approval request that has ended, or whose events contradict each other. */
const ended = (before: Standing, type: string): Standing => ({
  ...before,
  state: "ended",
  endedBy: type,
  events: before.events + 1,
});

/** Returns the state after a filing event. Events of format 1 have no `pendingUntil`, so events of format 1 prove no request. */
const filed = (told: Told): Standing | undefined => {
  const { digest, pendingUntil, rules: said } = detailOf(told);
  const { approvers } = Object(said) as { approvers?: unknown };
  if (typeof digest !== "string" || typeof pendingUntil !== "number" || !Array.isArray(approvers)) return undefined;
  const rules = { approvers: approvers as ApproverRule[] };
  return { state: "pending", digest, pendingUntil, votes: [], events: 1, rules, filed: filedFields(told) };
};

export const filedFields = ({ handler, surface, schema }: FiledFields): FiledFields => ({
  ...(handler === undefined ? {} : { handler }),
  ...(surface === undefined ? {} : { surface }),
  ...(schema === undefined ? {} : { schema }),
});

/** Adds the vote of an event to the votes on a request. Each person counts once. */
const withVote = (votes: readonly ProvenVote[], told: Told): readonly ProvenVote[] => {
  const { verdict, roles } = detailOf(told);
  const person = told.principal?.person;
  if (person === undefined || (verdict !== "approve" && verdict !== "deny")) return votes;
  if (votes.some((vote) => isSameName(vote.person, person))) return votes;
  return [...votes, { person, verdict, roles: Array.isArray(roles) ? (roles as string[]) : [] }];
};

const detailOf = ({ detail }: Told): Readonly<Record<string, unknown>> => Object(detail) as Record<string, unknown>;

/** Makes a check that passes if the approval request has no new event since the state `before` was read. */
export const unchangedSince =
  (approvalId: string, before: Standing, until: number): Check =>
  ({ standing }, now) => {
    const current = standing(approvalId);
    if (current?.events !== before.events || current.digest !== before.digest || current.state !== before.state)
      return new Error("Another process changed the approval request at the same time");
    return until > now ? undefined : new Error("The approval request has expired");
  };
