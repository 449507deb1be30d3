import { anyone, handler, type TSchema, Type } from "quater";
import { bootTest, principal } from "quater/testing";
import { describe, expect, test } from "vitest";
import { isQuaterError } from "../../core/diagnostics/errors.ts";
import type { GivenInput } from "../../core/model/given-input.ts";
import { binderOf } from "../../core/pipeline/bind.ts";
import { closed, type JsonSchema } from "../../core/schema/schema.ts";

const text = (values: Record<string, unknown>, from = "query"): GivenInput => ({ from, isText: true, values });
const json = (values: unknown, from = "body"): GivenInput => ({ from, isText: false, values });

/** The bound input, or the refusal as `code` and one line per place. */
const bind = (schema: TSchema, ...given: GivenInput[]): unknown => {
  const input = closed(schema) as JsonSchema;
  try {
    return binderOf(input)(given);
  } catch (error) {
    if (!isQuaterError(error)) throw error;
    return [error.code, ...(error.errors ?? []).map(({ path, message }) => `${path} ${message}`)];
  }
};

describe("binding coerces text to the type in the schema and does not guess", () => {
  const integer = ["invalid_input", "/v must be an integer"];
  const range = ["invalid_input", "/v must be an integer from -9007199254740991 to 9007199254740991"];
  const number = ["invalid_input", "/v must be a number"];
  const boolean = ["invalid_input", "/v must be true or false"];
  const choice = Type.Enum(["red", "blue"]);
  const levels = Type.Unsafe({ enum: [1, 2, "auto"] });
  const idOrName = Type.Union([Type.String(), Type.Integer()]);
  const many = Type.Array(Type.Integer());
  const colours = Type.Array(choice);
  const oneOrMany = Type.Union([Type.Integer(), Type.Array(Type.Integer())]);
  test.each<[string, TSchema, string | string[], unknown]>([
    ["12", Type.Integer(), "12", 12],
    ["-5", Type.Integer(), "-5", -5],
    ["-0", Type.Integer(), "-0", 0],
    ["9007199254740991", Type.Integer(), "9007199254740991", 9007199254740991],
    ["12.7", Type.Integer(), "12.7", integer],
    ["0x10", Type.Integer(), "0x10", integer],
    ["a number with a leading space", Type.Integer(), " 5", integer],
    ["a number with a trailing line break", Type.Integer(), "5\n", integer],
    ["1_000", Type.Integer(), "1_000", integer],
    ["Arabic digits", Type.Integer(), "١٢", integer],
    ["empty text", Type.Integer(), "", integer],
    ["+7", Type.Integer(), "+7", integer],
    ["007", Type.Integer(), "007", integer],
    ["1e2", Type.Integer(), "1e2", integer],
    ["9007199254740993", Type.Integer(), "9007199254740993", range],
    ["1e2", Type.Number(), "1e2", 100],
    ["12.7", Type.Number(), "12.7", 12.7],
    ["-0", Type.Number(), "-0", 0],
    ["1e400", Type.Number(), "1e400", number],
    ["9007199254740993", Type.Number(), "9007199254740993", number],
    ["Infinity", Type.Number(), "Infinity", number],
    [".5", Type.Number(), ".5", number],
    ["empty text", Type.Number(), "", number],
    ["true", Type.Boolean(), "true", true],
    ["false", Type.Boolean(), "false", false],
    ["TRUE", Type.Boolean(), "TRUE", boolean],
    ["1", Type.Boolean(), "1", boolean],
    ["empty text", Type.Boolean(), "", boolean],
    ["empty text", Type.String(), "", ""],
    ["12", Type.String(), "12", "12"],
    ["one of an enum", choice, "red", "red"],
    ["a word that is not in an enum", choice, "Red", ["invalid_input", '/v must be one of "red", "blue"']],
    ["a number of an enum", levels, "2", 2],
    ["a word of a mixed enum", levels, "auto", "auto"],
    ["a constant", Type.Literal(7), "7", 7],
    ["a word other than the constant", Type.Literal(7), "8", ["invalid_input", "/v must be 7"]],
    ["digits for a union of string and integer", idOrName, "12", 12],
    ["a word for a union of string and integer", idOrName, "12a", "12a"],
    ["a field given twice", Type.String(), ["a", "b"], ["invalid_input", "/v is given more than once"]],
    ["one item for a list", many, "5", [5]],
    ["several items for a list", many, ["5", "6"], [5, 6]],
    ["a list with a wrong item", many, ["5", "x"], ["invalid_input", "/v/1 must be an integer"]],
    ["several items for a list of enum values", colours, ["red", "blue"], ["red", "blue"]],
    ["one value for a union of item and list", oneOrMany, "5", 5],
    ["several values for a union of item and list", oneOrMany, ["5", "6"], [5, 6]],
    ["text for an object", Type.Object({}), "{}", ["invalid_input", "/v must be an object"]],
    ["an integer behind a $ref", Type.Unsafe({ $ref: "#/$defs/count" }), "5", 5],
    ["an integer in an intersection", Type.Intersect([Type.Integer(), Type.Unsafe({ minimum: 1 })]), "5", 5],
  ])("binding converts a text for a field to the type of the field: %s as %j", (_name, schema, given, expected) => {
    const input = Type.Object({ v: schema }, { $defs: { count: Type.Integer() } });
    const bound = bind(input, text({ v: given }));
    expect(bound).toEqual(Array.isArray(expected) && expected[0] === "invalid_input" ? expected : { v: expected });
  });

  test("binding does not coerce JSON values", () => {
    const schema = Type.Object({ n: Type.Integer(), b: Type.Boolean(), list: Type.Array(Type.String()) });
    expect(bind(schema, json({ n: "1", b: "true", list: "a" }))).toEqual([
      "invalid_input",
      "/b must be true or false",
      "/list must be an array",
      "/n must be an integer",
    ]);
    expect(bind(Type.Object({ n: Type.Integer() }), text({}, "path"), json({ n: "1" }))).toEqual([
      "invalid_input",
      "/n must be an integer",
    ]);
  });
});

