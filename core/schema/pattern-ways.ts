// Decides whether a pattern can match any text in one way only. JavaScript's pattern engine tries one way of matching after the
// other. JavaScript's engine is fast for a pattern with one way, but may take exponential time for other patterns: `(a+)+`,
// `(?:\d{1,3},?){1,16}`, `(?:a?){25}a{25}`.
//
// `hasOneWay` turns the pattern into a graph of the pattern's characters (Glushkov's automaton). In the graph, `{1,3}` is a loop
// and `{3}` is three copies. If no two characters that can follow at the same place overlap, the pattern has one way
// (Brüggemann-Klein and Wood, One-unambiguous regular languages, 1998). In such a pattern, a wrong way ends at its first
// character, so the whole match takes linear time.

import type { AST } from "@eslint-community/regexpp";
import { type OneCharacter, shareCharacter } from "./pattern-characters.ts";

/** The error for a part of a pattern that can match in two ways. */
class TwoWays extends Error {}

interface Part {
  readonly canBeEmpty: boolean;
  /** The positions with which the part of the pattern can begin. `last` contains the positions with which the part can end. */
  readonly first: readonly number[];
  readonly last: readonly number[];
}

const nothing: Part = { canBeEmpty: true, first: [], last: [] };

/**
 * The largest number of characters in a pattern that `hasOneWay` analyses. Larger patterns count as having two ways, because the
 * analysis would take long at boot.
 */
const maxPositions = 1_000;

/**
 * The most characters of a part that JavaScript's engine tries again at every place of the text. Such a part is a lookahead, or a
 * pattern without `^`. With at most 32 such characters, the whole match still takes linear time.
 */
const maxAgain = 32;

/** Returns whether JavaScript's engine matches the pattern in linear time. */
export const hasOneWay = (alternatives: readonly (readonly AST.Element[])[]): boolean => {
  try {
    // The alternatives of the whole pattern may overlap, because JavaScript's engine tries each alternative only once.
    for (const elements of alternatives) {
      const [start] = elements;
      const isAnchored = start?.type === "Assertion" && start.kind === "start";
      if (!isAnchored && longest(elements) > maxAgain) return false;
      new Graph(!isAnchored).add(elements);
    }
    return true;
  } catch (error) {
    if (error instanceof TwoWays) return false;
    throw error;
  }
};

/** Returns the largest number of characters that a sequence of pattern elements can match. */
const longest = (elements: readonly AST.Element[]): number => elements.reduce((sum, element) => sum + longestOf(element), 0);

const longestOf = (element: AST.Element): number => {
  switch (element.type) {
    case "Group":
    case "CapturingGroup":
      return Math.max(...element.alternatives.map(({ elements }) => longest(elements)));
    case "Quantifier": {
      const once = longestOf(element.element);
      return once === 0 || element.max === 0 ? 0 : once * element.max;
    }
    case "Assertion":
      return 0;
    case "Character":
    case "CharacterSet":
    case "CharacterClass":
      return 1;
    default:
      return Number.POSITIVE_INFINITY; // A backreference can match a text of any length.
  }
};

class Graph {
  readonly #elements: OneCharacter[] = [];
  readonly #follow: number[][] = [];
  readonly #isTriedAgain: boolean;

  /**
   * @param isTriedAgain  Whether JavaScript's engine tries this part of the pattern at every place of the text. A lookahead in
   * such a part would multiply the steps.
   */
  constructor(isTriedAgain: boolean) {
    this.#isTriedAgain = isTriedAgain;
  }

  /** Adds a sequence of pattern elements to the graph. @throws {TwoWays} */
  add(elements: readonly AST.Element[]): void {
    this.#assertApart(this.#sequence(elements).first);
    for (const next of this.#follow) this.#assertApart(next);
  }

  #assertApart(positions: readonly number[]): void {
    if (positions.length < 2) return;
    const elements = positions.map((position) => this.#elements[position] as OneCharacter);
    if (new Set(elements.map(({ raw }) => raw)).size < elements.length || shareCharacter(elements)) throw new TwoWays();
  }

  #sequence(elements: readonly AST.Element[]): Part {
    let whole = nothing;
    for (const element of elements) {
      const part = this.#element(element);
      this.#link(whole.last, part.first);
      whole = {
        canBeEmpty: whole.canBeEmpty && part.canBeEmpty,
        first: whole.canBeEmpty ? [...whole.first, ...part.first] : whole.first,
        last: part.canBeEmpty ? [...whole.last, ...part.last] : part.last,
      };
    }
    return whole;
  }

  #link(from: readonly number[], to: readonly number[]): void {
    for (const position of from) this.#follow[position]?.push(...to);
  }

  #element(element: AST.Element): Part {
    switch (element.type) {
      case "Group":
      case "CapturingGroup":
        return this.#alternatives(element.alternatives);
      case "Quantifier":
        return this.#repeated(element);
      case "Assertion":
        if (element.kind === "lookbehind") throw new TwoWays();
        if (element.kind === "lookahead") this.#assertShort(element);
        return nothing; // An assertion such as `$` matches no character and adds no way.
      case "Character":
      case "CharacterSet":
      case "CharacterClass": {
        const position = this.#elements.push(element) - 1;
        if (position >= maxPositions) throw new TwoWays();
        this.#follow.push([]);
        return { canBeEmpty: false, first: [position], last: [position] };
      }
      default:
        throw new TwoWays(); // A backreference can match in several ways.
    }
  }

  /**
   * Checks that a lookahead is short, because JavaScript's engine matches the lookahead at every place that the pattern reaches.
   */
  #assertShort({ alternatives }: AST.LookaheadAssertion): void {
    for (const { elements } of alternatives) {
      if (this.#isTriedAgain || longest(elements) > maxAgain) throw new TwoWays();
      new Graph(true).add(elements);
    }
  }

  #alternatives(alternatives: readonly AST.Alternative[]): Part {
    const parts = alternatives.map(({ elements }) => this.#sequence(elements));
    if (parts.filter(({ canBeEmpty }) => canBeEmpty).length > 1) throw new TwoWays();
    return {
      canBeEmpty: parts.some(({ canBeEmpty }) => canBeEmpty),
      first: parts.flatMap(({ first }) => first),
      last: parts.flatMap(({ last }) => last),
    };
  }

  #repeated({ min, max, element }: AST.Quantifier): Part {
    if (min === max && max > 1) return this.#copies(element, max);
    const part = this.#element(element);
    if (max === 0) return nothing;
    // If a repeated part of a pattern can be empty, any repetition of the part may be empty: (?:a?){25} matches "a" in 25 ways.
    if (part.canBeEmpty && (max > 1 || min === 0)) throw new TwoWays();
    if (max > 1) this.#link(part.last, part.first);
    return min === 0 ? { ...part, canBeEmpty: true } : part;
  }

  /**
   * Returns copies of a repeated element. With a fixed count, the repetition can end only at one place. A loop in the graph would
   * seem to end at several places: `^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$`.
   */
  #copies(element: AST.QuantifiableElement, count: number): Part {
    const whole = this.#sequence(Array.from({ length: Math.min(count, maxPositions + 1) }, () => element));
    if (whole.canBeEmpty) throw new TwoWays();
    return whole;
  }
}
