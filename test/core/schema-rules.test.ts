// Rules that a schema writes down and that have to hold: limits that a call can reach, defaults that pass, exact numbers. And what boot says
// of a schema that cannot be kept.

import fc from "fast-check";
import { anyone, handler, type TSchema, Type } from "quater";
import { http } from "quater/http";
import { isBootError } from "quater/plugin-api";
import { bootTest, principal } from "quater/testing";
import { describe, expect, test } from "vitest";
import { isQuaterError } from "../../core/diagnostics/errors.ts";
import { binderOf } from "../../core/pipeline/bind.ts";
import { isMultipleOf } from "../../core/schema/exact-numbers.ts";
import { closed, type JsonSchema } from "../../core/schema/schema.ts";
import { schemaProblems } from "../../core/schema/schema-problems.ts";
import { inputSchemaFor } from "../../plugins/mcp/offers/schema.ts";

const field = (v: TSchema) => Type.Object({ v });
const write = (input: TSchema, output: TSchema = Type.Any()) =>
  handler({ description: "Writes.", effect: "write", input, output, auth: anyone, handle: (given) => given });

describe("boot refuses schema limits above the limits of every input", () => {
  test.each<[string, TSchema, string]>([
    [
      "a text",
      Type.String({ maxLength: 700_000 }),
      "maxLength 700000, but an input may have at most 262144 characters in a string",
    ],
    [
      "a long text",
      Type.String({ minLength: 262_145 }),
      "minLength 262145, but an input may have at most 262144 characters in a string",
    ],
    ["a list", Type.Array(Type.Null(), { maxItems: 100_001 }), "maxItems 100001, but an input may have at most 100000 values"],
    ["an object", Type.Unsafe({ maxProperties: 10_001 }), "maxProperties 10001, but an input may have at most 10000 keys"],
  ])("H7: boot refuses an input schema whose limit for %s is above the limit of every input", async (_name, schema, said) => {
    const [problem, ...others] = schemaProblems(field(schema));
    expect(problem?.cause).toBe(`/properties/v has the ${said}`);
    expect(problem?.remedy).toMatch(/^Lower \w+ to \d+ or less$/);
    expect(others).toEqual([]);
    await expect(bootTest({ handlers: { write: write(field(schema)) } })).rejects.toThrow(said);
  });

  test("H7: an output schema may allow longer texts than an input schema", async () => {
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

  test("H7: http accepts an input with a text of the largest allowed length", async () => {
    const input = field(Type.String({ maxLength: 262_144 }));
    await using app = await bootTest({
      handlers: { write: write(input) },
      expose: { write: { http: "POST /texts", public: true } },
      plugins: [http({ port: 0 })],
    });
    const json = JSON.stringify({ v: "é".repeat(262_144) });
    expect(await app.acrossSurfaces({ handler: "write", input: { json } })).toMatchObject({ http: { ok: true } });
  });

  test("H7: boot refuses an input whose maxLength is larger than maxBodyBytes of http", async () => {
    const booting = bootTest({
      handlers: { write: write(field(Type.Array(Type.String({ maxLength: 2_001 })))) },
      expose: { write: { http: "POST /texts", public: true } },
      plugins: [http({ port: 0, maxBodyBytes: 2_000 })],
    });
    await expect(booting).rejects.toThrow(
      "The input schema of write allows a string of 2001 characters, but the http() option maxBodyBytes is 2000. Lower maxLength in the input schema, or raise maxBodyBytes",
    );
  });
});

describe("boot checks the defaults in schemas", () => {
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
  ])("H8: boot refuses a default in a schema with %s", (_name, schema, place, value) => {
    expect(schemaProblems(schema)).toEqual([
      { cause: `${place} has the default ${value}, which does not match the schema`, remedy: "Change the default or the schema" },
    ]);
  });

  test.each<[string, TSchema]>([
    ["a value of its schema", field(Type.Integer({ minimum: 1, default: 1 }))],
    ["an object whose fields have defaults", field(Type.Object({ a: Type.Integer({ default: 1 }) }, { default: {} }))],
    ["a recursive value", Type.Object({ v: Type.Unsafe({ ...tree, default: { next: { next: {} } } }) })],
    ["a reference", Type.Object({ v: Type.Unsafe({ $ref: "#/$defs/Count", default: 3 }) }, shared)],
    ["the root itself", Type.Unsafe({ type: "object", properties: { v: { $ref: "#", default: { v: {} } } } })],
    ["a text with a slow pattern", field(Type.String({ pattern: "^(a|ab)+$", default: "aab" }))],
  ])("H8: boot accepts a default in a schema that is %s", (_name, schema) => expect(schemaProblems(schema)).toEqual([]));

  test("H8: the boot problem about a wrong default names the handler and the path in the schema", async () => {
    const booting = bootTest({ handlers: { write: write(field(Type.String({ default: 5 }))) } });
    await expect(booting).rejects.toThrow(
      "The handler write has an input schema in which /properties/v has the default 5, which does not match the schema",
    );
  });
});

