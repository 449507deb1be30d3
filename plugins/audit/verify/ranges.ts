// A set of event numbers, stored as ranges. Missing and erased events usually follow each other, so a few ranges are enough.

export class Ranges implements Iterable<readonly [from: number, to: number]> {
  #ranges: [from: number, to: number][] = [];

  /** Adds a number to the set. @param value  A number that is larger than all numbers in the set. */
  add(value: number): void {
    const last = this.#ranges.at(-1);
    if (last !== undefined && last[1] === value - 1) last[1] = value;
    else this.#ranges.push([value, value]);
  }

  /** Removes a range of numbers from the set. @returns How many numbers of the range were in the set. */
  remove(from: number, to: number): number {
    let removed = 0;
    const kept: [number, number][] = [];
    for (const [start, end] of this.#ranges) {
      if (end < from || start > to) {
        kept.push([start, end]);
        continue;
      }
      removed += Math.min(end, to) - Math.max(start, from) + 1;
      if (start < from) kept.push([start, from - 1]);
      if (end > to) kept.push([to + 1, end]);
    }
    this.#ranges = kept;
    return removed;
  }

  /** @returns The parts of the range from `from` to `to` that are not in the set. */
  without(from: number, to: number): readonly (readonly [from: number, to: number])[] {
    const gaps: [number, number][] = [];
    let next = from;
    for (const [start, end] of this.#ranges) {
      if (end < next || start > to) continue;
      if (start > next) gaps.push([next, start - 1]);
      next = end + 1;
    }
    if (next <= to) gaps.push([next, to]);
    return gaps;
  }

  *[Symbol.iterator](): Iterator<readonly [number, number]> {
    yield* this.#ranges;
  }
}

/** Returns sorted event numbers as ranges. */
export const rangesOf = (sorted: readonly number[]): readonly (readonly [number, number])[] => {
  const ranges = new Ranges();
  for (const value of sorted) ranges.add(value);
  return [...ranges];
};
