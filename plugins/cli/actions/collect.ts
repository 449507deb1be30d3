// Collects the input of a call from flags, from words without a flag, from `--input`, and from the sources of secrets. Other
// processes cannot read the sources of secrets.

import { cut } from "../../../core/diagnostics/text.ts";
import { type Awaitable, type GivenInput, parseJsonBytes } from "../../../core/plugin-api.ts";
import { UsageError } from "../output/exit.ts";
import type { Context } from "../program/context.ts";
import type { Flag } from "./flags.ts";
import { givenFrom, readTyped, secretsFrom, type Texts } from "./given.ts";
import type { Token } from "./tokens.ts";

interface Choice {
  /** The value of the flag `--input`. */
  readonly input?: string | undefined;
  /**
   * The names of the inputs that the user may type as words without a flag, in this order. An input that is a list gets all
   * remaining words.
   */
  readonly positional?: readonly string[];
  /** Whether to ask the person at the terminal for missing required inputs. Default true. */
  readonly isAsking?: boolean;
  /** The program calls this function with the answers of the person, as words of a command line. */
  readonly onAnswers?: (words: readonly string[]) => void;
}

/**
 * @returns A function that reads the input for binding. Call this function after the static part of the policy has allowed the
 * caller, because the function reads standard input and parses JSON.
 * @throws {UsageError} for a wrong command line.
 */
export const collectGiven = async (
  context: Context,
  tokens: readonly Token[],
  flags: readonly Flag[],
  { input, positional = [], isAsking = true, onAnswers }: Choice,
): Promise<() => Awaitable<readonly GivenInput[]>> => {
  const { texts, words } = readTyped(tokens, flags);
  const byPosition = placed(words, positional, flags);
  const secrets = new Map(secretsFrom(context.env, flags));
  const source = input === undefined ? undefined : (await import("./input.ts")).openInput(context, input);
  let answers: Texts = new Map();
  if (source === undefined) {
    const names = new Set([...texts.keys(), ...byPosition.keys(), ...secrets.keys()]);
    if (isAsking && context.terminal.canAsk && flags.some(({ isRequired }) => isRequired)) {
      const { askMissing, asWords } = await import("./ask-missing.ts");
      answers = await askMissing(context.terminal, flags, names);
      onAnswers?.(asWords(answers, flags));
    }
    for (const { name } of flags.filter((flag) => flag.isSecret && flag.isRequired && !secrets.has(flag.name))) {
      const { askSecret } = await import("../output/prompt.ts");
      const answer = await askSecret(context.terminal, name);
      if (answer !== undefined) secrets.set(name, [answer]);
    }
  }
  const typed = () => [
    ...givenFrom("environment", secrets, flags),
    ...givenFrom("arguments", byPosition, flags),
    ...givenFrom("flags", new Map([...texts, ...answers]), flags),
  ];
  if (source === undefined) return typed;
  return async () => [{ from: "input", isText: false, values: parseJsonBytes(await source()) }, ...typed()];
};

/**
 * Returns the flags of a command as text for an error message. The error is about a word that belongs to no flag and to no input.
 * For example, `5000` in `--wait 5000` is such a word, because `--wait` has no value.
 */
const asFlags = (flags: readonly Flag[]): string => {
  const shadowed = flags.filter((flag) => flag.isShadowed).map(({ name }) => name);
  const others = `. Set ${shadowed.join(", ")} with --input, because the program has a flag of the same name`;
  return `. Set inputs with flags${shadowed.length === 0 ? "" : others}`;
};

const placed = (words: readonly string[], positional: readonly string[], flags: readonly Flag[]): Texts => {
  const found = new Map<string, readonly string[]>();
  for (const [at, word] of words.entries()) {
    const last = positional.at(-1);
    const takesRest = flags.find(({ name }) => name === last)?.kind === "list";
    const name = positional[at] ?? (takesRest ? last : undefined);
    if (name === undefined) {
      throw new UsageError(`Unexpected argument ${JSON.stringify(cut(word))}${positional.length === 0 ? asFlags(flags) : ""}`);
    }
    found.set(name, [...(found.get(name) ?? []), word]);
  }
  return found;
};
