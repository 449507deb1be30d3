// A text that a pattern matches: the shortest that a simple reading of it gives. What looks around or back is not read.

import { patternOf } from "../schema/pattern.ts";
import { beginBudget } from "../schema/pattern-budget.ts";
import { Unsupported } from "../schema/pattern-linear.ts";

/** Gives `undefined` where none was found; what it gives has been matched. */
export const textMatching = (pattern: string): string | undefined => {
  try {
    const text = new PatternReader(pattern).whole();
    beginBudget();
    return patternOf(pattern).test(text) ? text : undefined;
  } catch (error) {
    if (error instanceof Unread || error instanceof Unsupported || error instanceof SyntaxError) return undefined;
    throw error;
  }
};

class Unread extends Error {}

const escapes: Readonly<Record<string, string>> = { d: "1", w: "a", s: " ", t: "\t", n: "\n", r: "\r" };
/** Asked in this order for what a class takes: a text that people would write comes first. */
const candidates = [..."a1A0Z9_-. :/@+,!"];

class PatternReader {
  readonly #pattern: string;
  #at = 0;

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  whole(): string {
    const text = this.#alternatives();
    if (this.#at < this.#pattern.length) throw new Unread();
    return text;
  }

  /** The first alternative; the others are read past. */
  #alternatives(): string {
    const first = this.#sequence();
    while (this.#take("|")) this.#sequence();
    return first;
  }

  #sequence(): string {
    let text = "";
    while (this.#at < this.#pattern.length && !"|)".includes(this.#peek())) text += this.#repeated();
    return text;
  }

  #repeated(): string {
    const atom = this.#atom();
    const found = /^(?:([*+?])|\{(\d+)(?:,\d*)?\})\??/.exec(this.#pattern.slice(this.#at));
    if (found === null) return atom;
    this.#at += found[0].length;
    const [, sign, least] = found;
    return atom.repeat(sign === undefined ? Number(least) : sign === "+" ? 1 : 0);
  }

  #atom(): string {
    if (this.#take("^") || this.#take("$")) return "";
    const opening = /^\((?:\?(?::|<[A-Za-z]\w*>))?/.exec(this.#pattern.slice(this.#at))?.[0];
    if (opening !== undefined) {
      if (opening === "(" && this.#pattern[this.#at + 1] === "?") throw new Unread();
      this.#at += opening.length;
      const inside = this.#alternatives();
      if (!this.#take(")")) throw new Unread();
      return inside;
    }
    if (this.#peek() === "[") return this.#class();
    if (this.#take(".")) return "a";
    if (this.#take("\\")) return this.#escaped();
    return this.#one();
  }

  #class(): string {
    const end = /^\[(?:\\.|[^\]\\])*\]/u.exec(this.#pattern.slice(this.#at))?.[0];
    if (end === undefined) throw new Unread();
    this.#at += end.length;
    const matcher = new RegExp(`^${end}$`, "u");
    const literal = [...end].find((character) => matcher.test(character));
    const found = candidates.find((character) => matcher.test(character)) ?? literal;
    if (found === undefined) throw new Unread();
    return found;
  }

  #escaped(): string {
    const letter = this.#one();
    const known = escapes[letter];
    if (known !== undefined) return known;
    if (/[A-Za-z0-9]/.test(letter)) throw new Unread();
    return letter;
  }

  #one(): string {
    const character = String.fromCodePoint(this.#pattern.codePointAt(this.#at) ?? 0);
    this.#at += character.length;
    return character;
  }

  #peek(): string {
    return this.#pattern[this.#at] ?? "";
  }

  #take(expected: string): boolean {
    if (this.#peek() !== expected) return false;
    this.#at++;
    return true;
  }
}
