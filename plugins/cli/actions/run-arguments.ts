// Splits the words after `quater run` into the action, the flags of `quater run` and the flags of the action.

import { UsageError } from "../output/exit.ts";
import { type Token, tokenize } from "./tokens.ts";

export interface RunArguments {
  readonly action: string | undefined;
  readonly isDryRun: boolean;
  /** The value of `--approval`: the id of the approval request to use. */
  readonly approval: string | undefined;
  /** Whether `--wait` is set. With `--wait`, the command waits for the decision of the approvers and then repeats the call. */
  readonly isWaiting: boolean;
  /** The value of `--input`: the name of a file, or "-" for standard input. */
  readonly input: string | undefined;
  /** The value of `--output`: the name of the file for the result. */
  readonly output: string | undefined;
  /** The fields of the result that `--columns` selects. An empty list selects all fields. */
  readonly columns: readonly string[];
  /** The typed flags of the action. Binding converts their values later. */
  readonly tokens: readonly Token[];
}

/** Reads the words after `quater run`. @throws {UsageError} for a wrong command line. */
export const readRunArguments = (args: readonly string[]): RunArguments => {
  let action: string | undefined;
  const switches = { "dry-run": false, wait: false };
  const values: Partial<Record<keyof typeof needs, string>> = {};
  const rest: Token[] = [];
  const tokens = tokenize(args);
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at];
    if (token === undefined) break;
    if ("word" in token) {
      if (action === undefined) action = token.word;
      else rest.push(token);
    } else if (isSwitch(token.flag)) {
      const flag = token.flag === "wait" ? "wait" : "dry-run";
      if (token.joined !== undefined && !["true", "false"].includes(token.joined))
        throw new UsageError(`--${flag} is a flag of the program and takes no value. To set an input of this name, use --input`);
      switches[flag] = token.joined !== "false";
    } else if (isValued(token.flag)) {
      const next = tokens[at + 1];
      const value = token.joined ?? (next !== undefined && "word" in next ? next.word : undefined);
      if (value === undefined || value === "") throw new UsageError(needs[token.flag]);
      if (values[token.flag] !== undefined) throw new UsageError(`--${token.flag} is given more than once`);
      values[token.flag] = value;
      if (token.joined === undefined) at++;
    } else if (action === undefined) {
      throw new UsageError(`--${token.flag} must come after the action: quater run <action> --${token.flag}`);
    } else rest.push(token);
  }
  if (switches.wait && switches["dry-run"])
    throw new UsageError(
      "--wait and --dry-run cannot be used together, because a dry run never waits. Remove one of these two flags",
    );
  const { input, approval, output, columns } = values;
  const isDryRun = switches["dry-run"];
  return { action, isDryRun, isWaiting: switches.wait, input, approval, output, columns: columnsIn(columns), tokens: rest };
};

const isSwitch = (flag: string): boolean => ["dry-run", "dryRun", "wait"].includes(flag);

const needs = {
  input: '--input needs the path of a file, or "-" for standard input',
  approval: "--approval needs the id of an approval: apr_...",
  output: "--output needs the path of the file for the result",
  columns: "--columns needs names of fields with commas between: --columns id,customer.name",
} as const;

const isValued = (flag: string): flag is keyof typeof needs => Object.hasOwn(needs, flag);

/** Returns the names of fields in the value of `--columns`. @throws {UsageError} for an empty name. */
const columnsIn = (text: string | undefined): readonly string[] => {
  const names = text?.split(",").map((name) => name.trim()) ?? [];
  if (names.includes("")) throw new UsageError(needs.columns);
  return [...new Set(names)];
};