describe("binding refuses fields that the schema does not declare", () => {
  const order = Type.Object({ orderId: Type.String(), note: Type.Optional(Type.String()) });

  test.each<[string, TSchema, GivenInput[], unknown]>([
    [
      "in a JSON body",
      order,
      [json({ orderId: "1", orderID: "2" })],
      ["unknown_field", '/orderID is not a known field; did you mean "orderId"?'],
    ],
    [
      "in text from a query",
      order,
      [text({ orderId: "1", nott: "x" })],
      ["unknown_field", '/nott is not a known field; did you mean "note"?'],
    ],
    [
      "with a name that resembles no known name",
      order,
      [json({ orderId: "1", zzz: 1 })],
      ["unknown_field", "/zzz is not a known field"],
    ],
    ["given twice as text", order, [text({ orderId: "1", zz: ["1", "2"] })], ["unknown_field", "/zz is not a known field"]],
    [
      "together with another mistake",
      order,
      [json({ ordreId: "1" })],
      ["invalid_input", "/orderId is required", '/ordreId is not a known field; did you mean "orderId"?'],
    ],
    [
      "__proto__ in text from a query",
      order,
      [text(JSON.parse('{"orderId":"1","__proto__":"x"}'))],
      ["json_forbidden_key", "/__proto__ is not allowed as a key"],
    ],
    ...["__proto__", "prototype", "constructor"].map((name): [string, TSchema, GivenInput[], unknown] => [
      `${name} in text, where any name is taken`,
      Type.Record(Type.String(), Type.String()),
      [text(JSON.parse(`{"a":"1","${name}":"x"}`))],
      ["json_forbidden_key", `/${name} is not allowed as a key`],
    ]),
    [
      "__proto__ in a JSON body",
      Type.Object({ note: Type.Optional(Type.String()) }),
      [json(JSON.parse('{"__proto__":{"note":"x"}}'))],
      ["unknown_field", "/__proto__ is not a known field"],
    ],
    [
      "in a nested object",
      Type.Object({ to: Type.Object({ city: Type.String() }) }),
      [json({ to: { city: "x", zip: 1 } })],
      ["unknown_field", "/to/zip is not a known field"],
    ],
    [
      "in the items of a list",
      Type.Object({ lines: Type.Array(Type.Object({ sku: Type.String() })) }),
      [json({ lines: [{ sku: "a" }, { sku: "b", skv: 1 }] })],
      ["unknown_field", '/lines/1/skv is not a known field; did you mean "sku"?'],
    ],
    [
      "in an intersection",
      Type.Intersect([Type.Object({ a: Type.String() }), Type.Object({ b: Type.Object({ c: Type.String() }) })]),
      [json({ a: "x", b: { c: "x", d: 1 }, z: 2 })],
      ["unknown_field", "/b/d is not a known field", "/z is not a known field"],
    ],
    [
      "in a union",
      Type.Object({
        u: Type.Union([Type.Object({ k: Type.Literal("a") }), Type.Object({ k: Type.Literal("b"), y: Type.Integer() })]),
      }),
      [json({ u: { k: "a", y: 1 } })],
      ["unknown_field", "/u/y is not a known field"],
    ],
    [
      "in the values of a record",
      Type.Object({ r: Type.Record(Type.String(), Type.Object({ n: Type.Integer() })) }),
      [json({ r: { any: { n: 1, m: 2 } } })],
      ["unknown_field", "/r/any/m is not a known field"],
    ],
    [
      "as a key that a record's pattern does not allow",
      Type.Object({ r: Type.Record(Type.String({ pattern: "^x-" }), Type.Integer()) }),
      [json({ r: { "x-a": 1, b: 2 } })],
      ["unknown_field", "/r/b is not a known field"],
    ],
    [
      "in a schema behind a $ref",
      Type.Cyclic({ Node: Type.Object({ child: Type.Optional(Type.Ref("Node")) }) }, "Node"),
      [json({ child: { child: { chidl: 1 } } })],
      ["unknown_field", '/child/child/chidl is not a known field; did you mean "child"?'],
    ],
  ])("binding refuses a field that the input schema does not declare: %s", (_name, schema, given, expected) =>
    expect(bind(schema, ...given)).toEqual(expected),
  );

  test("the error for an unknown input field escapes a slash or a control character in the field name", () => {
    expect(bind(Type.Object({}), json({ "a/b\u001b": 1 }))).toEqual(["unknown_field", "/a~1b\\u{1b} is not a known field"]);
  });

  test("the error for an input with ten thousand unknown fields stays short", () => {
    const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`field${index}`, 0]));
    expect(bind(Type.Object({}), json(many))).toHaveLength(65);
  });
});

