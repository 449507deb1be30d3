// Whether a schema's pattern can take exponential time (trust.md T26). It can when text inside a repetition can be matched
// in two ways, as in `(a+)+`, `(a|a)*` or `(a?b?)*`: a failing match then tries them all. `[a-z]+(-[a-z]+)*` cannot.
//
// The pattern becomes a graph of its characters (Glushkov's automaton). Two ways show as two routes over equal text that
// leave one character and come back to it (Weber and Seidl, On the degree of ambiguity of finite automata, 1991).

/** Code points as ranges, `[from, to]` inclusive. */
type Characters = readonly (readonly [number, number])[];

interface Part {
  /** In how many ways it matches nothing; 2 stands for more. */
  readonly emptyWays: number;
  /** Characters it can begin and end with; one that can be reached in two ways stands there twice. */
  readonly first: readonly number[];
  readonly last: readonly number[];
}

const any: Characters = [[0, 0x10ffff]];
const classes: Readonly<Record<string, Characters>> = {
  d: [[48, 57]],
  w: [
    [48, 57],
    [65, 90],
    [95, 95],
    [97, 122],
  ],
  s: [
    [9, 13],
    [32, 32],
    [160, 160],
    [0x1680, 0x1680],
    [0x2000, 0x200a],
    [0x2028, 0x2029],
    [0x202f, 0x202f],
    [0x205f, 0x205f],
    [0x3000, 0x3000],
    [0xfeff, 0xfeff],
  ],
};
const controls: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, 0: 0 };

/** Copies of a counted repetition; past it `{n,m}` is read as a loop, which is never less strict. */
const maxCopies = 200;

/** A strongly connected part of the graph. */
interface Loop {
  readonly positions: number[];
  readonly characters: (readonly [number, number])[];
}

const nothing: Part = { emptyWays: 1, first: [], last: [] };

/** @param pattern  One that `new RegExp(pattern, "u")` accepts. */
export const takesExponentialTime = (pattern: string): boolean => new Graph(pattern).isAmbiguous();

/**
 * Returns how many repetitions may share one text, `n` where a failing match takes time that grows with the n-th power of the
 * length: 1 for `^[a-z]+(-[a-z]+)*$`, 3 for `^\S+@\S+\.\S+$`. Never too low; may be too high.
 *
 * @param pattern  One that does not take exponential time.
 */
export const powerOf = (pattern: string): number => new Graph(pattern).power(!pattern.startsWith("^"));

/** Steps of a failing match that take less than half a second. */
const maxSteps = 2.1e7;

/** Returns how many characters a text may have that is matched against the pattern, so that a match ends within `maxSteps`. */
export const longestFor = (pattern: string): number => {
  const power = powerOf(pattern);
  let ways = maxSteps; // n loops share a text of m characters in about m^n / n! ways
  for (let count = 2; count <= power; count++) ways *= count;
  return Math.floor(ways ** (1 / power));
};

class Graph {
  readonly #text: string;
  #at = 0;
  #loops = 0;
  readonly #characters: Characters[] = [];
  readonly #follow: number[][] = [];

  constructor(pattern: string) {
    this.#text = pattern;
    this.#alternatives();
  }

  isAmbiguous(): boolean {
    return this.#characters.some((_, position) => this.#returnsTwice(position));
  }

