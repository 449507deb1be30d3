// S11: which texts look the same to people.

import { expect, test } from "vitest";
import { foldedText } from "../../../plugins/approval/requests/fold.ts";
import { withoutLookAlikes } from "../../../plugins/approval/requests/look-alikes.ts";

test.each([
  ["ord_10", "\u043erd_1\u{1d7d8}"],
  ["COPE", "\u0421\u039f\u0420\u0395"],
  ["ID", "\u0406D"],
  ["id", "\u0456d"],
  ["caf\u00e9", "caf\u0435\u0301"],
  ["\u041f\u0430\u0432\u0435\u043b", "\u03a0\u0430\u0432\u0435\u043b"],
  ["2026-01-02", "2026\u201301\u221202"],
  ["it's", "it\u2019s"],
  ['"x"', "\u201cx\u201d"],
  ["a/b", "a\u2215b"],
  ["800", "\u09ea00"],
  ["a b", "\u2003a \t\u2028 b\u2060"],
])("S11: folding converts two texts that look alike to equal texts: %j and %j", (one, other) => {
  expect(foldedText(other)).toBe(foldedText(one));
});

test.each([
  ["abc", "ABC"],
  ["1 2", "12"],
  ["a-b", "ab"],
  ["l1", "I1"],
  ["modem", "modern"],
  ["O0", "00"],
  ["`x`", "'x'"],
  ["\u0431\u0430\u043d\u043a", "\u0431\u0430\u043d"],
])("S11: folding converts two texts that look different to different texts: %j and %j", (one, other) => {
  expect(foldedText(other)).not.toBe(foldedText(one));
});

test("S11: folding does not change printable ASCII, and folding a text twice gives the same text as folding once", () => {
  const ascii = String.fromCharCode(...Array.from({ length: 94 }, (_, at) => at + 33));
  expect(foldedText(ascii)).toBe(ascii);
  const surrogates = (code: number) => code >= 0xd800 && code < 0xe000;
  const unstable: string[] = [];
  for (let code = 0; code < 0x30000; code++) {
    if (surrogates(code)) continue;
    const once = foldedText(String.fromCodePoint(code));
    if (foldedText(once) !== once) unstable.push(code.toString(16));
  }
  expect(unstable).toEqual([]);
});

test("S11: withoutLookAlikes replaces every kind of look-alike character, and keeps invisible characters", () => {
  expect(withoutLookAlikes("\u0410\u0391\u13aa\u2010\u2019\u2044\u00b4\u0393\u0413")).toBe("AAA-'/'\u0393\u0393");
  expect(withoutLookAlikes("\u200b\u00a0\u0301")).toBe("\u200b\u00a0\u0301");
});
