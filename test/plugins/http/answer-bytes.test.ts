import fc from "fast-check";
import { expect, test } from "vitest";
import { jsonBytesOf } from "../../../plugins/http/answer-bytes.ts";

test("M12: the http surface sends exactly the bytes of the JSON of a result", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
      expect(jsonBytesOf(value).toString()).toBe(JSON.stringify(value));
    }),
    { numRuns: 500 },
  );
});

const piece = 64 * 1024;
const places = [piece - 2, piece - 1, piece, piece + 1];

test.each([
  ["a long text", '"é\u0000\u2028'.repeat(50_000)],
  ["characters of two halves between two pieces", places.map((before) => `${"x".repeat(before)}😀😀${"y".repeat(piece)}`)],
  ["single halves between two pieces", places.map((before) => `${"x".repeat(before)}\ud800\ud83d😀\udc00${"y".repeat(piece)}`)],
  ["a text that ends with a single half", [`${"x".repeat(piece - 1)}\ud83d`, `${"x".repeat(2 * piece - 1)}\ud83d`]],
  ["a long list of small items", Array.from({ length: 25_001 }, (_, at) => ({ at, name: `n${at}`, gone: undefined }))],
  ["a long list with large items", Array.from({ length: 1_003 }, (_, at) => (at % 400 === 0 ? "x".repeat(2 * piece) : at))],
  ["lists in lists", [[], [[Array.from({ length: 40_000 }, (_, at) => at)]], [undefined, "x".repeat(2 * piece)]]],
  ["large fields", { a: undefined, b: "x".repeat(2 * piece), c: { d: ["x".repeat(2 * piece)], e: undefined }, f: undefined }],
  ["a long name", { a: 1, ["n".repeat(2 * piece)]: "x" }],
])("M12: the http surface writes %s exactly like JSON.stringify", (_name, value) => {
  expect(jsonBytesOf(value).equals(Buffer.from(JSON.stringify(value)))).toBe(true);
});
