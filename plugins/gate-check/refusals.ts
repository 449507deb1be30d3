// The log of Quater names the policy or the plugin that refused a call. The answer to the caller must not name this policy or
// plugin. This case makes no calls, but checks the answers to the calls of the other cases.

import type { GateRow } from "./report.ts";

/** A call that a policy function or a plugin refused with `forbidden`. */
export interface Refusal {
  readonly handler: string;
  readonly surface: string;
  /** The message of the refusal that the caller got. */
  readonly message: string;
  /** The policy or plugin that refused the call, as the log names it. */
  readonly by: string | undefined;
}

export const refusalCase = "refusal named";

const expected = "named only in the log";

/** @returns One row of the report for each handler and surface with such refusals. */
export const refusalRows = (refusals: readonly Refusal[]): readonly GateRow[] => {
  const places = new Set(refusals.map(placeOf));
  return [...places].map((place) => {
    const found = refusals.filter((refusal) => placeOf(refusal) === place);
    const { handler, surface } = found[0] as Refusal;
    const about = { handler, surface, case: refusalCase, expected };
    if (found.some(({ by }) => by === undefined)) {
      const hole = `${subjectOf(found[0] as Refusal)} refused a call, but the log does not name the policy or plugin that refused the call`;
      return { ...about, got: "no name in the log", ok: false, hole };
    }
    const told = found.find(({ message, by = "" }) => functionsIn(by).some((name) => message.includes(name)));
    if (told === undefined) return { ...about, got: expected, ok: true };
    const hole = `${subjectOf(told)} sends the name of the policy that refused a call to the caller: "${told.message}". Return false from the policy, or a reason without the word ${told.by}`;
    return { ...about, got: "named to the caller", ok: false, hole };
  });
};

const placeOf = ({ handler, surface }: Refusal): string => `${handler} over ${surface}`;
const subjectOf = ({ handler, surface }: Refusal): string => `The handler ${handler}, called over ${surface},`;

/** Returns the names of policy functions that cannot be in a sentence by chance: `isOwner`, but not `owner`. */
const functionsIn = (by: string): readonly string[] => by.split(/ (?:and|or) /).filter((name) => /^\w*[a-z][A-Z]\w*$/.test(name));
