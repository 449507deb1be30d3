import { secret, type TSchema, Type } from "quater";
import { describe, expect, test } from "vitest";
import { closed, hasSecret, masked, requiredOf } from "../../core/schema/schema.ts";
import { schemaProblems } from "../../core/schema/schema-problems.ts";

const cannotClose = "but no additionalProperties, so Quater cannot refuse unknown fields";

test.each<[string, unknown, string]>([
  ["a text in place of a schema", "x", "the root is not a JSON Schema"],
  [
    "a property that is not a schema",
    Type.Unsafe({ type: "object", properties: { a: 5 } }),
    "/properties/a is not a JSON Schema",
  ],
  [
    "Type.Tuple",
    Type.Object({ t: Type.Tuple([Type.String()]) }),
    "/properties/t is a Type.Tuple, which does not write JSON Schema 2020-12",
  ],
  ["Type.BigInt", Type.Object({ n: Type.BigInt() }), '/properties/n has the unknown type "bigint"'],
  ["Type.Undefined", Type.Undefined(), 'the root has the unknown type "undefined"'],
  [
    "an unknown format",
    Type.Object({ s: Type.String({ format: "phone" as "email" }) }),
    '/properties/s has the format "phone", which Quater does not check',
  ],
  [
    "a reference to another document",
    Type.Unsafe({ $ref: "https://example.com/s.json" }),
    "the root refers to https://example.com/s.json, which is outside the schema",
  ],
  [
    "a reference to a missing definition",
    Type.Object({ a: Type.Ref("Order") }),
    "/properties/a refers to Order, which the schema does not define",
  ],
  [
    "a JSON pointer to a missing place",
    Type.Object({ a: Type.Unsafe({ $ref: "#/$defs/Order" }) }),
    "/properties/a refers to #/$defs/Order, which the schema does not define",
  ],
  ["a malformed pattern", Type.String({ pattern: "(" }), "the root has a pattern that is not a regular expression: ("],
  [
    "a pattern that repeats a group",
    Type.String({ pattern: "(a)\\1$" }),
    "the root has a pattern with a backreference, which Quater does not support: (a)\\1$",
  ],
  [
    "a pattern of keys with a backreference",
    Type.Record(Type.String({ pattern: "^(a|b)\\1$" }), Type.String()),
    "the root has a pattern with a backreference, which Quater does not support: ^(a|b)\\1$",
  ],
  ["the keyword if", Type.Unsafe({ type: "object", properties: {}, if: {} }), `the root has "if" ${cannotClose}`],
  ["the keyword not", Type.Object({}, { not: { required: ["a", "b"] } }), `the root has "not" ${cannotClose}`],
  [
    "the keyword not in one part of an intersection",
    Type.Intersect([Type.Object({}), Type.Unsafe({ not: { required: ["a"] } })]),
    `the root has "not" ${cannotClose}`,
  ],
  [
    "a referenced part of an intersection",
    Type.Unsafe({ allOf: [{ properties: {} }, { $ref: "#/$defs/B" }], $defs: { B: Type.Object({}) } }),
    "the root combines a $ref with other properties, so Quater cannot refuse unknown fields",
  ],
  [
    "a limit that is not a number",
    Type.Unsafe({ type: "string", maxLength: "5" }),
    'the root has a "maxLength" that is not a whole number of at least 0',
  ],
  [
    "a misspelt limit, which would not hold,",
    Type.Object({ name: Type.String({ maxLenght: 5 }) }),
    '/properties/name has the keyword "maxLenght", which JSON Schema does not define',
  ],
  [
    "a misspelt additionalProperties",
    Type.Unsafe({ type: "object", properties: {}, additionalProperites: false }),
    'the root has the keyword "additionalProperites", which JSON Schema does not define',
  ],
  [
    "a keyword that JSON Schema does not have",
    Type.Array(Type.Integer({ widget: "slider" })),
    '/items has the keyword "widget", which JSON Schema does not define',
  ],
  [
    "a required that is not a list",
    Type.Unsafe({ type: "object", required: true }),
    'the root has a "required" that is not a list of names',
  ],
  [
    "a codec of TypeBox",
    Type.Object({ at: Type.Decode(Type.String(), (text) => new Date(text)) }),
    "/properties/at has a codec, which Quater does not run",
  ],
])("boot refuses %s in a schema", (_name, schema, cause) =>
  expect(schemaProblems(schema)).toEqual([{ cause, remedy: expect.stringMatching(/^[A-Z]/) }]),
);

test.each<[string, unknown]>([
  [
    "every plain type",
    Type.Object({ a: Type.String(), b: Type.Integer(), c: Type.Array(Type.Number()), d: Type.Null(), e: Type.Boolean() }),
  ],
  ["unions, literals, enums", Type.Object({ u: Type.Union([Type.Literal("a"), Type.Integer()]), e: Type.Enum(["x", "y"]) })],
  ["intersections and records", Type.Intersect([Type.Object({ a: Type.String() }), Type.Record(Type.String(), Type.String())])],
  ["known formats", Type.Object({ a: Type.String({ format: "email" }), b: Type.String({ format: "uuid" }) })],
  ["references inside of the schema", Type.Cyclic({ Node: Type.Object({ next: Type.Optional(Type.Ref("Node")) }) }, "Node")],
  ["not beside its own unevaluatedProperties", Type.Object({}, { not: { required: ["a"] }, additionalProperties: false })],
  [
    "annotations and own keywords that begin with x-",
    Type.String({ title: "t", description: "d", examples: ["e"], default: "", $comment: "c", "x-widget": "area" }),
  ],
  ["tuples in the form of JSON Schema 2020-12", Type.Unsafe({ type: "array", prefixItems: [{ type: "string" }], items: false })],
])("boot accepts %s in a schema", (_name, schema) => expect(schemaProblems(schema)).toEqual([]));