describe("multipleOf uses decimal arithmetic", () => {
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
  ])("H9: isMultipleOf(%s, %s) is %s", (value, step, expected) => expect(isMultipleOf(value, step)).toBe(expected));

  test("H9: every amount in whole cents is a multiple of 0.01, and no amount with a third decimal is", () => {
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

  test("H9: multipleOf uses the same decimal arithmetic for outputs as for inputs", async () => {
    const step = field(Type.Number({ multipleOf: 0.01 }));
    await using app = await bootTest({ handlers: { write: write(field(Type.Number()), step) } });
    expect(await app.as(principal()).call("write", { v: 1070468.14 })).toMatchObject({ ok: true });
    expect(await app.as(principal()).call("write", { v: 1.005 })).toMatchObject({ error: { code: "output_undelivered" } });
    expect(JSON.stringify(app.log.map(({ fields }) => fields["error"]))).toContain("/v must be a multiple of 0.01");
  });

  test.each([0, -0.01])("H9: boot refuses a schema with a multipleOf of %s", (multipleOf) =>
    expect(schemaProblems(Type.Number({ multipleOf }))).toEqual([
      { cause: 'the root has a "multipleOf" that is not a number above 0', remedy: "Write a number above 0" },
    ]),
  );
});

/** One line for each place that is wrong. */
const complain = (schema: TSchema, given: unknown): readonly string[] => {
  try {
    binderOf(closed(schema) as JsonSchema)([{ from: "body", isText: false, values: given }]);
    return [];
  } catch (error) {
    if (!isQuaterError(error)) throw error;
    return (error.errors ?? []).map(({ path, message }) => `${path} ${message}`);
  }
};

describe("the errors for discriminated unions name the right place", () => {
  const circle = Type.Object({ kind: Type.Literal("circle"), radius: Type.Integer({ minimum: 1 }), note: Type.String() });
  const rect = Type.Object({ kind: Type.Literal("rect"), sides: Type.Array(Type.Integer(), { minItems: 2 }) });
  const round = Type.Object({ kind: Type.Enum(["ball", "egg"]), radius: Type.Integer() });
  const shape = Type.Union([circle, rect]);
  const nested = Type.Union([shape, round, Type.Null()]);
  const many = Type.Union(
    Array.from({ length: 60 }, (_, n) =>
      Type.Object({ kind: Type.Literal(`k${n}`), a: Type.Integer(), b: Type.Integer(), c: Type.Integer() }),
    ),
  );
  const byRef = Type.Object(
    { v: Type.Union([Type.Unsafe({ $ref: "#/$defs/Circle" }), Type.Unsafe({ $ref: "Rect" })]) },
    { $defs: { Circle: circle, Rect: Type.With(rect, { $id: "Rect" }) } },
  );
  const tree = Type.Cyclic(
    {
      Node: Type.Union([
        Type.Object({ kind: Type.Literal("leaf"), n: Type.Integer() }),
        Type.Object({ kind: Type.Literal("fork"), of: Type.Array(Type.Ref("Node")) }),
      ]),
    },
    "Node",
  );
  const oneOf = Type.Unsafe({ oneOf: [circle, rect], discriminator: { propertyName: "kind" } });
  const kinds = '/v/kind must be one of "circle", "rect"';
  test.each<[string, TSchema, unknown, string[]]>([
    ["an unknown kind", field(shape), { kind: "oval", radius: 1 }, [kinds]],
    ["a kind of another type", field(shape), { kind: 5 }, [kinds]],
    ["no kind", field(shape), { radius: 1 }, ["/v/kind is required"]],
    [
      "all errors in the chosen branch",
      field(shape),
      { kind: "circle", radius: 0, size: 1 },
      ["/v/note is required", "/v/radius must be at least 1", "/v/size is not a known field"],
    ],
    [
      "an error deep inside the chosen branch",
      field(shape),
      { kind: "rect", sides: [1, "x"] },
      ["/v/sides/1 must be an integer"],
    ],
    [
      "a field that belongs to another branch",
      field(shape),
      { kind: "rect", sides: [1, 2], radius: 1 },
      ["/v/radius is not a known field"],
    ],
    ["a text instead of an object", field(shape), "circle", ["/v does not match any of the allowed shapes"]],
    [
      "items of a list",
      field(Type.Array(shape)),
      [{ kind: "rect", sides: [] }, { kind: "x" }],
      ["/v/0/sides must have at least 2 items", kinds.replace("/v", "/v/1")],
    ],
    ["values of a record", field(Type.Record(Type.String(), shape)), { a: { kind: "x" } }, [kinds.replace("/v", "/v/a")]],
    ["a union inside a union", field(nested), { kind: "x" }, ['/v/kind must be one of "circle", "rect", "ball", "egg"']],
    ["a union inside a branch", field(nested), { kind: "egg", radius: "1" }, ["/v/radius must be an integer"]],
    ["null beside objects", field(nested), null, []],
    ["the last of sixty branches", field(many), { kind: "k59", a: 1, b: "x", c: 3 }, ["/v/b must be an integer"]],
    ["branches behind references", byRef, { kind: "circle", radius: 0, note: "" }, ["/v/radius must be at least 1"]],
    ["branches behind references, and an unknown kind", byRef, { kind: "x" }, [kinds]],
    [
      "a recursive schema",
      Type.Object({ v: tree }),
      { kind: "fork", of: [{ kind: "leaf", n: 1 }, { kind: "leaf" }] },
      ["/v/of/1/n is required"],
    ],
    [
      "a recursive schema with an unknown kind",
      Type.Object({ v: tree }),
      { kind: "fork", of: [{ kind: "x" }] },
      ['/v/of/0/kind must be one of "leaf", "fork"'],
    ],
    ["a oneOf with a discriminator", field(oneOf), { kind: "x" }, [kinds]],
    ["a field after many literals", Type.Object({ v: many, z: Type.Integer() }), { kind: "x" }, []],
  ])("H11: the error for a wrong value of a discriminated union names the right place: %s", (_name, schema, v, expected) => {
    const lines = complain(schema, { v });
    if (expected.length === 0 && v !== null)
      expect(lines).toEqual([expect.stringMatching(/^\/v\/kind must be one of "k0", /), "/z is required"]);
    else expect(lines).toEqual(expected);
  });

  test("H11: the log contains the path when the discriminator field of an output has an unknown value", async () => {
    const read = handler({
      description: "Reads.",
      effect: "read",
      input: Type.Object({}),
      output: field(shape),
      auth: anyone,
      handle: () => ({ v: { kind: "oval" } }) as never,
    });
    await using app = await bootTest({ handlers: { read } });
    expect(await app.as(principal()).call("read")).toMatchObject({ error: { code: "internal" } });
    expect(JSON.stringify(app.log)).toContain('/v/kind must be one of \\"circle\\"');
  });
});

