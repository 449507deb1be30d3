// The state of an approval request by its events. A person who can write to the store can change the tables of approval. The events are
// chained with a key that is not in the store, so decisions use the events.

import type { EventFields, EventMeta } from "./event.ts";
import { isSameName } from "./same-name.ts";
import { type ApproverRule, isSatisfied } from "./votes.ts";

/** The fields of a verified linked event that evidence needs. */
export type Told = Pick<EventMeta, "type" | "seq" | "at" | "approvalId" | "principal" | "detail"> & FiledFields;

/** The fields that later events of a request repeat from its filing. They are not taken from the row, which may be forged. */
export type FiledFields = Pick<EventFields, "handler" | "surface" | "schema">;

export interface ProvenVote {
  readonly person: string;
  /** At the time of the vote. */
  readonly roles: readonly string[];
  readonly verdict: "approve" | "deny";
}

/** The state of a request by its events alone. */
export interface Standing {
  readonly state: "pending" | "approved" | "ended";
  /** How it ended: the type of the event. */
  readonly endedBy?: string;
  /** Covers the call, the requester, the policy, the preview and the nonce. */
  readonly digest: string;
  /** Milliseconds by the store's clock, as `usableUntil`. */
  readonly pendingUntil: number;
  readonly usableUntil?: number;
  readonly votes: readonly ProvenVote[];
  /** How many events the request has. A higher number later means that the request has changed. */
  readonly events: number;
  readonly rules: { readonly approvers: readonly ApproverRule[] };
  readonly filed: FiledFields;
}

/** The evidence that a check gets in the transaction of a change. */
export interface Evidence {
  /** @returns `undefined` for a request that the trail does not prove. */
  readonly standing: (approvalId: string) => Standing | undefined;
}

/** Decides about a change, in the transaction that holds the head. So nothing can happen between the check and the change. */
export type Check = (evidence: Evidence, now: number) => Error | undefined;

/** @returns Where a request stands after its events, in order; `undefined` when they do not begin with its filing. */
export const standingOf = (events: readonly Told[]): Standing | undefined =>
  events.reduce<Standing | undefined>((standing, told) => advanced(standing, told), undefined);

/** @returns Where a request stands after one more event. */
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

/** The request can not change any more: it has ended, or its events contradict each other. */
const ended = (before: Standing, type: string): Standing => ({
  ...before,
  state: "ended",
  endedBy: type,
  events: before.events + 1,
});

/** Events of format 1 have no `pendingUntil`, so they prove nothing. */
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

/** Counts each person once. */
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
      return new Error("The request was changed meanwhile");
    return until > now ? undefined : new Error("The time of the request has run out");
  };