test.each([
  "^[a-z]+(-[a-z]+)*$", // slug
  "^[a-z]+(\\.[a-z]+)*$", // dotted name
  "^(0|[1-9]\\d*)\\.(0|[1-9]\\d*)\\.(0|[1-9]\\d*)(?:-((?:0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\\.(?:0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(?:\\+([0-9a-zA-Z-]+(?:\\.[0-9a-zA-Z-]+)*))?$", // semver.org
  "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
  "^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$", // host name
  "^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$",
  "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$", // base64
  "^((25[0-5]|2[0-4]\\d|1?\\d?\\d)\\.){3}(25[0-5]|2[0-4]\\d|1?\\d?\\d)$",
  "^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$",
  "^\\+?[1-9]\\d{1,14}$",
  "^(\\d{1,3})(,\\d{3})*$",
  "^(EUR|USD)$",
  "^#([0-9a-f]{3}|[0-9a-f]{6})$",
  "^([A-Z][a-z]+ )*[A-Z][a-z]+$",
  "^/(?:[^/]+/)*[^/]*$",
  "^ord_[0-9]+$",
  "^.{1,2000}$",
  "^(a|b)*$",
  "^\\p{L}+$",
  "^[^\\x00-\\x1f]+$",
])("boot accepts the pattern %s in a schema", (pattern) => expect(schemaProblems(Type.String({ pattern }))).toEqual([]));

test("Type.Optional keeps a field optional inside and outside of secret(), personal() and similar marks", () => {
  const schema = Type.Object({
    a: secret(Type.Optional(Type.String())),
    b: Type.Optional(secret(Type.String())),
    c: secret(Type.String()),
  });
  expect(requiredOf(schema)).toEqual(["c"]);
  expect(Object.values(schema.properties).map((property) => hasSecret(property))).toEqual([true, true, true]);
});

test("Quater does not close the objects inside `if` and `not` schemas", () => {
  const asked = { properties: { a: { const: 1 } } };
  const schema = closed({
    type: "object",
    properties: { a: {}, b: {} },
    additionalProperties: false,
    not: asked,
    if: asked,
    dependentSchemas: { b: asked },
  });
  expect([schema.not, schema.if, schema.dependentSchemas.b]).toEqual([asked, asked, asked]);
});

describe("masked() hides secrets wherever the schema has them", () => {
  const key = secret(Type.String());
  const shown = JSON.stringify;
  test.each<[string, TSchema, unknown]>([
    ["at the top", key, "s3cret"],
    ["as a property", Type.Object({ key }), { key: "s3cret" }],
    ["that is an object", Type.Object({ key: secret(Type.Object({ a: Type.String() })) }), { key: { a: "s3cret" } }],
    ["nested", Type.Object({ a: Type.Object({ b: Type.Object({ key }) }) }), { a: { b: { key: "s3cret" } } }],
    ["in a list", Type.Object({ keys: Type.Array(key) }), { keys: ["s3cret", "s3cret"] }],
    ["in objects of a list", Type.Array(Type.Object({ key })), [{ key: "s3cret" }]],
    ["in a fixed place of a list", Type.Unsafe({ type: "array", prefixItems: [Type.String(), key] }), ["a", "s3cret"]],
    ["in a union", Type.Object({ v: Type.Union([Type.Integer(), Type.Object({ key })]) }), { v: { key: "s3cret" } }],
    ["that is a branch of a union", Type.Object({ v: Type.Union([Type.Integer(), key]) }), { v: "s3cret" }],
    ["in an intersection", Type.Intersect([Type.Object({ a: Type.String() }), Type.Object({ key })]), { a: "a", key: "s3cret" }],
    ["in a record", Type.Object({ r: Type.Record(Type.String(), key) }), { r: { a: "s3cret" } }],
    ["in additional properties", Type.Object({}, { additionalProperties: key }), { a: "s3cret" }],
    ["by pointer", Type.Unsafe({ type: "object", properties: { v: { $ref: "#/$defs/K" } }, $defs: { K: key } }), { v: "s3cret" }],
    [
      "by name, in a circle",
      Type.Cyclic({ N: Type.Object({ key, n: Type.Optional(Type.Ref("N")) }) }, "N"),
      { key: "s3cret", n: { key: "s3cret" } },
    ],
    ["behind a part that refers in a circle", Type.Unsafe({ allOf: [{ $ref: "#" }, Type.Object({ key })] }), { key: "s3cret" }],
    ["in a branch by condition", Type.Unsafe({ type: "object", else: Type.Object({ key }) }), { key: "s3cret" }],
  ])("masked() hides a secret field %s", (_name, schema, value) => {
    expect(shown(value)).toContain("s3cret");
    const seen = shown(masked(schema, value));
    expect(seen).not.toContain("s3cret");
    expect(seen).toContain("[secret]");
  });

  test("masked() does not change fields that are not secret", () => {
    expect(masked(Type.Object({ key, name: Type.String() }), { key: "x", name: "Ana" })).toEqual({
      key: "[secret]",
      name: "Ana",
    });
    expect(masked(Type.Object({ key: Type.Optional(key) }), {})).toEqual({});
    const plain = { a: [1] };
    expect(masked(Type.Object({ a: Type.Array(Type.Integer()) }), plain)).toBe(plain);
  });

  test("hasSecret finds a secret field in a schema that a $ref names", () => {
    const root = Type.Unsafe({ type: "object", properties: { v: { $ref: "#/$defs/K" } }, $defs: { K: key } });
    expect(hasSecret({ $ref: "#/$defs/K" }, root)).toBe(true);
  });
});
