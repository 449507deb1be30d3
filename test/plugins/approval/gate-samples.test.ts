// Inputs that the gate suite makes by itself.

import { Type } from "quater";
import type { JsonSchema } from "quater/plugin-api";
import { describe, expect, test } from "vitest";
import { textMatching } from "../../../core/testing/pattern.ts";
import { NoSample, samplerOf } from "../../../core/testing/sample.ts";

describe("textMatching makes a text for a pattern", () => {
  test.each([
    "^ord_[1-9][0-9]{0,14}$",
    "^cus_[A-Za-z0-9]{1,32}$",
    "^[A-Za-z0-9._:-]{1,128}$",
    "^(?:open|paid)-\\d{4}$",
    "^(GET|POST) /[^?# ]*$",
    "^\\w+@\\w+\\.[a-z]{2,}$",
    "^SHA256:[A-Za-z0-9+/]{43}$",
    "^[^a-z]+$",
    "^(?<year>\\d{4})-(?<month>\\d\\d)$",
    "b+",
    "^ключ-[а-я]+$",
    "",
  ])("textMatching makes a text that matches %s", (pattern) => {
    expect(textMatching(pattern)).toMatch(new RegExp(pattern, "u"));
  });

  test.each(["^(?=.*\\d).+$", "^(a)\\1$", "^\\p{L}+$", "("])(
    "textMatching returns undefined for the pattern %s, which it does not support",
    (pattern) => {
      expect(textMatching(pattern)).toBeUndefined();
    },
  );
});

describe("samplerOf makes samples from schemas", () => {
  const nested = Type.Object({
    price: Type.Number({ exclusiveMinimum: 0, exclusiveMaximum: 1 }),
    when: Type.String({ format: "date-time" }),
  });
  const schemas: readonly (readonly [string, JsonSchema | object])[] = [
    [
      "bounds",
      Type.Object({ a: Type.Integer({ minimum: 7, maximum: 9, multipleOf: 4 }), b: Type.Integer({ exclusiveMaximum: -3 }) }),
    ],
    ["decimal steps", Type.Object({ a: Type.Number({ multipleOf: 0.1, minimum: 1.3 }), b: Type.Number({ multipleOf: 0.01 }) })],
    ["long texts", Type.Object({ a: Type.String({ minLength: 40 }), b: Type.String({ maxLength: 2 }) })],
    ["a pattern and a length", Type.Object({ a: Type.String({ pattern: "^[a-z]+$", minLength: 12 }) })],
    [
      "formats",
      Type.Object({
        a: Type.String({ format: "email" }),
        b: Type.String({ format: "uuid" }),
        c: Type.String({ format: "date" }),
      }),
    ],
    [
      "lists",
      Type.Object({ a: Type.Array(nested, { minItems: 2 }), b: Type.Array(Type.String(), { minItems: 3, uniqueItems: true }) }),
    ],
    ["unions", Type.Object({ a: Type.Union([Type.Literal("x"), Type.Integer()]), b: Type.Enum(["p", "q"]), c: Type.Null() })],
    ["parts of an intersection", Type.Intersect([Type.Object({ a: Type.String() }), Type.Object({ b: Type.Boolean() })])],
    [
      "a choice beside properties",
      {
        type: "object",
        properties: { kind: { const: "card" } },
        required: ["kind"],
        anyOf: [{ type: "object", properties: { no: { type: "integer" } }, required: ["no"] }],
      },
    ],
    [
      "references",
      {
        type: "object",
        properties: { a: { $ref: "#/$defs/x" } },
        required: ["a"],
        $defs: { x: { type: "integer", minimum: 3 } },
      },
    ],
    ["examples first", Type.Object({ a: Type.String({ pattern: "^(?=x).$", examples: ["x"] }) })],
    ["no fields", Type.Object({})],
  ];
  test.each(schemas)("the gate suite makes a sample that a schema with %s accepts", async (_, schema) => {
    const sampler = await samplerOf(schema as JsonSchema);
    expect(sampler.accepts(sampler.sample())).toBe(true);
  });

  test.each([
    ["/a has the pattern ^(?=x).$, for which no text was found", Type.Object({ a: Type.String({ pattern: "^(?=x).$" }) })],
    ["/a must be at least 5", Type.Object({ a: Type.Integer({ minimum: 5, maximum: 4 }) })],
  ])("the gate suite reports the place in a schema for which it finds no sample: %s", async (sentence, schema) => {
    const sampler = await samplerOf(schema as never);
    expect(() => sampler.sample()).toThrow(NoSample);
    expect(() => sampler.sample()).toThrow(sentence);
  });
});