test("binding refuses a field that two sources of one request contain, even when both values are equal", () => {
  const schema = Type.Object({ id: Type.String(), note: Type.Optional(Type.String()) });
  expect(bind(schema, text({ id: "1" }, "path"), json({ id: "1", note: "x" }))).toEqual([
    "invalid_input",
    "/id is given twice, in the path and in the body: send it once",
  ]);
  expect(bind(schema, text({ id: "1" }, "path"), json({ note: "x" }))).toEqual({ id: "1", note: "x" });
});

test.each<[unknown]>([[null], [[]], ["x"], [5]])(
  "binding refuses the JSON body %j, because an input must be an object",
  (value) => {
    expect(bind(Type.Object({}), json(value))).toEqual(["invalid_input", " must be an object"]);
    expect(bind(Type.Object({}), text({}, "path"), json(value))).toEqual(["invalid_input", " must be an object"]);
  },
);

test("binding fills in defaults at the top level, in nested objects, in lists and in records", () => {
  const line = Type.Object({ count: Type.Integer({ default: 1 }) });
  const schema = Type.Object({
    limit: Type.Integer({ default: 10 }),
    sort: Type.Object({ by: Type.String({ default: "date" }) }, { default: {} }),
    page: Type.Optional(Type.Object({ size: Type.Integer({ default: 5 }) })),
    lines: Type.Array(line, { default: [] }),
    named: Type.Optional(Type.Record(Type.String(), line)),
    nothing: Type.Union([Type.String(), Type.Null()], { default: null }),
  });
  expect(bind(schema, json({}))).toEqual({ limit: 10, sort: { by: "date" }, lines: [], nothing: null });
  expect(bind(schema, json({ limit: 3, page: {}, lines: [{}, { count: 2 }], named: { a: {} } }))).toEqual({
    limit: 3,
    sort: { by: "date" },
    page: { size: 5 },
    lines: [{ count: 1 }, { count: 2 }],
    named: { a: { count: 1 } },
    nothing: null,
  });
});

