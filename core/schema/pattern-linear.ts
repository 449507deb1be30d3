// Patterns for the linear-time engine. RE2's syntax looks like JavaScript's and differs in detail (`.`, `\s`, `$`, `\p`), so
// a pattern is written anew from its parts, with every set of characters as ranges of code points.

import { createRequire } from "node:module";
import type { AST } from "@eslint-community/regexpp";
import type { RE2JS } from "re2js";
import { anyCharacter, type Characters, charactersOf } from "./pattern-characters.ts";

/** A part that no linear-time engine can match. The message ends the sentence `has a pattern with ...`. */
export class Unsupported extends Error {}

/** A regular expression whose match takes time in proportion to `size` times the length of the text. */
export interface LinearMatcher {
  readonly size: number;
  readonly test: (text: string) => boolean;
}

/** @throws {Unsupported} */
export const linearMatcherOf = (alternatives: readonly (readonly AST.Element[])[]): LinearMatcher => {
  const source = alternatives.map(sequence).join("|");
  // Loaded here, because most projects have no pattern that needs it, and it takes 15 ms.
  const { RE2JS: Engine } = createRequire(import.meta.url)("re2js") as { RE2JS: typeof RE2JS };
  try {
    const engine = Engine.compile(source);
    return { size: engine.programSize(), test: (text) => engine.test(text) };
  } catch (error) {
    if (error instanceof Error && error.name.startsWith("RE2JS"))
      throw new Unsupported("more repetitions than can be matched in bounded time (1,000 in all)", { cause: error });
    throw error;
  }
};

const sequence = (elements: readonly AST.Element[]): string => elements.map(written).join("");

const grouped = (alternatives: readonly AST.Alternative[]): string =>
  `(?:${alternatives.map(({ elements }) => sequence(elements)).join("|")})`;

const boundaries = { start: "\\A", end: "\\z" };

const written = (element: AST.Element): string => {
  switch (element.type) {
    case "Group":
      if (element.modifiers !== null) throw new Unsupported("flags inside of a group");
      return grouped(element.alternatives);
    case "CapturingGroup":
      return grouped(element.alternatives);
    case "Quantifier": {
      const { min, max } = element;
      const count = max === Number.POSITIVE_INFINITY ? "" : String(max);
      return `(?:${written(element.element)}){${min},${count}}`;
    }
    case "Assertion":
      if (element.kind === "word") return element.negate ? "\\B" : "\\b";
      if (element.kind === "start" || element.kind === "end") return boundaries[element.kind];
      throw new Unsupported(
        element.kind === "lookahead" ? "a lookahead that does not stand directly behind the first ^" : "a lookbehind",
      );
    case "Character":
    case "CharacterSet":
    case "CharacterClass":
      return set(charactersOf(element));
    case "Backreference":
      throw new Unsupported("a backreference");
    default:
      throw new Unsupported(`${element.type}`);
  }
};

const set = (characters: Characters): string => {
  if (characters.length === 0) return `[^${ranges(anyCharacter)}]`;
  return `[${ranges(characters)}]`;
};

const code = (point: number): string => `\\x{${point.toString(16)}}`;
const ranges = (characters: Characters): string => characters.map(([from, to]) => `${code(from)}-${code(to)}`).join("");
