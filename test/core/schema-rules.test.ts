// Rules that a schema writes down and that have to hold: limits that a call can reach, defaults that pass, exact numbers. And what boot says
// of a schema that cannot be kept.

import fc from "fast-check";
import { anyone, handler, type TSchema, Type } from "quater";
import { http } from "quater/http";
import { isBootError } from "quater/plugin-api";
import { bootTest, principal } from "quater/testing";
import { describe, expect, test } from "vitest";
import { isMultipleOf } from "../../core/schema/exact-numbers.ts";
import { schemaProblems } from "../../core/schema/schema-problems.ts";

const field = (v: TSchema) => Type.Object({ v });
const write = (input: TSchema, output: TSchema = Type.Any()) =>
  handler({ description: "Writes.", effect: "write", input, output, auth: anyone, handle: (given) => given });

describe("limits", () => {
  test.each<[string, TSchema, string]>([
    ["a text", Type.String({ maxLength: 700_000 }), "maxLength 700000, and an input has at most 262144 characters in a text"],
    [
      "a long text",
      Type.String({ minLength: 262_145 }),
      "minLength 262145, and an input has at most 262144 characters in a text",
    ],
    ["a list", Type.Array(Type.Null(), { maxItems: 100_001 }), "maxItems 100001, and an input has at most 100000 values"],
    ["an object", Type.Unsafe({ maxProperties: 10_001 }), "maxProperties 10001, and an input has at most 10000 keys"],
  ])("H7: %s that no input can be does not boot", async (_name, schema, said) => {
    const [problem, ...others] = schemaProblems(field(schema));
    expect(problem?.cause).toBe(`/properties/v has the ${said}`);
    expect(problem?.remedy).toMatch(/^Write \w+: \d+ or less$/);
    expect(others).toEqual([]);
    await expect(bootTest({ handlers: { write: write(field(schema)) } })).rejects.toThrow(said);
  });

  test("H7: an output may hold a longer text", async () => {
    const long = field(Type.String({ maxLength: 700_000 }));
    const read = handler({
      description: "Reads.",
      effect: "read",
      input: Type.Object({}),
      output: long,
      auth: anyone,
      handle: () => ({ v: "a".repeat(600_000) }),
    });
    await using app = await bootTest({ handlers: { read } });
    expect(await app.as(principal()).call("read")).toMatchObject({ ok: true });
  });

  test("H7: a text of the largest length is taken over http", async () => {
    const input = field(Type.String({ maxLength: 262_144 }));
    await using app = await bootTest({
      handlers: { write: write(input) },
      expose: { write: { http: "POST /texts", public: true } },
      plugins: [http({ port: 0 })],
    });
    const json = JSON.stringify({ v: "é".repeat(262_144) });
    expect(await app.acrossSurfaces({ handler: "write", input: { json } })).toMatchObject({ http: { ok: true } });
  });

  test("H7: a text that is longer than a body of http does not boot", async () => {
    const booting = bootTest({
      handlers: { write: write(field(Type.Array(Type.String({ maxLength: 2_001 })))) },
      expose: { write: { http: "POST /texts", public: true } },
      plugins: [http({ port: 0, maxBodyBytes: 2_000 })],
    });
    await expect(booting).rejects.toThrow(
      "write allows a text of 2001 characters, and http's maxBodyBytes is 2000. Lower maxLength in its input, or raise maxBodyBytes",
    );
  });
});

describe("defaults", () => {
  const shared = { $defs: { Count: Type.Integer({ minimum: 1 }) } };
  const tree = Type.Cyclic({ Node: Type.Object({ next: Type.Optional(Type.Ref("Node")) }) }, "Node");
  test.each<[string, TSchema, string, string]>([
    ["another type", field(Type.String({ default: 5 })), "/properties/v", "5"],
    ["a limit", field(Type.Integer({ minimum: 1, default: 0 })), "/properties/v", "0"],
    ["a pattern", field(Type.String({ pattern: "^a$", default: "b" })), "/properties/v", '"b"'],
    ["a step", field(Type.Number({ multipleOf: 0.01, default: 1.005 })), "/properties/v", "1.005"],
    ["an integer beyond the range", field(Type.Integer({ default: 2 ** 53 })), "/properties/v", "9007199254740992"],
    ["a choice", field(Type.Enum(["a", "b"], { default: "c" })), "/properties/v", '"c"'],
    [
      "an unknown field",
      field(Type.Object({ a: Type.Null() }, { default: { a: null, b: 1 } })),
      "/properties/v",
      '{"a":null,"b":1}',
    ],
    ["a default inside", field(Type.Object({ a: Type.Integer({ default: "x" }) })), "/properties/v/properties/a", '"x"'],
    ["an item", field(Type.Array(Type.Integer({ default: "x" }))), "/properties/v/items", '"x"'],
    ["a branch of a union", field(Type.Union([Type.Null(), Type.Integer({ default: "x" })])), "/properties/v/anyOf/1", '"x"'],
    ["a reference", Type.Object({ v: Type.Unsafe({ $ref: "#/$defs/Count", default: 0 }) }, shared), "/properties/v", "0"],
    [
      "a reference by name",
      Type.Object({ v: Type.Unsafe({ $ref: "N", default: 0 }) }, { $defs: { N: Type.Null({ $id: "N" }) } }),
      "/properties/v",
      "0",
    ],
    ["the whole", Type.Object({ a: Type.Optional(Type.Null()) }, { default: 5 }), "the root", "5"],
  ])("H8: %s that its schema refuses does not boot", (_name, schema, place, value) => {
    expect(schemaProblems(schema)).toEqual([
      { cause: `${place} has the default ${value}, which its schema refuses`, remedy: "Change the default, or the schema" },
    ]);
  });

  test.each<[string, TSchema]>([
    ["a value of its schema", field(Type.Integer({ minimum: 1, default: 1 }))],
    ["an object whose fields have defaults", field(Type.Object({ a: Type.Integer({ default: 1 }) }, { default: {} }))],
    ["a recursive value", Type.Object({ v: Type.Unsafe({ ...tree, default: { next: { next: {} } } }) })],
    ["a reference", Type.Object({ v: Type.Unsafe({ $ref: "#/$defs/Count", default: 3 }) }, shared)],
    ["the root itself", Type.Unsafe({ type: "object", properties: { v: { $ref: "#", default: { v: {} } } } })],
    ["a text with a slow pattern", field(Type.String({ pattern: "^(a|ab)+$", default: "aab" }))],
  ])("H8: a default that is %s boots", (_name, schema) => expect(schemaProblems(schema)).toEqual([]));

  test("H8: boot names the handler and the place", async () => {
    const booting = bootTest({ handlers: { write: write(field(Type.String({ default: 5 }))) } });
    await expect(booting).rejects.toThrow(
      "write has an input schema in which /properties/v has the default 5, which its schema refuses",
    );
  });
});

