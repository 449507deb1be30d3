// Reads the option `accept` of cli(). With `accept`, the manifest accepts findings of `quater check` by their codes.

import { nearest } from "../../../core/diagnostics/text.ts";
import type { BootProblem } from "../../../core/plugin-api.ts";
import { checks, type Finding, finding } from "./finding.ts";

/** Returns a boot problem for each unknown code of `accept`, and for each code without a reason. */
export const acceptProblems = (accept: Readonly<Record<string, string>>): readonly BootProblem[] => {
  const problem = (cause: string, remedy: string): BootProblem => ({ place: "cli()", plugin: "cli", cause, remedy });
  return Object.entries(accept).flatMap(([code, reason]) => {
    if (!Object.hasOwn(checks, code)) {
      const near = nearest(code, Object.keys(checks));
      const remedy =
        near === undefined ? `Use a code of quater check: ${Object.keys(checks).join(", ")}` : `Did you mean "${near}"?`;
      return [problem(`The cli() option accept has the unknown code ${JSON.stringify(code)}`, remedy)];
    }
    if (reason.trim() !== "") return [];
    const remedy = `Write why the finding is acceptable: accept: { ${code}: "..." }`;
    return [problem(`The cli() option accept has no reason for ${code}`, remedy)];
  });
};

/**
 * Adds the reasons of the option `accept` to the findings. If `accept` has a reason for a code without a finding, adds a finding
 * about this unused reason.
 */
export const withReasons = (findings: readonly Finding[], accept: Readonly<Record<string, string>>): readonly Finding[] => {
  const unused = Object.keys(accept).filter((code) => !findings.some((each) => each.code === code));
  return [
    ...findings.map((each) => ({ ...each, accepted: accept[each.code] ?? null })),
    ...unused.map((code) =>
      finding("unused_acceptance", `cli({ accept }) accepts ${code}, but there is no such finding`, `Remove ${code} from accept`),
    ),
  ];
};
