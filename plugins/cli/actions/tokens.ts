// Splits the typed words of actions and of plugin commands into flags and values. This file does not interpret the values of
// flags, so binding gets the texts unchanged.

import { cut } from "../../../core/diagnostics/text.ts";
import { UsageError } from "../output/exit.ts";

export interface FlagToken {
  /** The typed flag without the dashes, such as `amount-cents`. */
  readonly flag: string;
  /** The text after "=" in the typed flag. Without "=" the field is undefined, and the next word may be the value of the flag. */
  readonly joined: string | undefined;
}

export type Token = FlagToken | { readonly word: string };

/**
 * Whether an argument is a word and not a flag. "-5" and "-.5" are words, because no flag begins with one dash and a digit.
 */
const isWord = (text: string): boolean => !text.startsWith("-") || text === "-" || /^-[0-9.]/.test(text);

/** Splits the arguments of a command. @throws {UsageError} for `-x`, because flags have two dashes. */
export const tokenize = (args: readonly string[]): readonly Token[] => {
  const end = args.indexOf("--");
  const before = end === -1 ? args : args.slice(0, end);
  const after = end === -1 ? [] : args.slice(end + 1);
  return [...before.map(tokenOf), ...after.map((word) => ({ word }))];
};

const tokenOf = (text: string): Token => {
  if (isWord(text)) return { word: text };
  if (!text.startsWith("--")) throw new UsageError(`Unknown flag ${cut(text)}. Write flags with two dashes: --name`);
  const equals = text.indexOf("=");
  return equals === -1
    ? { flag: text.slice(2), joined: undefined }
    : { flag: text.slice(2, equals), joined: text.slice(equals + 1) };
};

/** Whether the word after a flag can be the value of the flag. */
export type Taking = "value" | "switch" | "unknown";

export interface Typed {
  /** The flags in the order in which the user typed them. A switch has the value "true" or "false". */
  readonly flags: readonly { readonly flag: string; readonly value: string }[];
  readonly words: readonly string[];
}

/**
 * Joins flags with their values.
 *
 * A separate word is the value of a flag only if the word does not begin with a dash, or is a number or "-". In the command line
 * `--reason --dry-run`, the user forgot the reason. If `--dry-run` were the value of `--reason`, the call would run although the
 * user wanted a dry run.
 *
 * @throws {UsageError} for a flag without its value.
 */
export const joinValues = (tokens: readonly Token[], taking: (flag: string) => Taking): Typed => {
  const flags: { flag: string; value: string }[] = [];
  const words: string[] = [];
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at];
    if (token === undefined) break;
    if ("word" in token) {
      words.push(token.word);
      continue;
    }
    const { flag, joined } = token;
    const next = tokens[at + 1];
    const takes = taking(flag);
    if (joined !== undefined) flags.push({ flag, value: joined });
    else if (takes !== "switch" && next !== undefined && "word" in next) {
      flags.push({ flag, value: next.word });
      at++;
    } else if (takes !== "value") flags.push({ flag, value: "true" });
    else throw new UsageError(`--${cut(flag)} needs a value. Write a value that begins with "-" as --${cut(flag)}=...`);
  }
  return { flags, words };
};
