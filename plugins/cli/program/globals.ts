// Reads the program's own flags at any place of the command line, before the program knows the flags of the command. This is
// safe, because the value of a flag cannot begin with two dashes unless "=" joins the flag and the value.

import { UsageError } from "../output/exit.ts";

export interface Globals {
  /** True for `--json` and false for `--no-json`. Without both flags, output is JSON unless standard output is a terminal. */
  readonly json: boolean | undefined;
  readonly isHelp: boolean;
  readonly isVersion: boolean;
  /** The value of the flag `--config FILE`. */
  readonly config: string | undefined;
  /** The value of the flag `--remote NAME`. */
  readonly remote: string | undefined;
  /** The remaining words of the command line in their order: the words of the command and its flags. */
  readonly rest: readonly string[];
}

/** Splits the command line of the program. @throws {UsageError} */
export const readGlobals = (argv: readonly string[]): Globals => {
  let json: boolean | undefined;
  let isHelp = false;
  let isVersion = false;
  let config: string | undefined;
  let remote: string | undefined;
  const rest: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? "";
    if (word === "--") {
      rest.push(...argv.slice(at));
      break;
    }
    if (word === "--json" || word === "--json=true") json = true;
    else if (word === "--no-json" || word === "--json=false") json = false;
    else if (word === "--help" || word === "-h") isHelp = true;
    // After a command, `--version` may be an input of an action.
    else if (word === "--version" && rest.length === 0) isVersion = true;
    // After the name of an action, the flags `--config` and `--remote` belong to the action. Values of inputs may come from other
    // people. A manifest that such a value names would run code, and a remote that such a value names would get the input.
    else if (rest[0] === "run" && rest.length > 1) rest.push(word);
    else if (word === "--config") config = valueAfter(argv, at++);
    else if (word.startsWith("--config=")) config = word.slice("--config=".length);
    else if (word === "--remote") remote = valueAfter(argv, at++, "the name of a remote");
    else if (word.startsWith("--remote=")) remote = word.slice("--remote=".length);
    else rest.push(word);
  }
  return { json, isHelp, isVersion, config, remote, rest };
};

const valueAfter = (argv: readonly string[], at: number, what = "the path of a file"): string => {
  const value = argv[at + 1];
  if (value === undefined || value.startsWith("--")) throw new UsageError(`${argv[at]} needs ${what}`);
  return value;
};
