import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { anyone, handler, Type } from "quater";
import { bootTest, principal } from "quater/testing";
import { describe, expect, test } from "vitest";
import { argumentsHash, canonicalText } from "../../core/schema/digest.ts";

test.each<[unknown, string]>([
  [{ b: 1, a: 2 }, '{"a":2,"b":1}'],
  [{ "\u20ac": 1, "\r": 2, "1": 3, "😀": 4, "\ufb33": 5 }, '{"\\r":2,"1":3,"€":1,"😀":4,"\ufb33":5}'],
  [[-0, 0, 1e21, 1e-7, 0.1, 333333333.3333333], "[0,0,1e+21,1e-7,0.1,333333333.3333333]"],
  ['\u0007\b\t\n\f\r"\\/\u2028', '"\\u0007\\b\\t\\n\\f\\r\\"\\\\/\u2028"'],
  [{ a: [], b: {}, c: null, d: true }, '{"a":[],"b":{},"c":null,"d":true}'],
  ["e\u0301 is not \u00e9", '"e\u0301 is not \u00e9"'],
])("canonical JSON writes %j as the expected text", (value, text) => expect(canonicalText(value)).toBe(text));

test.each<[string, unknown]>([
  ["undefined", undefined],
  ["a field that is undefined", { a: undefined }],
  ["a list with a hole", Object.assign([], { 1: 1 })],
  ["NaN", Number.NaN],
  ["Infinity", [Number.POSITIVE_INFINITY]],
  ["a function", () => 1],
  ["a big integer", 1n],
  ["a date", new Date(0)],
  ["a map", new Map([[1, 2]])],
  ["half of a surrogate pair", "\ud800"],
  ["half of a surrogate pair in a key", { "\udc00": 1 }],
])("canonical JSON refuses %s", (_name, value) => expect(() => canonicalText(value)).toThrow(TypeError));

test("the digest of a call is the SHA-256 of the canonical text of its handler name and input", () => {
  const expected = createHash("sha256").update('{"handler":"pay","input":{"cents":5}}').digest("hex");
  expect(argumentsHash("pay", { cents: 5 })).toBe(`sha256:${expected}`);
});

describe("a dry run returns the digest of the call", () => {
  const transfer = handler({
    description: "Transfers.",
    effect: "write",
    input: Type.Object({
      to: Type.String(),
      amount: Type.Number(),
      note: Type.Optional(Type.String()),
      options: Type.Optional(Type.Object({ urgent: Type.Boolean({ default: false }) })),
      currency: Type.String({ default: "EUR" }),
    }),
    auth: anyone,
    handle: () => null,
  });
  const hashOf = async (input: unknown) => {
    await using app = await bootTest({ handlers: { transfer, other: transfer } });
    const outcome = await app.as(principal()).send("transfer", input, { dryRun: true });
    if (!outcome.ok) throw outcome.error;
    return (outcome.value as { argumentsHash: string }).argumentsHash;
  };
  const plain = { to: "ana", amount: 0 };

  test.each<[string, unknown]>([
    ["another order of keys", { amount: 0, to: "ana" }],
    ["-0", { to: "ana", amount: -0 }],
    ["the default given", { ...plain, currency: "EUR" }],
    ["a field that is undefined", { ...plain, note: undefined }],
  ])("a dry run returns the same digest for an input with %s", async (_name, input) =>
    expect(await hashOf(input)).toBe(await hashOf(plain)),
  );

  test("a dry run returns the same digest whether the input contains a nested default or omits the default", async () =>
    expect(await hashOf({ ...plain, options: {} })).toBe(await hashOf({ ...plain, options: { urgent: false } })));

  test.each<[string, unknown]>([
    ["another value", { to: "ana", amount: 1 }],
    ["an additional field", { ...plain, note: "" }],
    ["text in another Unicode form", { ...plain, to: "a\u0301na" }],
  ])("a dry run returns another digest for an input with %s", async (_name, input) =>
    expect(await hashOf(input)).not.toBe(await hashOf(plain)),
  );

  test("dry runs of two handlers with equal inputs return different digests", () =>
    expect(argumentsHash("a", {})).not.toBe(argumentsHash("b", {})));
});

const vectors = new URL("../vectors/rfc8785/", import.meta.url);
test.each(readdirSync(new URL("input/", vectors)))("canonical JSON writes the RFC 8785 example %s byte for byte", (file) => {
  const input = JSON.parse(readFileSync(new URL(`input/${file}`, vectors), "utf8")) as unknown;
  const expected = readFileSync(new URL(`output/${file}`, vectors), "utf8").trimEnd();
  expect(canonicalText(input)).toBe(expected);
});