describe("binding explains a plus sign that a URL query decoded to a space", () => {
  const email = Type.String({ format: "email" });
  const phone = Type.String({ pattern: "^\\+[0-9]+$" });
  const asPlus = ": in a URL, + must be sent as %2B";
  test.each<[string, TSchema, string, string[]]>([
    ["a date-time", Type.String({ format: "date-time" }), "2026-01-01T10:00:00 02:00", [`/v must be a valid date-time${asPlus}`]],
    ["an email", email, "ana tag@example.com", [`/v must be a valid email${asPlus}`]],
    ["a phone number", phone, " 49123", [`/v must match the pattern ^\\+[0-9]+$${asPlus}`]],
    ["an email that is wrong with a plus sign, too", email, "ana tag", ["/v must be a valid email"]],
    [
      "a date-time with a space in place of T",
      Type.String({ format: "date-time" }),
      "2026-01-01 10:00:00Z",
      ["/v must be a valid date-time"],
    ],
  ])("H15: the error for a query text mentions %%2B only when a plus sign became a space: %s", (_name, schema, v, expected) =>
    expect(complain(field(schema), { v })).toEqual(expected),
  );
});

describe("the schema keyword x-message replaces error texts", () => {
  const name = Type.String({ minLength: 3, pattern: "^[a-z]*$", "x-message": "must be a name of at least three small letters" });
  const age = Type.Integer({
    minimum: 18,
    maximum: 130,
    "x-message": { required: "must be given", minimum: "must be of age", type: "must be a number of years" },
  });
  const price = Type.Number({ multipleOf: 0.01, "x-message": { multipleOf: "must be whole cents" } });
  const choice = Type.Union([Type.String(), Type.Integer()], { "x-message": "must be a name or a number" });
  const shape = Type.Union(
    [Type.Object({ kind: Type.Literal("a"), x: Type.Integer() }), Type.Object({ kind: Type.Literal("b") })],
    { "x-message": { anyOf: "must be a shape" } },
  );
  const closedObject = Type.Object({ a: Type.Null() }, { "x-message": { additionalProperties: "is not for sale" } });
  const byRef = Type.Object(
    { v: Type.Unsafe({ $ref: "#/$defs/Name", "x-message": "must be your name" }) },
    { $defs: { Name: Type.String({ minLength: 1, "x-message": "must be a name" }) } },
  );
  test.each<[string, TSchema, unknown, string[]]>([
    ["one text for every rule", field(name), { v: "a" }, ["/v must be a name of at least three small letters"]],
    ["one text for a wrong type", field(name), { v: 5 }, ["/v must be a name of at least three small letters"]],
    ["one text for a missing value", field(name), {}, ["/v must be a name of at least three small letters"]],
    ["a table entry for a rule", field(age), { v: 5 }, ["/v must be of age"]],
    ["a table entry for a missing value", field(age), {}, ["/v must be given"]],
    ["a table entry for the type", field(age), { v: "x" }, ["/v must be a number of years"]],
    ["rules without a table entry keep their text", field(age), { v: 131 }, ["/v must be at most 130"]],
    ["a text for multipleOf", field(price), { v: 0.001 }, ["/v must be whole cents"]],
    ["a text for a union", field(choice), { v: null }, ["/v must be a name or a number"]],
    ["a text for a union whose branch is known", field(shape), { v: { kind: "a", x: "" } }, ["/v must be a shape"]],
    ["a text for an unknown field", field(closedObject), { v: { a: null, b: 1 } }, ["/v/b is not for sale"]],
    ["a text beside a $ref replaces the one behind it", byRef, { v: "" }, ["/v must be your name"]],
  ])("the schema keyword x-message replaces the standard error text: %s", (_name, schema, given, expected) =>
    expect(complain(schema, given)).toEqual(expected),
  );

  test.each<[string, unknown, string]>([
    ["a number", 5, "the root has the x-message 5, which is not a printable sentence"],
    ["an empty text", "", 'the root has the x-message "", which is not a printable sentence'],
    [
      "a control character",
      { type: "\u0007" },
      'the root has the x-message "\\u0007" for type, which is not a printable sentence',
    ],
    ["a misspelt rule", { minLenght: "x" }, 'the root has an x-message for "minLenght", which is not a rule'],
  ])("boot refuses a schema keyword x-message with %s", (_name, message, cause) =>
    expect(schemaProblems(Type.String({ "x-message": message }))).toEqual([{ cause, remedy: expect.any(String) }]),
  );

  test("input schemas for agents do not contain x-message", () => {
    expect(JSON.stringify(inputSchemaFor(closed<unknown>(field(age)) as JsonSchema))).not.toContain("x-message");
  });
});

