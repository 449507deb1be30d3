// Matches the patterns of schemas in limited time. A pattern that matches any text in only one way runs on JavaScript's engine,
// which is fast for these patterns. All other patterns run on a linear-time engine and within a time budget. Boot refuses
// patterns with backreferences, because the linear-time engine does not support backreferences.

import { createRequire } from "node:module";
import type { AST, RegExpParser } from "@eslint-community/regexpp";
import { TakesTooLong } from "./pattern-budget.ts";
import { linearMatchOf, Unsupported } from "./pattern-linear.ts";
import { hasOneWay } from "./pattern-ways.ts";

/** A compiled pattern of a schema. */
export interface Pattern {
  /** Returns whether the text matches the pattern. @throws {TakesTooLong} when the time budget is used up. */
  readonly test: (text: string) => boolean;
  /**
   * Whether the pattern runs on JavaScript's engine. Such a pattern is fast for every text, so other code can use the source of
   * the pattern.
   */
  readonly isNative: boolean;
}

const known = new Map<string, Pattern>();

/**
 * Compiles a pattern, and caches the compiled pattern.
 *
 * @throws {Unsupported} for a pattern that no engine can match in limited time.
 * @throws {SyntaxError} for a text that is not a regular expression.
 */
export const patternOf = (written: string): Pattern => {
  const before = known.get(written);
  if (before !== undefined) return before;
  const pattern = read(written);
  known.set(written, pattern);
  return pattern;
};

/**
 * Returns why Quater cannot use a pattern, as the end of the sentence `the schema has a pattern ...`. Returns `undefined` for a
 * usable pattern.
 */
export const patternProblem = (written: string): string | undefined => {
  try {
    patternOf(written);
    return undefined;
  } catch (error) {
    if (error instanceof Unsupported) return error.message;
    if (error instanceof SyntaxError) return "that is not a regular expression";
    throw error;
  }
};

let parser: RegExpParser | undefined;

/** Returns the syntax tree of a pattern. @throws {SyntaxError} */
export const syntaxTreeOf = (written: string): AST.Pattern => {
  // Load the parser only when needed, because a project without patterns does not need the parser.
  parser ??= new (
    createRequire(import.meta.url)("@eslint-community/regexpp") as { RegExpParser: typeof RegExpParser }
  ).RegExpParser();
  return parser.parsePattern(written, undefined, undefined, { unicode: true });
};

/** The syntax elements of each alternative of a pattern. */
type Alternatives = readonly (readonly AST.Element[])[];

const read = (written: string): Pattern => {
  const native = new RegExp(written, "u");
  const alternatives = syntaxTreeOf(written).alternatives.map(({ elements }) => elements);
  if (hasOneWay(alternatives)) return { test: nativeMatchOf(native, alternatives), isNative: true };
  const { whole, conditions } = withoutLookaheads(alternatives);
  const match = matchOf(whole);
  const checks = conditions.map(({ inside, negate }) => ({ matchInside: matchOf(inside), negate }));
  return {
    test: (text) => match(text) && checks.every(({ matchInside, negate }) => matchInside(text) !== negate),
    isNative: false,
  };
};

type Match = Pattern["test"];

const matchOf = (alternatives: Alternatives): Match => {
  if (!hasOneWay(alternatives)) return linearMatchOf(alternatives);
  const source = alternatives.map((elements) => elements.map(({ raw }) => raw).join("")).join("|");
  return nativeMatchOf(new RegExp(source, "u"), alternatives);
};

/**
 * Matches a pattern with JavaScript's engine. JavaScript's engine stores a position for each repetition, and throws a RangeError
 * after some millions of positions.
 */
const nativeMatchOf = (native: RegExp, alternatives: Alternatives): Match => {
  let linear: Match | undefined;
  return (text) => {
    try {
      return native.test(text);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      linear ??= unlessUnsupported(alternatives);
      return linear(text);
    }
  };
};

const unlessUnsupported = (alternatives: Alternatives): Match => {
  try {
    return linearMatchOf(alternatives);
  } catch (error) {
    if (error instanceof Unsupported) throw new TakesTooLong();
    throw error;
  }
};

/**
 * Splits off lookaheads at the start of a pattern. For example, `^(?=a)(?!b)c` matches exactly the texts that `^a` and `^c` match
 * and that `^b` does not match.
 */
const withoutLookaheads = (
  alternatives: Alternatives,
): {
  readonly whole: Alternatives;
  readonly conditions: readonly { readonly inside: Alternatives; readonly negate: boolean }[];
} => {
  const [[start, ...rest] = [], ...others] = alternatives;
  if (start?.type !== "Assertion" || start.kind !== "start" || others.length > 0) return { whole: alternatives, conditions: [] };
  const isLookahead = (element: AST.Element): element is AST.LookaheadAssertion =>
    element.type === "Assertion" && element.kind === "lookahead";
  const count = rest.findIndex((element) => !isLookahead(element));
  const leading = count === -1 ? rest : rest.slice(0, count);
  return {
    whole: [[start, ...rest.slice(leading.length)]],
    conditions: leading.filter(isLookahead).map(({ alternatives: inside, negate }) => ({
      inside: inside.map(({ elements }) => [start, ...elements]),
      negate,
    })),
  };
};
