// Finds a short text that a pattern matches. The search uses the first alternative, the fewest repetitions, and common
// characters.

import type { AST } from "@eslint-community/regexpp";
import { patternOf, syntaxTreeOf } from "../schema/pattern.ts";
import { beginBudget } from "../schema/pattern-budget.ts";
import { charactersOf, type OneCharacter } from "../schema/pattern-characters.ts";
import { Unsupported } from "../schema/pattern-linear.ts";

/** Returns a text that the pattern matches, or `undefined` if the search found no text. */
export const textMatching = (pattern: string): string | undefined => {
  try {
    const text = oneOf(syntaxTreeOf(pattern).alternatives);
    beginBudget();
    return patternOf(pattern).test(text) ? text : undefined;
  } catch (error) {
    if (error instanceof NotTried || error instanceof Unsupported || error instanceof SyntaxError) return undefined;
    throw error;
  }
};

/** The error for a part of a pattern that `textMatching` does not support, such as a lookahead. */
class NotTried extends Error {}

/** The maximum length of a text that `textMatching` makes. A pattern such as `(a{999}){999}` would otherwise fill the memory. */
const mostCharacters = 100_000;

const oneOf = ([first]: readonly AST.Alternative[]): string => (first?.elements ?? []).map(textOf).join("");

const textOf = (element: AST.Element): string => {
  switch (element.type) {
    case "Group":
    case "CapturingGroup":
      return oneOf(element.alternatives);
    case "Quantifier": {
      const text = element.min === 0 ? "" : textOf(element.element);
      if (text.length * element.min > mostCharacters) throw new NotTried();
      return text.repeat(element.min);
    }
    case "Assertion":
      if (element.kind !== "start" && element.kind !== "end") throw new NotTried();
      return "";
    case "Character":
    case "CharacterSet":
    case "CharacterClass":
      return characterOf(element);
    default:
      throw new NotTried();
  }
};

/** The characters that a sample prefers, in this order. With these characters, a sample looks like text that people write. */
const commonCharacters = [..."a1A0Z9_-. :/@+,!"];

const characterOf = (element: OneCharacter & AST.Element): string => {
  if (element.type === "Character") return String.fromCodePoint(element.value);
  // Computing the ranges of a Unicode property such as `\p{L}` takes 50 ms.
  if (element.type === "CharacterSet" && element.kind === "property") throw new NotTried();
  const matcher = new RegExp(`^${element.raw}$`, "u");
  const common = commonCharacters.find((character) => matcher.test(character));
  if (common !== undefined) return common;
  const [range] = charactersOf(element);
  if (range === undefined) throw new NotTried(); // The character class is empty, so no character matches.
  return String.fromCodePoint(range[0]);
};