describe("boot reports mistakes in schemas", () => {
  const formats =
    "The formats are date-time, date, duration, email, hostname, idn-email, idn-hostname, ipv4, ipv6, iri, iri-reference, json-pointer, " +
    "json-pointer-uri-fragment, regex, relative-json-pointer, time, uri, uri-reference, uri-template, url, uuid";
  test.each<[string, object, string, string]>([
    [
      "a misspelt keyword",
      { maxLenght: 5 },
      'has the keyword "maxLenght", which JSON Schema does not define',
      'Did you mean "maxLength"?',
    ],
    [
      "an unknown keyword",
      { widget: "area" },
      'has the keyword "widget", which JSON Schema does not define',
      'Remove the keyword, or rename it to "x-widget". Keywords of your own must begin with x-',
    ],
    [
      "an unknown format",
      { format: "byte" },
      'has the format "byte", which Quater does not check',
      `${formats}. For other formats, write a pattern`,
    ],
    [
      "a misspelt format",
      { format: "datetime" },
      'has the format "datetime", which Quater does not check',
      `Did you mean "date-time"? ${formats}`,
    ],
    [
      "a broken pattern",
      { pattern: "(" },
      "has a pattern that is not a regular expression: (",
      'Correct the pattern. Patterns use the syntax of JavaScript with the flag u, so write a literal ( as "\\\\("',
    ],
    [
      "a misspelt type",
      { type: "sting" },
      'has the unknown type "sting"',
      'Did you mean "string"? The types are string, number, integer, boolean, object, array, null',
    ],
  ])("T13: boot reports %s in a schema with a remedy for this mistake", async (_name, part, cause, remedy) => {
    const schema = field(Type.Unsafe({ type: "string", ...part }));
    expect(schemaProblems(schema)).toEqual([{ cause: `/properties/v ${cause}`, remedy }]);
    for (const wrong of [write(schema), write(Type.Object({}), schema)]) {
      const error: unknown = await bootTest({ handlers: { wrong } }).catch((thrown: unknown) => thrown);
      expect(isBootError(error) && error.problems.map((problem) => problem.remedy)).toEqual([remedy]);
    }
  });
});