test("each call gets its own copy of a default object of the input schema, so calls do not share changes", () => {
  const input = closed(Type.Object({ tags: Type.Array(Type.String(), { default: [] }) })) as unknown as JsonSchema;
  const binder = binderOf(input);
  const tagsOf = () => (binder([json({})]) as { tags: string[] }).tags;
  expect(tagsOf()).not.toBe(tagsOf());
});

test("binding freezes an input deeply and converts -0 in the input to 0", () => {
  const schema = Type.Object({ a: Type.Object({ list: Type.Array(Type.Object({ n: Type.Number() })) }) });
  const bound = bind(schema, json({ a: { list: [{ n: -0 }] } })) as { a: { list: { n: number }[] } };
  expect([bound, bound.a, bound.a.list, bound.a.list[0]].every(Object.isFrozen)).toBe(true);
  expect(Object.is(bound.a.list[0]?.n, 0)).toBe(true);
});

describe("every field error of binding is one readable sentence", () => {
  const shape = Type.Union([
    Type.Object({ kind: Type.Literal("circle"), radius: Type.Number() }),
    Type.Object({ kind: Type.Literal("square"), side: Type.Number() }),
  ]);
  test.each<[string, TSchema, unknown, string]>([
    ["a text shorter than minLength 1", Type.String({ minLength: 1 }), "", "must not be empty"],
    ["a text shorter than minLength", Type.String({ minLength: 3 }), "a", "must be at least 3 characters long"],
    ["a text longer than maxLength", Type.String({ maxLength: 3 }), "abcd", "must be at most 3 characters long"],
    ["a number below minimum", Type.Integer({ minimum: 1 }), 0, "must be at least 1"],
    ["a number above maximum", Type.Integer({ maximum: 1 }), 2, "must be at most 1"],
    ["a number at exclusiveMinimum", Type.Number({ exclusiveMinimum: 0 }), 0, "must be more than 0"],
    ["a number at exclusiveMaximum", Type.Number({ exclusiveMaximum: 0 }), 0, "must be less than 0"],
    ["a number that is not a multipleOf", Type.Integer({ multipleOf: 5 }), 7, "must be a multiple of 5"],
    ["a list shorter than minItems", Type.Array(Type.String(), { minItems: 1 }), [], "must have at least 1 items"],
    ["a list longer than maxItems", Type.Array(Type.String(), { maxItems: 1 }), ["a", "b"], "must have at most 1 items"],
    [
      "a list with equal uniqueItems",
      Type.Array(Type.String(), { uniqueItems: true }),
      ["a", "a"],
      "must not have the same item twice",
    ],
    ["a text of the wrong format", Type.String({ format: "email" }), "x", "must be a valid email"],
    ["a text that does not match a pattern", Type.String({ pattern: "^a$" }), "x", "must match the pattern ^a$"],
    ["a value other than const", Type.Literal("x"), "y", 'must be "x"'],
    [
      "a value of no type in a union",
      Type.Union([Type.String(), Type.Integer(), Type.Null()]),
      {},
      "must be a string, an integer or null",
    ],
    [
      "a word that is not in a union of words",
      Type.Union([Type.Literal("a"), Type.Literal("b")]),
      "c",
      'must be one of "a", "b"',
    ],
    [
      "a union where the value was meant for one branch",
      Type.Union([Type.String({ maxLength: 1 }), Type.Integer()]),
      "ab",
      "must be at most 1 characters long",
    ],
    ["a value for Type.Never", Type.Never(), 1, "does not match its schema"],
    ["a value for a schema that is false", false as never, 1, "is not allowed"],
  ])("the field error for %s is one sentence that names the field", (_name, schema, value, message) => {
    const input = Type.Unsafe({ type: "object", properties: { v: schema } });
    expect(bind(input, json({ v: value }))).toEqual(["invalid_input", `/v ${message}`]);
  });

  test("the field errors for a discriminated union are about the branch that the discriminator field selects", () => {
    expect(bind(Type.Object({ v: shape }), json({ v: { kind: "circle", radius: "1" } }))).toEqual([
      "invalid_input",
      "/v/radius must be a number",
    ]);
  });

  test("the field error for a wrong list item contains the index of the item", () => {
    const list = Type.Array(Type.Union([Type.String({ maxLength: 1 }), Type.Integer({ minimum: 3 })]));
    const values = ["xx", 1, "a", "a", "a", "a", "a", "a", "a", "a", true];
    expect(bind(Type.Object({ list }), json({ list: values }))).toEqual([
      "invalid_input",
      "/list/0 must be at most 1 characters long",
      "/list/1 must be at least 3",
      "/list/10 must be a string or an integer",
    ]);
  });

  test("binding also reports an error in an input field that follows a union of many literals", () => {
    const letters = Type.Union("abcdefghijkl".split("").map((letter) => Type.Literal(letter)));
    expect(bind(Type.Object({ a: letters, b: Type.Integer() }), json({ a: 1, b: "x" }))).toHaveLength(3);
  });
});

