// Who must agree to a handler's calls, in a few words for the exposure table. All that a policy says is in them, so that a
// reviewer who compares two tables sees every change.

import type { Operation } from "../../../core/plugin-api.ts";
import { approvalKey } from "../exposure.ts";
import type { Policy } from "../policy.ts";
import type { Requirement } from "../service.ts";

/** @param policies  By name, with every default filled in. */
export const requirementsBy =
  (policies: ReadonlyMap<string, Policy>) =>
  (operation: Operation): Requirement | undefined => {
    const given = approvalKey.of(operation);
    if (given === undefined) return undefined;
    const { policy: name, surfaces } = given;
    const policy = policies.get(name);
    if (policy === undefined) return undefined; // boot has refused it
    const narrowed = surfaces === undefined ? [] : [`over ${surfaces.join(", ")} alone`];
    return {
      policy: name,
      words: `${name}: ${[approversIn(policy), ...restOf(policy), ...narrowed].join("; ")}`,
      approvers: policy.approvers,
      kind: policy.kind,
      ...(surfaces === undefined ? {} : { surfaces }),
    };
  };

/** `2 with role finance and ana` */
const approversIn = ({ approvers }: Policy): string =>
  approvers.map(({ role, person, need }) => (role === undefined ? String(person) : `${need} with role ${role}`)).join(" and ");

/** What differs from the defaults. */
const restOf = ({ kind, denials, pendingForMs, usableForMs, anySurface, unattributed }: Policy): readonly string[] => [
  ...(kind === "dual" ? [] : ["the person it acts for may agree"]),
  ...(denials === 1 ? [] : [`${denials} denials end it`]),
  ...(pendingForMs === 3_600_000 ? [] : [`waits ${spanOf(pendingForMs)}`]),
  ...(usableForMs === 600_000 ? [] : [`usable for ${spanOf(usableForMs)}`]),
  ...(anySurface ? ["usable over any surface"] : []),
  ...(unattributed ? ["may be asked for by nobody in particular"] : []),
];

const units = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1_000],
] as const;

/** In the largest unit that says it exactly. */
const spanOf = (milliseconds: number): string => {
  const [unit, size] = units.find(([, size]) => milliseconds % size === 0) ?? (["ms", 1] as const);
  return `${milliseconds / size} ${unit}`;
};
