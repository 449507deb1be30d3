import fc from "fast-check";
import { expect, test } from "vitest";
import { isLargerThan } from "../../core/pipeline/answer-size.ts";

test("M12: the size that Quater computes for a result equals the byte length of the JSON of the result", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), fc.integer({ min: -40, max: 40 }), (value, off) => {
      const bytes = Buffer.byteLength(JSON.stringify(value));
      expect(isLargerThan(value, bytes + off)).toBe(off < 0);
    }),
    { numRuns: 2_000 },
  );
});

test.each([
  ["escapes", ['\u0000\u001f"\\\n', "é€😀", "\u2028", { 'k"': "\u007f" }]],
  ["half of a surrogate pair", ["\ud800", "a\udc00b"]],
  ["numbers", [0, -1.5, 1e21, 123456789012345680000, 5e-324]],
  ["undefined in objects and lists", { a: undefined, b: [undefined, null, true, false] }],
  ["nothing", []],
])("M12: the size that Quater computes for a result with %s equals the byte length of its JSON", (_name, value) => {
  const bytes = Buffer.byteLength(JSON.stringify(value));
  expect([isLargerThan(value, bytes - 1), isLargerThan(value, bytes)]).toEqual([true, false]);
});