test.each(["a", "𝄞", "a𝄞"])(
  "H16: binding refuses a text of %s above its maximum length, and the error contains the path of the text",
  (letters) => {
    const schema = Type.Object({ v: Type.String({ maxLength: 2_000 }), w: Type.Optional(Type.String({ maxLength: 3 })) });
    const message = "must be at most 2000 characters long";
    const of = (count: number) => letters.repeat(Math.ceil(count / [...letters].length));
    expect(bind(schema, json({ v: of(2_000) }))).toEqual({ v: of(2_000) });
    for (const count of [2_001, 10_000]) expect(bind(schema, json({ v: of(count) }))).toEqual(["invalid_input", `/v ${message}`]);
  },
);

test("a caller gets a general error when the schema check of an input fails without a list of errors", () => {
  // A defect of TypeBox: `if` that does not hold beside unevaluatedProperties. Boot refuses such schemas.
  const schema = {
    type: "object",
    properties: { a: { type: "string" } },
    if: { properties: { a: { const: "z" } } },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: {},
    unevaluatedProperties: false,
  };
  expect(bind(Type.Unsafe(schema), json({ a: "x" }))).toEqual(["internal"]);
});

test("the handler does not run for a call with an unknown input field", async () => {
  const handled: unknown[] = [];
  const update = handler({
    description: "Updates.",
    effect: "write",
    input: Type.Object({ name: Type.String() }),
    auth: anyone,
    handle: (input) => void handled.push(input),
  });
  await using app = await bootTest({ handlers: { update } });
  const outcome = await app.as(principal()).send("update", { name: "a", isAdmin: true });
  expect(outcome).toMatchObject({ ok: false, error: { code: "unknown_field", kind: "invalid_input" } });
  expect(handled).toEqual([]);
});
