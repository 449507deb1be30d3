// The commands that work with `--remote`.

import { cut } from "../../../core/diagnostics/text.ts";
import { UsageError } from "../output/exit.ts";
import type { Runner } from "../program/runner.ts";

/** Commands that choose between this computer and a remote themselves. */
const ownChoice: ReadonlySet<string> = new Set(["run", "actions"]);

/** Commands that print values of a remote, by their words. */
const readings: ReadonlyMap<string, () => Promise<Runner>> = new Map();

/** Refuses `--remote` for commands that work only on this computer. @throws {UsageError} */
export const assertRemote = (words: readonly string[]): void => {
  const [word = "", sub = ""] = words;
  if (ownChoice.has(word) || readings.has(`${word} ${sub}`) || word === "help") return;
  if (word === "approvals" && ["approve", "deny", "revoke", "code"].includes(sub))
    throw new UsageError(
      "A stored token cannot decide approval requests, so approvals approve, deny and revoke do not work with --remote. Decide the request on the approvals page: its link is in the output of the call",
    );
  const typed = JSON.stringify(cut(sub === "" || sub.startsWith("-") ? word : `${word} ${sub}`));
  throw new UsageError(`The command ${typed} does not work with --remote. ${known}`);
};

const known = `These commands do: ${[...ownChoice, ...readings.keys()].join(", ")}`;

export const remoteReading = (words: readonly string[]): Runner | undefined => {
  const [word = "", sub = ""] = words;
  const load = readings.get(`${word} ${sub}`);
  return load === undefined ? undefined : async (context, typed) => (await load())(context, typed);
};
