// Describes in a few words who must approve the calls of a handler, for the exposure table. The words contain all settings of the
// approval policy, so a reviewer who compares two exposure tables sees every change.

import type { Operation } from "../../../core/plugin-api.ts";
import { approvalKey } from "../exposure.ts";
import type { Policy } from "../policy.ts";
import type { Requirement, Rules } from "../service.ts";

/** @param policies  The approval policies by name, with all defaults filled in. */
export const requirementsBy =
  (policies: ReadonlyMap<string, Policy>) =>
  (operation: Operation): Requirement | undefined => {
    const given = approvalKey.of(operation);
    if (given === undefined) return undefined;
    const { policy: name, surfaces } = given;
    const policy = policies.get(name);
    if (policy === undefined) return undefined; // Boot refuses an exposure with the name of a missing policy.
    const narrowed = surfaces === undefined ? [] : [`only calls over ${surfaces.join(", ")} need approval`];
    return {
      policy: name,
      words: `${name}: ${[approversIn(policy), ...restOf(policy), ...narrowed].join("; ")}`,
      approvers: policy.approvers,
      kind: policy.kind,
      ...(surfaces === undefined ? {} : { surfaces }),
    };
  };

/** @param policies  The approval policies by name, with all defaults filled in. */
export const rulesBy =
  (policies: ReadonlyMap<string, Policy>) =>
  (operation: Operation): Rules | undefined => {
    const given = approvalKey.of(operation);
    const policy = given && policies.get(given.policy);
    return policy && { policy: given.policy, surfaces: given.surfaces ?? null, ...policy };
  };

/** Returns the approvers of a policy in words: `2 with role finance and ana`. */
const approversIn = ({ approvers }: Policy): string =>
  approvers.map(({ role, person, need }) => (role === undefined ? String(person) : `${need} with role ${role}`)).join(" and ");

/** Returns the settings of a policy that differ from the defaults, in words. */
const restOf = ({ kind, denials, pendingForMs, usableForMs, anySurface, unattributed }: Policy): readonly string[] => [
  ...(kind === "dual" ? [] : ["the person for whom the caller acts may approve"]),
  ...(denials === 1 ? [] : [`${denials} denials end the request`]),
  ...(pendingForMs === 3_600_000 ? [] : [`a request waits ${spanOf(pendingForMs)} for votes`]),
  ...(usableForMs === 600_000 ? [] : [`an approval can be used for ${spanOf(usableForMs)}`]),
  ...(anySurface ? ["the caller may repeat the approved call over another surface"] : []),
  ...(unattributed ? ["the requester may be a credential without a person"] : []),
];

const units = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1_000],
] as const;

/** Returns a time span in words, in the largest unit that gives a whole number. */
const spanOf = (milliseconds: number): string => {
  const [unit, size] = units.find(([, size]) => milliseconds % size === 0) ?? (["ms", 1] as const);
  return `${milliseconds / size} ${unit}`;
};
