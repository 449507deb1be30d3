// Whether a pattern can match any text in one way only. JavaScript's engine tries one way after the other, so it is fast
// for such a pattern and may take exponential time for others: `(a+)+`, `(?:\d{1,3},?){1,16}`, `(?:a?){25}a{25}`.
//
// The pattern becomes a graph of its characters (Glushkov's automaton), with `{1,3}` as a loop and `{3}` as three copies. It has one way
// where no two characters that can follow each other at one place overlap (Brüggemann-Klein and Wood, One-unambiguous
// regular languages, 1998). A wrong way then ends at its first character, and the whole match takes linear time.

import type { AST } from "@eslint-community/regexpp";
import { type Characters, charactersOf, shareCharacter } from "./pattern-characters.ts";

/** Thrown for a part that can match in two ways. */
class TwoWays extends Error {}

interface Part {
  readonly canBeEmpty: boolean;
  /** Positions that it can begin with and end with. */
  readonly first: readonly number[];
  readonly last: readonly number[];
}

const nothing: Part = { canBeEmpty: true, first: [], last: [] };

/** Larger patterns count as having two ways: looking at them would take long at boot. */
const maxPositions = 1_000;

/** @param alternatives  Each must begin with `^`, because a search would begin again at every character. */
export const hasOneWay = (alternatives: readonly (readonly AST.Element[])[]): boolean => {
  try {
    // Alternatives of the whole pattern may overlap: the engine tries each of them once.
    for (const [start, ...rest] of alternatives) {
      if (start?.type !== "Assertion" || start.kind !== "start") return false;
      new Graph().add(rest);
    }
    return true;
  } catch (error) {
    if (error instanceof TwoWays) return false;
    throw error;
  }
};

class Graph {
  readonly #characters: Characters[] = [];
  readonly #follow: number[][] = [];

  /** @throws {TwoWays} */
  add(elements: readonly AST.Element[]): void {
    this.#assertApart(this.#sequence(elements).first);
    for (const next of this.#follow) this.#assertApart(next);
  }

  #assertApart(positions: readonly number[]): void {
    if (positions.length > 1 && shareCharacter(positions.map((position) => this.#characters[position] ?? [])))
      throw new TwoWays();
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
        if (element.kind === "lookahead" || element.kind === "lookbehind") throw new TwoWays();
        return nothing; // it can only end a way
      case "Character":
      case "CharacterSet":
      case "CharacterClass": {
        const position = this.#characters.push(charactersOf(element)) - 1;
        if (position >= maxPositions) throw new TwoWays();
        this.#follow.push([]);
        return { canBeEmpty: false, first: [position], last: [position] };
      }
      default:
        throw new TwoWays(); // a backreference
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
    // Which of the repetitions is the empty one is a choice: (?:a?){25} matches "a" in 25 ways.
    if (part.canBeEmpty && (max > 1 || min === 0)) throw new TwoWays();
    if (max > 1) this.#link(part.last, part.first);
    return min === 0 ? { ...part, canBeEmpty: true } : part;
  }

  /** A fixed count leaves no choice where it ends. As a loop it would have one: `^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$`. */
  #copies(element: AST.QuantifiableElement, count: number): Part {
    const whole = this.#sequence(Array.from({ length: Math.min(count, maxPositions + 1) }, () => element));
    if (whole.canBeEmpty) throw new TwoWays();
    return whole;
  }
}
