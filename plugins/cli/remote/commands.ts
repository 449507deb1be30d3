// The commands that work with `--remote`, and the refusal of the others.

import { cut } from "../../../core/diagnostics/text.ts";
import { parts } from "../../parts.ts";
import { UsageError } from "../output/exit.ts";
import type { Runner } from "../program/runner.ts";

/** Commands that choose between this computer and a remote themselves. */
const ownChoice: ReadonlySet<string> = new Set(["run", "actions", "explain", "exposure"]);

/** Commands that print what a remote shows, and the part that knows their flags. */
const readings: ReadonlyMap<string, "approvalReads" | "auditReads"> = new Map([
  ["approvals list", "approvalReads"],
  ["approvals show", "approvalReads"],
  ["approvals wait", "approvalReads"],
  ["audit tail", "auditReads"],
  ["audit show", "auditReads"],
  ["audit verify", "auditReads"],
]);

const known = `These commands do: ${[...ownChoice, ...readings.keys()].join(", ")}`;

/**
 * Returns the runner of a command that only prints what a remote shows; `undefined` for a command that chooses itself.
 *
 * @throws {UsageError} for a command that works only on this computer.
 */
export const remoteReading = (words: readonly string[]): Runner | undefined => {
  const [word = "", sub = ""] = words;
  if (ownChoice.has(word) || word === "help") return undefined;
  const part = readings.get(`${word} ${sub}`);
  const load = part === undefined ? undefined : parts[part];
  if (load !== undefined)
    return async (context, typed) => (await import("./printing.ts")).runReading(context, await load(), typed);
  if (word === "approvals" && ["approve", "deny", "revoke", "code"].includes(sub))
    throw new UsageError(
      `A stored token cannot decide approval requests, so approvals ${sub} does not work with --remote. Decide the request on the approvals page, whose link is in the output of the call`,
      "approver_not_eligible",
    );
  const typed = JSON.stringify(cut(sub === "" || sub.startsWith("-") ? word : `${word} ${sub}`));
  throw new UsageError(`The command ${typed} does not work with --remote. ${known}`);
};
