// The program's own flags, wherever they stand on the command line. They are found before any schema is known, which is
// sound because no flag's value may begin with two dashes unless it is joined by "=".

import { UsageError } from "../output/exit.ts";

export interface Globals {
  /** `--json` or `--no-json`; undefined lets the terminal decide. */
  readonly json: boolean | undefined;
  readonly isHelp: boolean;
  readonly isVersion: boolean;
  /** `--config FILE`. */
  readonly config: string | undefined;
  /** What is left, in order: the command's words and its own flags. */
  readonly rest: readonly string[];
}

/** @throws {UsageError} */
export const readGlobals = (argv: readonly string[]): Globals => {
  let json: boolean | undefined;
  let isHelp = false;
  let isVersion = false;
  let config: string | undefined;
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
    // Behind a command it may be an input of the action's.
    else if (word === "--version" && rest.length === 0) isVersion = true;
    // After an action's name, `--config` belongs to the action: values of inputs may come from anybody, and a manifest is code.
    else if (rest[0] === "run" && rest.length > 1) rest.push(word);
    else if (word === "--config") config = valueAfter(argv, at++);
    else if (word.startsWith("--config=")) config = word.slice("--config=".length);
    else rest.push(word);
  }
  return { json, isHelp, isVersion, config, rest };
};

const valueAfter = (argv: readonly string[], at: number): string => {
  const value = argv[at + 1];
  if (value === undefined || value.startsWith("--")) throw new UsageError(`${argv[at]} needs a file`);
  return value;
};
