// Writes times, approval policies and states of approval requests in words for people.

import type { Policy } from "../policy.ts";
import type { ApprovalRecord, Requester } from "../record.ts";
import { safeText } from "./safe-text.ts";

export interface ShownTime {
  /** The time as ISO 8601 text in UTC. */
  readonly iso: string;
  /** The time relative to now: `in 9 minutes`, `3 hours ago`. */
  readonly relative: string;
}

const units = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
] as const;

/**
 * Returns a time as ISO 8601 text and as relative time. The relative time is rounded down, so people never read that they have
 * more time than they really have.
 */
export const shownTime = (at: number, now: number): ShownTime => {
  const distance = at - now;
  const [unit, size] = units.find(([, size]) => Math.abs(distance) >= size) ?? (["second", 1_000] as const);
  const words = new Intl.RelativeTimeFormat("en").format(Math.trunc(distance / size), unit);
  return { iso: new Date(at).toISOString(), relative: words };
};

/** Returns a name for use inside a sentence. The name is in quotes if the name could look like words of the sentence. */
export const nameIn = (name: string): string =>
  /^[A-Za-z0-9][A-Za-z0-9_.@+-]*$/.test(name) ? name : `"${safeText(name, "full").text.replaceAll('"', '\\"')}"`;

/** Returns one sentence for each rule of an approval policy: `2 different people with the role finance; not ana, who asks`. */
export const policyInWords = (policy: Policy, requester: Requester, surface: string): readonly string[] => [
  [whoAgrees(policy), ...exceptions(policy, requester)].join("; "),
  policy.denials === 1 ? "one denial ends the request" : `${policy.denials} denials end the request`,
  `after the approval, the call can run once, within ${duration(policy.usableForMs)}, over ${policy.anySurface ? "any surface" : nameIn(surface)}`,
];

const whoAgrees = ({ approvers }: Policy): string => {
  const parts = approvers.map(({ role, person, need }) =>
    role === undefined
      ? nameIn(person ?? "")
      : `${need === 1 ? "1 person" : `${need} different people`} with the role ${nameIn(role)}`,
  );
  return `${parts.join(" and ")}${parts.length > 1 ? ", each person counts once" : ""}`;
};

const exceptions = ({ kind }: Policy, { person, actsFor }: Requester): readonly string[] => {
  if (kind === "confirm")
    return actsFor === undefined
      ? []
      : [`${nameIn(actsFor)}, for whom the requester acts, may be one of the approvers, with another credential`];
  return [
    ...(person === undefined || person === actsFor ? [] : [`not ${nameIn(person)}, who made the request`]),
    ...(actsFor === undefined ? [] : [`not ${nameIn(actsFor)}, for whom the requester acts`]),
  ];
};

const duration = (milliseconds: number): string => {
  const [unit, size] = units.find(([, size]) => milliseconds >= size) ?? (["second", 1_000] as const);
  const count = Math.trunc((milliseconds / size) * 10) / 10;
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
};

const ends = {
  running: "used, still running",
  succeeded: "used, succeeded",
  failed: "used, failed",
  unknown: "used, outcome unknown",
} as const;

/** Returns the state of an approval request in words: `pending`, `used, succeeded`, `denied, erased`. */
export const stateInWords = ({ state, use, isErased }: Pick<ApprovalRecord, "state" | "use" | "isErased">): string =>
  `${state === "consumed" ? ends[use?.outcome ?? "unknown"] : state}${isErased ? ", erased" : ""}`;
