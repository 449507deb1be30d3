// The characters that one element of a pattern matches, as ranges of code points. `[^\s]`, `\p{L}` and `.` all become
// ranges, so that the analysis and the linear-time engine need no classes of their own and mean what JavaScript means.

import type { AST } from "@eslint-community/regexpp";

/** Code points as ranges, `[from, to]` inclusive, sorted and apart. */
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

type OneCharacter = AST.Character | AST.CharacterSet | AST.CharacterClass | AST.CharacterClassRange;

/** @param element  Of a pattern with the flag `u` and no other flag. */
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

/** Whether one character lies in two of the sets, or in one set twice. */
export const shareCharacter = (sets: readonly Characters[]): boolean => {
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

/** Asks the engine of this process: its Unicode version is the one that JavaScript's patterns mean. Takes about 50 ms. */
const propertyCharacters = (raw: string): Characters => {
  const known = properties.get(raw);
  if (known !== undefined) return known;
  const holds = new RegExp(raw, "u");
  const found: [number, number][] = [];
  for (let code = 0; code <= last; code++) {
    if (!holds.test(String.fromCodePoint(code))) continue;
    const before = found.at(-1);
    if (before?.[1] === code - 1) before[1] = code;
    else found.push([code, code]);
  }
  properties.set(raw, found);
  return found;
};
