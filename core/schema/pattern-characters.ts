// Turns one element of a pattern into the ranges of code points that the element matches. `[^\s]`, `\p{L}` and `.` all become
// ranges, so that the analysis of patterns and the linear-time engine agree exactly with JavaScript.

import type { AST } from "@eslint-community/regexpp";

/** A set of code points as ranges `[from, to]`. A range includes `from` and `to`. The ranges are sorted and do not overlap. */
export type Characters = readonly (readonly [number, number])[];

const last = 0x10ffff;
export const anyCharacter: Characters = [[0, last]];

const digits: Characters = [[48, 57]];
const wordCharacters: Characters = [
  [48, 57],
  [65, 90],
  [95, 95],
  [97, 122],
];
const spaces: Characters = [
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
];
const lineEnds: Characters = [
  [10, 10],
  [13, 13],
  [0x2028, 0x2029],
];

export type OneCharacter = AST.Character | AST.CharacterSet | AST.CharacterClass | AST.CharacterClassRange;

/** Returns the characters that the pattern element matches. @param element  A part of a pattern with only the flag `u`. */
export const charactersOf = (element: OneCharacter): Characters => {
  switch (element.type) {
    case "Character":
      return [[element.value, element.value]];
    case "CharacterClassRange":
      return [[element.min.value, element.max.value]];
    case "CharacterClass": {
      const found = sorted((element.elements as readonly OneCharacter[]).flatMap(charactersOf));
      return element.negate ? complement(found) : found;
    }
    case "CharacterSet":
      switch (element.kind) {
        case "any":
          return complement(lineEnds);
        case "digit":
          return element.negate ? complement(digits) : digits;
        case "word":
          return element.negate ? complement(wordCharacters) : wordCharacters;
        case "space":
          return element.negate ? complement(spaces) : spaces;
        case "property":
          return propertyCharacters(element.raw);
      }
  }
};

/** Whether two of these pattern elements match the same character. */
export const shareCharacter = (elements: readonly OneCharacter[]): boolean => {
  const withProperty = elements.filter(hasProperty);
  const others = elements.filter((element) => !hasProperty(element)).map(charactersOf);
  const [only] = withProperty;
  if (only === undefined) return overlap(others);
  // Computing the ranges of a property such as `\p{L}` takes 50 ms. Usually the other elements of the pattern match only a few
  // characters, so test these characters one by one.
  const few = withProperty.length === 1 && others.flat().reduce((sum, [from, to]) => sum + to - from + 1, 0) <= maxFew;
  if (!few) return overlap([...withProperty.map(charactersOf), ...others]);
  const holds = new RegExp(only.raw, "u");
  return (
    overlap(others) || others.flat().some(([from, to]) => codes(from, to).some((code) => holds.test(String.fromCodePoint(code))))
  );
};

const maxFew = 1_000;

const hasProperty = (element: OneCharacter): boolean =>
  element.type === "CharacterClass"
    ? (element.elements as readonly OneCharacter[]).some(hasProperty)
    : element.type === "CharacterSet" && element.kind === "property";

const codes = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, at) => from + at);

const overlap = (sets: readonly Characters[]): boolean => {
  const ranges = sets.flat().sort(byStart);
  return ranges.some(([from], index) => index > 0 && from <= (ranges[index - 1] as readonly [number, number])[1]);
};

const byStart = (a: readonly [number, number], b: readonly [number, number]): number => a[0] - b[0];

const sorted = (ranges: Characters): Characters => {
  const found: [number, number][] = [];
  for (const [from, to] of [...ranges].sort(byStart)) {
    const before = found.at(-1);
    if (before !== undefined && from <= before[1] + 1) before[1] = Math.max(before[1], to);
    else found.push([from, to]);
  }
  return found;
};

const complement = (ranges: Characters): Characters => {
  const found: [number, number][] = [];
  let from = 0;
  for (const [low, high] of ranges) {
    if (low > from) found.push([from, low - 1]);
    from = high + 1;
  }
  return from > last ? found : [...found, [from, last]];
};

const properties = new Map<string, Characters>();

/**
 * Finds the characters of a Unicode property with the pattern engine of this process, because the Unicode version of this engine
 * decides what JavaScript patterns match. The search takes about 50 ms.
 */
const propertyCharacters = (raw: string): Characters => {
  const known = properties.get(raw);
  if (known !== undefined) return known;
  const found = sorted(segments.flatMap((segment) => runsIn(segment, new RegExp(`${raw}+`, "gu"))));
  properties.set(raw, found);
  return found;
};

type Segment = readonly [from: number, to: number];

/**
 * All code points in segments. In the text of a segment, a high surrogate must not come directly before a low surrogate, because
 * the two surrogates would form one character.
 */
const segments: readonly Segment[] = [
  [0, 0xd7ff],
  [0xd800, 0xdbff],
  [0xdc00, 0xdfff],
  [0xe000, 0xffff],
  ...Array.from({ length: 16 }, (_, plane): Segment => [(plane + 1) * 0x10000, (plane + 2) * 0x10000 - 1]),
];

/**
 * Returns the ranges of code points in the segment that the pattern matches. Matches the pattern against a text of all code
 * points of the segment, so each match is a whole run of code points.
 */
const runsIn = ([from, to]: Segment, pattern: RegExp): Characters => {
  const isPair = from > 0xffff;
  const units = new Uint16Array((to - from + 1) * (isPair ? 2 : 1));
  for (let at = from; at <= to; at++) {
    if (!isPair) units[at - from] = at;
    else {
      units[(at - from) * 2] = 0xd800 + ((at - 0x10000) >> 10);
      units[(at - from) * 2 + 1] = 0xdc00 + (at & 0x3ff);
    }
  }
  const text = Buffer.from(units.buffer).toString("utf16le");
  const width = isPair ? 2 : 1;
  return [...text.matchAll(pattern)].map(({ index, 0: run }) => [from + index / width, from + (index + run.length) / width - 1]);
};
