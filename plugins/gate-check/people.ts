// The people who decide in the gate suite: as many as the policy asks for, and those who must not be let decide.

import type { Principal } from "../../core/index.ts";
import type { ApprovalRecord, Requirement } from "../offered.ts";

type Place = Requirement["approvers"][number];

let made = 0;

/** Somebody who can fill this place. */
const holderOf = ({ role, person }: Place, given: Partial<Principal> = {}): Principal => {
  made++;
  return {
    issuer: "gate-suite",
    subject: `approver-${made}`,
    kind: "user",
    person: person ?? `approver-${made}`,
    credential: `gate-suite:approver-${made}`,
    scopes: [],
    roles: role === undefined ? [] : [role],
    claims: {},
    ...given,
  };
};

const placesIn = (approvers: Requirement["approvers"]): readonly Place[] =>
  approvers.flatMap((approver) => Array.from({ length: approver.need }, () => approver));

/** One for every place: enough, and nobody too many. */
export const peopleFor = (approvers: Requirement["approvers"]): readonly Principal[] =>
  placesIn(approvers).map((place) => holderOf(place));

/** Somebody who must not fill the last place of a request, though he has what the policy names. */
export interface Culprit {
  readonly how: string;
  /** What the requester is, so that the culprit can be named by the policy. */
  readonly requester: Partial<Pick<Principal, "person" | "actsFor">>;
  /** `undefined` where the request has no such one. */
  readonly voter: (record: ApprovalRecord) => Principal | undefined;
}

export const culpritsFor = (approvers: Requirement["approvers"]): readonly Culprit[] => {
  const place = placesIn(approvers).at(-1) ?? { need: 1 };
  const named = place.person;
  // Under `confirm` the request's own people are who should agree, with another credential.
  const unlessConfirmed = ({ policy }: ApprovalRecord, person: string | undefined) =>
    person === undefined || policy.kind === "confirm" ? undefined : holderOf(place, { person });
  return [
    {
      how: "by the requester itself",
      requester: named === undefined ? {} : { person: named },
      voter: (record) => unlessConfirmed(record, record.requester.person),
    },
    {
      how: "by the person it acts for",
      requester: named === undefined ? {} : { actsFor: named },
      voter: (record) => unlessConfirmed(record, record.requester.actsFor),
    },
    {
      how: "with the requester's credential",
      requester: {},
      voter: ({ requester: { credential } }) => holderOf(place, { credential }),
    },
    { how: "by an agent", requester: {}, voter: () => holderOf(place, { kind: "agent" }) },
    {
      how: "by the user who started the process",
      requester: {},
      voter: () => holderOf(place, { issuer: "local", kind: "operator" }),
    },
  ];
};
