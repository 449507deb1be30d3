// Lists the commands that work with `--remote`, and refuses all other commands with `--remote`.

import { cut } from "../../../core/diagnostics/text.ts";
import { parts } from "../../parts.ts";
import { UsageError } from "../output/exit.ts";
import type { Runner } from "../program/runner.ts";

/** Commands that decide in their own code whether to use this computer or a remote. */
const ownChoice: ReadonlySet<string> = new Set(["run", "actions", "explain", "exposure"]);

/** Commands that print the outputs of a remote, and the name of the part in `plugins/parts.ts` that defines their flags. */
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
 * Returns the runner of a command that only prints the outputs of a remote; `undefined` for `help` and the commands of
 * `ownChoice`.
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
