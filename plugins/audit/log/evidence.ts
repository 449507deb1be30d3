// Computes the state of an approval request from its events. An attacker who can write to the store can change the tables of
// approval, but the events are chained with a key that is not in the store. So decisions use the events.

import type { EventFields, EventMeta } from "./event.ts";
import { isSameName } from "./same-name.ts";
import { type ApproverRule, isSatisfied } from "./votes.ts";

/** The fields of a verified linked event from which the state is computed. */
export type Told = Pick<EventMeta, "type" | "seq" | "at" | "approvalId" | "principal" | "detail"> & FiledFields;

/**
 * The fields that later events of a request copy from its filing event. The fields are not copied from the row, because the row
 * may be forged.
 */
export type FiledFields = Pick<EventFields, "handler" | "surface" | "schema">;

export interface ProvenVote {
  readonly person: string;
  /** The voter's roles at the time of the vote. */
  readonly roles: readonly string[];
  readonly verdict: "approve" | "deny";
}

/** The state of a request according only to its events. */
export interface Standing {
  readonly state: "pending" | "approved" | "ended";
  /** The type of the event that ended the request. */
  readonly endedBy?: string;
  /** The digest of the request, which covers call, requester, policy, preview and nonce. */
  readonly digest: string;
  /** The time until which people may decide, milliseconds by the store's clock. `usableUntil` has the same unit. */
  readonly pendingUntil: number;
  readonly usableUntil?: number;
  readonly votes: readonly ProvenVote[];
  /** How many events the request has. If the number is higher later, the request has changed. */
  readonly events: number;
  readonly rules: { readonly approvers: readonly ApproverRule[] };
  readonly filed: FiledFields;
}

/** The state of requests, for a check inside the transaction of a change. */
export interface Evidence {
  /** @returns The state of a request; `undefined` for a request that the trail does not prove. */
  readonly standing: (approvalId: string) => Standing | undefined;
}

/**
 * Allows or refuses a change, inside the transaction that has locked the head. So no other event can come between the check and
 * the change.
 */
export type Check = (evidence: Evidence, now: number) => Error | undefined;

/** @returns The state of a request after these events, in order; `undefined` when they do not begin with its filing. */
export const standingOf = (events: readonly Told[]): Standing | undefined =>
  events.reduce<Standing | undefined>((standing, told) => advanced(standing, told), undefined);

/** @returns The state of a request after one more event. */
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

/** Whether the request cannot change any more, because it has ended or its events contradict each other. */
const ended = (before: Standing, type: string): Standing => ({
  ...before,
  state: "ended",
  endedBy: type,
  events: before.events + 1,
});

/** Events of format 1 have no `pendingUntil`, so they prove no request. */
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

/** Adds a vote. Each person counts once. */
const withVote = (votes: readonly ProvenVote[], told: Told): readonly ProvenVote[] => {
  const { verdict, roles } = detailOf(told);
  const person = told.principal?.person;
  if (person === undefined || (verdict !== "approve" && verdict !== "deny")) return votes;
  if (votes.some((vote) => isSameName(vote.person, person))) return votes;
  return [...votes, { person, verdict, roles: Array.isArray(roles) ? (roles as string[]) : [] }];
};

const detailOf = ({ detail }: Told): Readonly<Record<string, unknown>> => Object(detail) as Record<string, unknown>;

/** Makes a check that passes when the request has no new event since the decision was made. */
export const unchangedSince =
  (approvalId: string, before: Standing, until: number): Check =>
  ({ standing }, now) => {
    const current = standing(approvalId);
    if (current?.events !== before.events || current.digest !== before.digest || current.state !== before.state)
      return new Error("Another process changed the approval request at the same time");
    return until > now ? undefined : new Error("The approval request has expired");
  };
