import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { safeText } from "../../../plugins/approval/shown/safe-text.ts";
import { hostile, isClean, readBack } from "./shown-kit.ts";

const blns = new URL("../../vectors/naughty-strings/blns.json", import.meta.url);
const naughty = JSON.parse(readFileSync(blns, "utf8")) as readonly string[];

test("approvers see every naughty string without a forbidden character, and no two strings look the same", () => {
  const shown = naughty.map((text) => safeText(text, "full").text);
  expect(shown.filter((text) => !isClean(text))).toEqual([]);
  expect(shown.map(readBack)).toEqual(naughty);
  expect(new Set(shown).size).toBe(new Set(naughty).size);
  expect(naughty.filter((text) => !isClean(safeText(text).text))).toEqual([]);
});

test("approvers see 10,000 generated strings without a forbidden character, and the displayed texts can be converted back", () => {
  fc.assert(
    fc.property(hostile, (text) => {
      const full = safeText(text, "full");
      const short = safeText(text);
      return isClean(full.text) && isClean(short.text) && readBack(full.text) === text && !full.isCut;
    }),
    { numRuns: 10_000 },
  );
});

test("approvers see every character of the forbidden classes as an escape", () => {
  const block = 1_024;
  for (let first = 0; first <= 0x10ffff; first += block) {
    const codes = Array.from({ length: block }, (_, at) => first + at).filter((code) => !isClean(String.fromCodePoint(code)));
    // Spaced out, or halves of surrogate pairs would make whole ones.
    const text = codes.map((code) => `${String.fromCodePoint(code)}.`).join("");
    const expected = codes.map((code) => `\\u{${code.toString(16)}}.`).join("");
    if (safeText(text, "full").text !== expected) throw new Error(`Something from ${first.toString(16)} on is let through`);
  }
});

test("two long texts with equal heads and tails differ in the displayed length or SHA-256", () => {
  const seen = new Map<string, string>();
  const long = fc.tuple(fc.constantFrom("\ud800", "\udfff", "\ufffd", "x", "\\u{d800}"), fc.nat(2), fc.nat(2));
  const text = long.map(([middle, before, after]) => `${"a".repeat(250 + before)}${middle}${"a".repeat(250 + after)}`);
  fc.assert(
    fc.property(text, (given) => {
      const { text: shown, length, sha256, isCut } = safeText(given);
      const key = `${shown} ${length} ${sha256}`;
      const before = seen.get(key) ?? given;
      seen.set(key, given);
      return isCut && before === given;
    }),
    { numRuns: 500 },
  );
  expect(seen.size).toBeGreaterThan(20);
});

test("approvers see head, tail, length and SHA-256 of a long text in the short view, and the whole text in the full view", () => {
  const text = `${"h".repeat(300)}${"m".repeat(300)}${"t".repeat(300)}`;
  const sha256 = createHash("sha256").update(text).digest("hex");
  const cut = { text: `${"h".repeat(200)}\\…${"t".repeat(100)}`, warnings: [], isCut: true, length: 900, sha256 };
  expect(safeText(text)).toEqual(cut);
  expect(safeText(text, "full")).toEqual({ ...cut, text, isCut: false });
  expect(safeText("x".repeat(400)).isCut).toBe(false);
  expect(safeText("x".repeat(401)).isCut).toBe(true);
  expect(safeText("😀".repeat(400))).toMatchObject({ isCut: false, length: 400 });
});

test.each<[string, string, string]>([
  ["a terminal sequence", "\u001b[2J", "\\u{1b}[2J"],
  ["a line break", "a\nb", "a\\u{a}b"],
  ["an override of direction", "a\u202eb", "a\\u{202e}b"],
  ["tags", "a\u{e0041}", "a\\u{e0041}"],
  ["the Braille blank", "a\u2800b", "a\\u{2800}b"],
  ["a no-break space", "a\u00a0b", "a\\u{a0}b"],
  ["a backslash", "C:\\u{1b}", "C:\\\\u{1b}"],
  ["spaces at the edges", " a b ", "\\u{20}a b\\u{20}"],
  ["many spaces", "a   b", "a \\u{20}\\u{20}b"],
  ["a mark without a letter", "\u0338= 5", "\\u{338}= 5"],
  ["a mark after what was written out", "\u200b\u0338", "\\u{200b}\\u{338}"],
  ["marks stacked", "a\u0300\u0301\u0302\u0303\u0304", "a\u0300\u0301\u0302\\u{303}\\u{304}"],
  ["a letter with its mark", "e\u0301", "e\u0301"],
  ["other scripts", "Привет 你好 שלום", "Привет 你好 שלום"],
])("approvers see the text with %s in a readable form", (_name, given, shown) => expect(safeText(given).text).toBe(shown));

describe("approvers see names of unusual characters in a displayed text", () => {
  const unseen = "has invisible characters, shown as \\u{…}";
  test.each<[string, readonly string[]]>([
    ["plain text", []],
    ["Жанна d'Arc", []],
    ["東京タワーのライト", []],
    ["µm and °C, 50 €", []],
    ["\u0440aypal", ["mixes Cyrillic and Latin in one word"]],
    ["p\u200b\u0430ypal", [unseen, "mixes Cyrillic and Latin in one word"]],
    ["\u13aamazon", ["mixes Cherokee and Latin in one word"]],
    ["a\u{10330}", ["mixes Latin and another script in one word"]],
    ["1\u09ea0", ["has digits other than 0 to 9"]],
    ["e\u0301", ["is not in the usual Unicode form (NFC)"]],
    ["a\u200b", [unseen]],
    ["a\u2028", [unseen, "begins or ends with a space"]],
    [" a", ["begins or ends with a space"]],
    ["a ", ["begins or ends with a space"]],
    ["a  b", ["has several spaces in a row"]],
    ["a\\b", ["has backslashes, each shown twice"]],
    [`${"a".repeat(450)}\u200b${"a".repeat(450)}`, [unseen]],
  ])("approvers see a notice about unusual characters in the displayed text %j", (text, warnings) =>
    expect(safeText(text).warnings).toEqual(warnings),
  );
});