  /** The longest row of loops of which each may give text to the next. @param searches  The match may begin anywhere. */
  power(searches: boolean): number {
    if (this.#loops + (searches ? 1 : 0) <= 1) return 1;
    const loops = this.#loopsOf();
    const known = new Map<number, number>();
    const rowFrom = (at: number): number => {
      const before = known.get(at);
      if (before !== undefined) return before;
      const from = loops[at] as Loop;
      const next = loops.flatMap((to, index) => (to !== from && this.#mayGive(from, to) ? [rowFrom(index)] : []));
      const row = 1 + Math.max(0, ...next);
      known.set(at, row);
      return row;
    };
    const longest = Math.max(0, ...loops.map((_, index) => rowFrom(index)));
    return Math.max(1, longest + (searches && longest > 0 ? 1 : 0));
  }

  /** Positions that can follow themselves, grouped by loop. */
  #loopsOf(): Loop[] {
    const loops: Loop[] = [];
    const reached = this.#characters.map((_, position) => this.#reachedFrom(this.#next(position), () => true));
    for (const [position, own] of reached.entries()) {
      if (!own.has(position)) continue;
      const same = loops.find(({ positions: [first = 0] }) => own.has(first) && reached[first]?.has(position) === true);
      if (same === undefined) loops.push({ positions: [position], characters: [...(this.#characters[position] ?? [])] });
      else {
        same.positions.push(position);
        same.characters.push(...(this.#characters[position] ?? []));
      }
    }
    return loops;
  }

  /** Whether a text that both loops match leads from one to the other. Goes one way, or the two were one loop. */
  #mayGive(from: Loop, to: Loop): boolean {
    const isShared = (position: number) => {
      const own = this.#characters[position] ?? [];
      return overlap(own, from.characters) && overlap(own, to.characters);
    };
    const starts = from.positions.flatMap((position) => this.#next(position));
    const reached = this.#reachedFrom(starts, isShared);
    return to.positions.some((position) => reached.has(position));
  }

  #reachedFrom(starts: readonly number[], mayPass: (position: number) => boolean): Set<number> {
    const seen = new Set<number>();
    const waiting = starts.filter(mayPass);
    for (let position = waiting.pop(); position !== undefined; position = waiting.pop()) {
      if (seen.has(position)) continue;
      seen.add(position);
      waiting.push(...this.#next(position).filter(mayPass));
    }
    return seen;
  }

  /** Two different routes over equal text from `start` back to `start`. */
  #returnsTwice(start: number): boolean {
    const seen = new Set<number>();
    const waiting: [number, number][] = this.#pairs(start, start).filter(([a, b]) => a !== b);
    const doubled = this.#next(start).filter((next, index, all) => all.indexOf(next) !== index);
    for (const next of doubled) if (this.#reaches(next, start)) return true;
    for (let pair = waiting.pop(); pair !== undefined; pair = waiting.pop()) {
      const [a, b] = pair;
      if (a === start && b === start) return true;
      const key = a * this.#characters.length + b;
      if (seen.has(key)) continue;
      seen.add(key);
      waiting.push(...this.#pairs(a, b));
    }
    return false;
  }

  #pairs(a: number, b: number): [number, number][] {
    return this.#next(a).flatMap((nextA) =>
      this.#next(b).flatMap((nextB): [number, number][] => (this.#overlap(nextA, nextB) ? [[nextA, nextB]] : [])),
    );
  }

  #next(position: number): readonly number[] {
    return this.#follow[position] ?? [];
  }

  #overlap(a: number, b: number): boolean {
    return a === b || overlap(this.#characters[a] ?? [], this.#characters[b] ?? []);
  }

  #reaches(from: number, target: number): boolean {
    const seen = new Set<number>();
    const waiting = [from];
    for (let position = waiting.pop(); position !== undefined; position = waiting.pop()) {
      if (position === target) return true;
      if (seen.has(position)) continue;
      seen.add(position);
      waiting.push(...this.#next(position));
    }
    return false;
  }

  #alternatives(): Part {
    let part = this.#sequence();
    while (this.#take("|")) {
      const other = this.#sequence();
      part = {
        emptyWays: Math.min(2, part.emptyWays + other.emptyWays),
        first: [...part.first, ...other.first],
        last: [...part.last, ...other.last],
      };
    }
    return part;
  }

  #sequence(): Part {
    let part = nothing;
    while (this.#at < this.#text.length && !"|)".includes(this.#peek())) part = this.#joined(part, this.#repeated());
    return part;
  }

  #joined(a: Part, b: Part): Part {
    this.#link(a.last, b.first);
    return {
      emptyWays: Math.min(2, a.emptyWays * b.emptyWays),
      first: [...a.first, ...times(b.first, a.emptyWays)],
      last: [...times(a.last, b.emptyWays), ...b.last],
    };
  }

  #link(from: readonly number[], to: readonly number[]): void {
    for (const position of from) {
      const known = this.#next(position);
      const added = to.filter((next) => known.filter((other) => other === next).length < 2);
      this.#follow[position] = [...known, ...added];
    }
  }

  /** An atom and its quantifier. The atom is read again for every copy that `{n,m}` asks for. */
  #repeated(): Part {
    const start = this.#at;
    const before = this.#characters.length;
    const loopsBefore = this.#loops;
    const part = this.#atom();
    const size = this.#characters.length - before;
    const hasLoop = this.#loops > loopsBefore;
    const [min, max] = this.#quantifier();
    const after = this.#at;
    if (max === 1) return min === 0 ? { ...part, emptyWays: 1 } : part;
    if (max === 0) return nothing;
    if (max === Number.POSITIVE_INFINITY || hasLoop || size * max > maxCopies) {
      this.#loops++;
      this.#link(part.last, part.first);
      return { ...part, emptyWays: min === 0 ? 1 : part.emptyWays };
    }
    const copy = (): Part => {
      this.#at = start;
      return this.#atom();
    };
    // a{2,4} is a a (a (a)?)?: nested, because a? a? would match one a in two ways.
    let tail: Part = nothing;
    for (let count = min; count < max; count++) tail = { ...this.#joined(copy(), tail), emptyWays: 1 };
    let whole = min === 0 ? nothing : part;
    for (let count = 1; count < min; count++) whole = this.#joined(whole, copy());
    this.#at = after;
    return this.#joined(whole, tail);
  }

  #quantifier(): [min: number, max: number] {
    const found = /^(?:([*+?])|\{(\d+)(,?)(\d*)\})\??/.exec(this.#text.slice(this.#at));
    if (found === null) return [1, 1];
    this.#at += found[0].length;
    const [, sign, min = "0", comma, max = ""] = found;
    if (sign !== undefined) return [sign === "+" ? 1 : 0, sign === "?" ? 1 : Number.POSITIVE_INFINITY];
    return [Number(min), comma === "" ? Number(min) : max === "" ? Number.POSITIVE_INFINITY : Number(max)];
  }

  #atom(): Part {
    const opening = /^\((?:\?(?:[:=!]|<[=!]|<[^>]*>))?/.exec(this.#text.slice(this.#at))?.[0];
    if (opening !== undefined) {
      this.#at += opening.length;
      const inside = this.#alternatives();
      this.#at++;
      return /[=!]$/.test(opening) ? nothing : inside; // what looks around matches no text of its own
    }
    if (this.#take("^") || this.#take("$") || this.#take("\\b") || this.#take("\\B")) return nothing;
    if (this.#take(".")) return this.#character(any);
    return this.#character(this.#peek() === "[" ? this.#class() : this.#one());
  }

  #class(): Characters {
    this.#at++;
    const isNegated = this.#take("^");
    const found: [number, number][] = [];
    while (!this.#take("]")) {
      const low = this.#one();
      const isRange = this.#peek() === "-" && this.#text[this.#at + 1] !== "]" && low.length === 1;
      if (!isRange) {
        for (const range of low) found.push([...range]);
        continue;
      }
      this.#at++;
      found.push([low[0]?.[0] ?? 0, this.#one()[0]?.[1] ?? 0x10ffff]);
    }
    return isNegated ? complement(found) : found;
  }

  /** One character, or a class of them by a backslash. What cannot be read exactly counts as any character. */
  #one(): Characters {
    const code = this.#text.codePointAt(this.#at) ?? 0;
    if (code !== 92) {
      this.#at += code > 0xffff ? 2 : 1;
      return [[code, code]];
    }
    const rest = this.#text.slice(this.#at + 1);
    const hex = /^(?:u\{([0-9a-fA-F]+)\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2}))/.exec(rest);
    const open = /^(?:[pP]\{[^}]*\}|k<[^>]*>|[1-9]\d*|c[A-Za-z])/.exec(rest);
    const letter = rest[0] ?? "";
    this.#at += 1 + (hex ?? open ?? [letter])[0].length;
    if (hex !== null) return single(Number.parseInt(hex[1] ?? hex[2] ?? hex[3] ?? "0", 16));
    if (open !== null) return any;
    const named = classes[letter.toLowerCase()];
    if (named !== undefined) return letter === letter.toLowerCase() ? named : complement(named);
    return single(controls[letter] ?? letter.charCodeAt(0));
  }

  #character(characters: Characters): Part {
    const position = this.#characters.push(characters) - 1;
    return { emptyWays: 0, first: [position], last: [position] };
  }

  #peek(): string {
    return this.#text[this.#at] ?? "";
  }

  #take(expected: string): boolean {
    if (!this.#text.startsWith(expected, this.#at)) return false;
    this.#at += expected.length;
    return true;
  }
}

const overlap = (some: Characters, others: Characters): boolean =>
  some.some(([from, to]) => others.some(([low, high]) => from <= high && low <= to));

const single = (code: number): Characters => [[code, code]];

const times = (positions: readonly number[], ways: number): readonly number[] =>
  ways === 0 ? [] : ways === 1 ? positions : [...positions, ...positions];

const complement = (ranges: Characters): Characters => {
  const found: [number, number][] = [];
  let from = 0;
  for (const [low, high] of [...ranges].sort((a, b) => a[0] - b[0])) {
    if (low > from) found.push([from, low - 1]);
    from = Math.max(from, high + 1);
  }
  return from > 0x10ffff ? found : [...found, [from, 0x10ffff]];
};
