// The people who vote in the gate suite: as many approvers as the approval policy needs, and people who must not be able to
// approve.

import type { Principal } from "../../core/index.ts";
import type { ApprovalRecord, Requirement } from "../offered.ts";

type Place = Requirement["approvers"][number];

let made = 0;

/** Returns an approver for one entry of the list of approvers in the approval policy. */
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

/** Returns exactly as many approvers as the approval policy needs. */
export const peopleFor = (approvers: Requirement["approvers"]): readonly Principal[] =>
  placesIn(approvers).map((place) => holderOf(place));

/** A person who must not be able to give the last vote, although the approval policy names this person or one of their roles. */
export interface Culprit {
  readonly how: string;
  /**
   * The fields to change in the requester. If the approval policy names a person, the requester is this person or acts for this
   * person.
   */
  readonly requester: Partial<Pick<Principal, "person" | "actsFor">>;
  /** Returns the person who tries to give the last vote; `undefined` when the approval request has no such person. */
  readonly voter: (record: ApprovalRecord) => Principal | undefined;
}

export const culpritsFor = (approvers: Requirement["approvers"]): readonly Culprit[] => {
  const place = placesIn(approvers).at(-1) ?? { need: 1 };
  const named = place.person;
  // With `confirm`, the person who made the call may approve their own call with another credential.
  const unlessConfirmed = ({ policy }: ApprovalRecord, person: string | undefined) =>
    person === undefined || policy.kind === "confirm" ? undefined : holderOf(place, { person });
  return [
    {
      how: "the requester voted",
      requester: named === undefined ? {} : { person: named },
      voter: (record) => unlessConfirmed(record, record.requester.person),
    },
    {
      how: "the person for whom the requester acts voted",
      requester: named === undefined ? {} : { actsFor: named },
      voter: (record) => unlessConfirmed(record, record.requester.actsFor),
    },
    {
      how: "the vote used the requester's credential",
      requester: {},
      voter: ({ requester: { credential } }) => holderOf(place, { credential }),
    },
    { how: "an agent voted", requester: {}, voter: () => holderOf(place, { kind: "agent" }) },
    {
      how: "the user who started the process voted",
      requester: {},
      voter: () => holderOf(place, { issuer: "local", kind: "operator" }),
    },
  ];
};
