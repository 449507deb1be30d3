// Translates patterns for the linear-time engine RE2. The syntax of RE2 looks like the syntax of JavaScript, but differs in
// details (`.`, `\s`, `$`, `\p`). So `linearMatchOf` writes a pattern again from the parts of the pattern, with every set of
// characters as ranges of code points.
//
// RE2 has lookbehinds but no lookaheads. So `linearMatchOf` reverses a pattern with a lookahead, and RE2 matches the reversed
// pattern against the reversed text: `a(?=b)` finds in "ab" what `(?<=b)a` finds in "ba".

import { createRequire } from "node:module";
import type { AST } from "@eslint-community/regexpp";
import type { RE2JS } from "re2js";
import { withinBudget } from "./pattern-budget.ts";
import { anyCharacter, type Characters, charactersOf } from "./pattern-characters.ts";

/** The error for a pattern that the linear-time engine cannot match. The error message ends the sentence `has a pattern ...`. */
export class Unsupported extends Error {}

type Alternatives = readonly (readonly AST.Element[])[];

/**
 * Returns a match function whose time grows only with the length of the text. The match function throws `TakesTooLong` when the
 * time budget is used up.
 *
 * @throws {Unsupported}
 */
export const linearMatchOf = (alternatives: Alternatives): ((text: string) => boolean) => {
  const looks = new Set(alternatives.flat().flatMap(looksIn));
  if (looks.size > 1) throw new Unsupported("that uses both lookahead and lookbehind (only one of them is supported)");
  const isBackwards = looks.has("lookahead");
  const source = alternatives.map((elements) => new Writer(isBackwards).sequence(elements)).join("|");
  // Load the linear-time engine only when a pattern needs the engine, because loading takes 15 ms and most projects have no such
  // pattern.
  const { RE2JS: Engine } = createRequire(import.meta.url)("re2js") as { RE2JS: typeof RE2JS };
  try {
    const engine = Engine.compile(source, Engine.LOOKBEHINDS);
    const size = engine.programSize();
    const match = (text: string) => engine.test(text);
    return isBackwards ? (text) => withinBudget(backwards(text), size, match) : (text) => withinBudget(text, size, match);
  } catch (error) {
    if (error instanceof Error && error.name.startsWith("RE2JS"))
      throw new Unsupported("that repeats a part more than 1,000 times (write + or *, and limit the length by maxLength)", {
        cause: error,
      });
    throw error;
  }
};

/** Reverses a text. Lone surrogates are replaced, because two lone surrogates could become one character in the reversed text. */
const backwards = (text: string): string => [...text.replace(/\p{Surrogate}/gu, "\ufffd")].reverse().join("");

const looksIn = (element: AST.Element): string[] => {
  switch (element.type) {
    case "Group":
    case "CapturingGroup":
      return element.alternatives.flatMap(({ elements }) => elements.flatMap(looksIn));
    case "Quantifier":
      return looksIn(element.element);
    case "Assertion":
      if (element.kind !== "lookahead" && element.kind !== "lookbehind") return [];
      return [element.kind, ...element.alternatives.flatMap(({ elements }) => elements.flatMap(looksIn))];
    default:
      return [];
  }
};

const textStart = "\\A";
const textEnd = "\\z";

class Writer {
  readonly #isBackwards: boolean;

  constructor(isBackwards: boolean) {
    this.#isBackwards = isBackwards;
  }

  sequence(elements: readonly AST.Element[]): string {
    const written = elements.map((element) => this.#element(element));
    return (this.#isBackwards ? written.reverse() : written).join("");
  }

  #grouped(alternatives: readonly AST.Alternative[], begin = "(?:"): string {
    return `${begin}${alternatives.map(({ elements }) => this.sequence(elements)).join("|")})`;
  }

  #element(element: AST.Element): string {
    switch (element.type) {
      case "Group":
        if (element.modifiers !== null) throw new Unsupported("with flags inside a group, which Quater does not support");
        return this.#grouped(element.alternatives);
      case "CapturingGroup":
        return this.#grouped(element.alternatives);
      case "Quantifier": {
        const { min, max } = element;
        const count = max === Number.POSITIVE_INFINITY ? "" : String(max);
        return `(?:${this.#element(element.element)}){${min},${count}}`;
      }
      case "Assertion":
        switch (element.kind) {
          case "word":
            return element.negate ? "\\B" : "\\b";
          case "start":
            return this.#isBackwards ? textEnd : textStart;
          case "end":
            return this.#isBackwards ? textStart : textEnd;
          default:
            return this.#grouped(element.alternatives, element.negate ? "(?<!" : "(?<=");
        }
      case "Character":
      case "CharacterSet":
      case "CharacterClass":
        return set(charactersOf(element));
      case "Backreference":
        throw new Unsupported("with a backreference, which Quater does not support");
      default:
        throw new Unsupported(`with ${element.type}, which Quater does not support`);
    }
  }
}

const set = (characters: Characters): string => {
  if (characters.length === 0) return `[^${ranges(anyCharacter)}]`;
  return `[${ranges(characters)}]`;
};

const code = (point: number): string => `\\x{${point.toString(16)}}`;
const ranges = (characters: Characters): string => characters.map(([from, to]) => `${code(from)}-${code(to)}`).join("");
