// What stands behind `quater run`: the action, the flags of the command itself, and the rest for the action.

import { UsageError } from "./exit.ts";
import { type Token, tokenize } from "./tokens.ts";

export interface RunArguments {
  readonly action: string | undefined;
  readonly isDryRun: boolean;
  /** A file, or "-" for standard input. */
  readonly input: string | undefined;
  /** The action's own. */
  readonly tokens: readonly Token[];
}

/** @throws {UsageError} */
export const readRunArguments = (args: readonly string[]): RunArguments => {
  let action: string | undefined;
  let isDryRun = false;
  let input: string | undefined;
  const rest: Token[] = [];
  const tokens = tokenize(args);
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at];
    if (token === undefined) break;
    if ("word" in token) {
      if (action === undefined) action = token.word;
      else rest.push(token);
    } else if (token.flag === "dry-run" || token.flag === "dryRun") {
      if (token.joined !== undefined && !["true", "false"].includes(token.joined))
        throw new UsageError("--dry-run takes no value");
      isDryRun = token.joined !== "false";
    } else if (token.flag === "input") {
      const next = tokens[at + 1];
      const value = token.joined ?? (next !== undefined && "word" in next ? next.word : undefined);
      if (value === undefined || value === "") throw new UsageError('--input needs a file, or "-" for standard input');
      if (input !== undefined) throw new UsageError("--input is given more than once");
      input = value;
      if (token.joined === undefined) at++;
    } else if (action === undefined) {
      throw new UsageError(`--${token.flag} stands before the action: write quater run <action> --${token.flag}`);
    } else rest.push(token);
  }
  return { action, isDryRun, input, tokens: rest };
};