describe("multiples", () => {
  test.each([
    [1070468.14, 0.01, true],
    [1.005, 0.01, false],
    [0.3, 0.1, true],
    [-0.3, 0.1, true],
    [4.35, 0.01, true],
    [1.1, 0.1, true],
    [0.30000000000000004, 0.1, false],
    [1e21, 0.01, true],
    [1e-7, 1e-7, true],
    [1.5e-7, 1e-7, false],
    [1e308, 1e-300, true],
    [9007199254740991, 2, false],
    [7.5, 2.5, true],
    [7, 2.5, false],
    [0, 0.01, true],
  ])("H9: %s with a step of %s: %s", (value, step, expected) => expect(isMultipleOf(value, step)).toBe(expected));

  test("H9: every amount in cents is a multiple of 0.01, and no amount with a third decimal is", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -1_000_000_000_000, max: 1_000_000_000_000 }),
        fc.integer({ min: 1, max: 9 }),
        (cents, mill) => {
          const text = `${cents < 0 ? "-" : ""}${Math.floor(Math.abs(cents) / 100)}.${String(Math.abs(cents) % 100).padStart(2, "0")}`;
          expect(isMultipleOf(Number(text), 0.01)).toBe(true);
          expect(isMultipleOf(Number(`${text}${mill}`), 0.01)).toBe(false);
        },
      ),
    );
  });

  test("H9: an output is judged by the same arithmetic", async () => {
    const step = field(Type.Number({ multipleOf: 0.01 }));
    await using app = await bootTest({ handlers: { write: write(field(Type.Number()), step) } });
    expect(await app.as(principal()).call("write", { v: 1070468.14 })).toMatchObject({ ok: true });
    expect(await app.as(principal()).call("write", { v: 1.005 })).toMatchObject({ error: { code: "output_undelivered" } });
    expect(JSON.stringify(app.log.map(({ fields }) => fields["error"]))).toContain("/v must be a multiple of 0.01");
  });

  test.each([0, -0.01])("H9: a step of %s does not boot", (multipleOf) =>
    expect(schemaProblems(Type.Number({ multipleOf }))).toEqual([
      { cause: 'the root has a "multipleOf" that is not a number above 0', remedy: "Write a number above 0" },
    ]),
  );
});

describe("what boot says of a schema", () => {
  const formats =
    "The formats are date-time, date, duration, email, hostname, idn-email, idn-hostname, ipv4, ipv6, iri, iri-reference, json-pointer, " +
    "json-pointer-uri-fragment, regex, relative-json-pointer, time, uri, uri-reference, uri-template, url, uuid";
  test.each<[string, object, string, string]>([
    ["a misspelt keyword", { maxLenght: 5 }, 'has the keyword "maxLenght", which checks nothing', 'Did you mean "maxLength"?'],
    [
      "an unknown keyword",
      { widget: "area" },
      'has the keyword "widget", which checks nothing',
      'Remove it, or write "x-widget": keywords of your own begin with x-',
    ],
    [
      "an unknown format",
      { format: "byte" },
      'has the format "byte", which nothing checks',
      `${formats}. For others write a pattern`,
    ],
    [
      "a misspelt format",
      { format: "datetime" },
      'has the format "datetime", which nothing checks',
      `Did you mean "date-time"? ${formats}`,
    ],
    [
      "a broken pattern",
      { pattern: "(" },
      "has a pattern that is not a regular expression: (",
      'Correct the pattern. It has the syntax of JavaScript with the flag u: a literal ( is written "\\\\("',
    ],
    [
      "a misspelt type",
      { type: "sting" },
      'has the type "sting", which JSON does not know',
      'Did you mean "string"? The types are string, number, integer, boolean, object, array, null',
    ],
  ])("T13: %s gets a remedy that fits", async (_name, part, cause, remedy) => {
    const schema = field(Type.Unsafe({ type: "string", ...part }));
    expect(schemaProblems(schema)).toEqual([{ cause: `/properties/v ${cause}`, remedy }]);
    for (const wrong of [write(schema), write(Type.Object({}), schema)]) {
      const error: unknown = await bootTest({ handlers: { wrong } }).catch((thrown: unknown) => thrown);
      expect(isBootError(error) && error.problems.map((problem) => problem.remedy)).toEqual([remedy]);
    }
  });
});
