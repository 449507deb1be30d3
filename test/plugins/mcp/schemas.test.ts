// The schemas that tools publish: every provider accepts them, and they accept every input that binding accepts.

import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import fc from "fast-check";
import { anyone, handler, type TSchema, Type } from "quater";
import { mcp } from "quater/mcp";
import { isBootError } from "quater/plugin-api";
import { bootTest, tokens } from "quater/testing";
import { describe, expect, test } from "vitest";
import { binderOf } from "../../../core/pipeline/bind.ts";
import { closed, isPlainObject, type JsonSchema } from "../../../core/schema/schema.ts";
import { schemaProblems } from "../../../core/schema/schema-problems.ts";
import { inputSchemaFor, outputSchemaFor } from "../../../plugins/mcp/offers/schema.ts";
import { rules } from "./provider-rules.ts";
import { samples } from "./schema-samples.ts";
import { people } from "./shop.ts";

const published = (schema: TSchema, choice: "portable" | "any" = "portable"): JsonSchema =>
  inputSchemaFor(closed(schema) as JsonSchema, choice) ?? {};
const field = (v: TSchema) => Type.Object({ v });
const fieldOf = (v: TSchema): unknown => (published(field(v))["properties"] as JsonSchema)["v"];

describe("the schemas of MCP tools obey the rules of model providers", () => {
  test.each(Object.entries(samples))(
    "M8: the MCP tool schema of the sample %s breaks no rule of a model provider",
    (_name, sample) => {
      expect(schemaProblems(sample)).toEqual([]);
      const schema = published(sample);
      expect(rules.flatMap(({ provider, says, breaks }) => breaks(schema).map((at) => `${provider}, ${says}: ${at}`))).toEqual(
        [],
      );
      const output = outputSchemaFor(closed(sample, "output") as JsonSchema, false).schema;
      expect(rules.flatMap(({ provider, says, breaks }) => breaks(output).map((at) => `${provider}, ${says}: ${at}`))).toEqual(
        [],
      );
    },
  );

  const odd = field(Type.Unsafe({ type: "object", properties: { "filter[id]": { type: "string" } } }));
  const old: TSchema = Type.Unsafe({ type: "object", properties: { a: { $ref: "#/$defs/none" } } });
  const empty = field(Type.Unsafe({ type: "string", enum: [] }));
  const raw = [...Object.values(samples), odd, old, empty].map((sample) => published(sample, "any"));
  const unreached = new Set(["input_schema.type: Field required"]); // Quater refuses such an input before.
  test.each(rules.filter(({ says }) => !unreached.has(says)))(
    "M8: a sample schema without the conversion of mcp() breaks the rule of $provider: $says",
    ({ breaks }) => {
      expect(raw.flatMap((schema) => breaks(schema))).not.toEqual([]);
    },
  );
});

describe("mcp() converts schemas to portable forms", () => {
  test.each<[string, TSchema, unknown]>([
    ["a type beside enum", Type.Enum(["a", "b"]), { type: "string", enum: ["a", "b"] }],
    ["an enum for a constant", Type.Literal("a"), { type: "string", enum: ["a"] }],
    ["one enum for literals", Type.Union([Type.Literal("a"), Type.Literal("b")]), { type: "string", enum: ["a", "b"] }],
    ["no enum for true", Type.Literal(true), { type: "boolean", description: "Must be true." }],
    [
      "a branch for each type of a mixed enum",
      Type.Union([Type.Literal("a"), Type.Literal(1), Type.Null()]),
      { anyOf: [{ type: "string", enum: ["a"] }, { type: "integer", enum: [1] }, { type: "null" }] },
    ],
    [
      "additionalProperties for a record",
      Type.Record(Type.String(), Type.Integer()),
      { type: "object", properties: {}, additionalProperties: { type: "integer" } },
    ],
    [
      "the key pattern of a record in words",
      Type.Record(Type.String({ pattern: "^x-" }), Type.Integer(), { description: "Headers" }),
      {
        type: "object",
        properties: {},
        additionalProperties: { type: "integer" },
        description: "Headers. Names of fields match ^x-",
      },
    ],
    [
      "one object for an intersection",
      Type.Intersect([Type.Object({ a: Type.String() }), Type.Object({ b: Type.Optional(Type.Null()) })]),
      {
        type: "object",
        required: ["a"],
        properties: { a: { type: "string" }, b: { type: "null" } },
        additionalProperties: false,
      },
    ],
    ["rules without a keyword in words", Type.String({ format: "uri" }), { type: "string", description: "Format: uri." }],
    [
      "minimum for an exclusive limit",
      Type.Integer({ exclusiveMinimum: 0, multipleOf: 5 }),
      { type: "integer", minimum: 1, description: "Must be a multiple of 5." },
    ],
    ["no list of types", Type.Unsafe({ type: ["string", "null"] }), { anyOf: [{ type: "string" }, { type: "null" }] }],
  ])("M8: the schemas of MCP tools have %s", (_what, schema, expected) => expect(fieldOf(schema)).toEqual(expected));

  test("M8: mcp() publishes an intersection at the root as one object that does not require fields with a default", () => {
    expect(published(samples["intersection"] as TSchema)).toEqual({
      type: "object",
      required: ["id"],
      properties: {
        id: { type: "string", minLength: 2, maxLength: 5 },
        limit: { type: "integer", default: 10 },
        note: { type: "string" },
      },
      additionalProperties: false,
    });
  });

  test("M8: every reference in the schema of an MCP tool leads to a definition at the root, also by $id or path", () => {
    expect(published(samples["references"] as TSchema)).toEqual({
      type: "object",
      properties: {
        home: { $ref: "#/$defs/Address" },
        work: { anyOf: [{ $ref: "#/$defs/Address" }], description: "The office", default: { city: "Bonn" } },
        city: { type: "string", minLength: 1, maxLength: 9 },
        other: { type: "object", properties: { city: { type: "string", maxLength: 9 } }, additionalProperties: false },
      },
      additionalProperties: false,
      $defs: {
        Address: { type: "object", required: ["city"], properties: { city: { type: "string" } }, additionalProperties: false },
      },
    });
    expect(published(samples["shared"] as TSchema)).toMatchObject({
      properties: { others: { items: { $ref: "#/$defs/Author" } } },
      $defs: { Author: { properties: { name: { type: "string" } } } },
    });
  });
});

/** The keywords whose rules the published schema may leave out. Binding still checks them. */
const leftOut = new Set(
  "format pattern multipleOf exclusiveMinimum exclusiveMaximum uniqueItems contains minContains maxContains not if then else propertyNames".split(
    " ",
  ),
);

/** Returns the schema without the rules that the published schema may leave out. */
const loosened = (schema: unknown): unknown => {
  if (Array.isArray(schema)) return schema.map(loosened);
  if (!isPlainObject(schema)) return schema;
  const { prefixItems, items, oneOf, patternProperties, additionalProperties, ...rest } = schema;
  const copy = Object.fromEntries(
    Object.entries(rest).flatMap(([key, part]) => (leftOut.has(key) ? [] : [[key, loosened(part)]])),
  );
  if (prefixItems !== undefined) {
    const parts = [...(prefixItems as unknown[]), ...(items === false ? [] : [items ?? true])].map(loosened);
    return { ...copy, items: { anyOf: parts }, ...(items === false ? { maxItems: (prefixItems as unknown[]).length } : {}) };
  }
  // Gemini accepts no booleans in enum.
  if (typeof copy["const"] === "boolean") copy["const"] = undefined;
  if (listIn(copy["enum"]).some((value) => typeof value === "boolean"))
    copy["enum"] = [...(copy["enum"] as unknown[]), true, false];
  // Each branch of a union may be matched by a value that also matches another branch.
  if (oneOf !== undefined) copy["anyOf"] = loosened(oneOf);
  if (items !== undefined) copy["items"] = loosened(items);
  const patterns = Object.values(Object(patternProperties)).map(loosened);
  const others = [...patterns, ...(additionalProperties === false ? [] : [loosened(additionalProperties ?? true)])];
  if (patterns.length > 0) copy["additionalProperties"] = { anyOf: others };
  else if (additionalProperties !== undefined) copy["additionalProperties"] = loosened(additionalProperties);
  return copy;
};

const ajv = addFormats.default(new Ajv2020({ strict: false, allErrors: false }));

const texts = [
  "",
  "y",
  "a",
  "b",
  "ab",
  "on",
  "circle",
  "card",
  "ABC",
  "a1",
  "2025-06-30",
  "2025-06-30T12:00:00Z",
  "https://a.b/",
  "a@b.co",
];
const numbers = [-2, 0, 0.25, 0.3, 0.5, 1, 1.5, 2, 3, 4, 5, 8, 12];
const fields = "id limit note a b kind radius width height name next all some free x-a n_1 t_1 url file children city home".split(
  " ",
);
const scalars = fc.constantFrom<unknown>(...texts, ...numbers, true, false, null);
const { any } = fc.letrec((tie) => ({
  any: fc.oneof(
    { depthSize: "small", maxDepth: 4 },
    scalars,
    fc.array(tie("any"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...fields), tie("any"), { maxKeys: 4 }),
  ),
}));

type Made = fc.Arbitrary<unknown>;
const listIn = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const tableIn = (value: unknown): [string, unknown][] => Object.entries(Object(value) as object);

/** Returns values of which most match the schema. */
const near = (schema: unknown, root: JsonSchema, depth = 0): Made => {
  if (!isPlainObject(schema) || depth > 6) return any;
  const inner = (part: unknown) => near(part, root, depth + 1);
  const options: Made[] = [];
  const { $ref: ref, type = "properties" in schema ? "object" : undefined } = schema;
  if (typeof ref === "string") options.push(inner(Object(root["$defs"])[ref.slice("#/$defs/".length)]));
  const whole = { ...schema, anyOf: undefined, oneOf: undefined };
  const isWholeRule = type !== undefined;
  const merged = (branch: unknown) =>
    fc.tuple(inner(whole), inner(branch)).map(([a, b]) => (isPlainObject(a) && isPlainObject(b) ? { ...a, ...b } : b));
  for (const branch of [...listIn(schema["anyOf"]), ...listIn(schema["oneOf"])])
    options.push(isWholeRule ? merged(branch) : inner(branch));
  const parts = listIn(schema["allOf"]).map(inner);
  if (parts.length > 0)
    options.push(fc.tuple(...parts).map((all) => (all.every(isPlainObject) ? Object.assign({}, ...all) : all[0])));
  if ("const" in schema) options.push(fc.constant(schema["const"]));
  else if (Array.isArray(schema["enum"])) options.push(fc.constantFrom(...(schema["enum"] as unknown[])));
  else if (options.length === 0) for (const one of [type].flat()) options.push(...ofType(one, schema, inner));
  const usual = options.length === 0 ? any : fc.oneof(...options);
  return fc.oneof({ arbitrary: usual, weight: 100 }, { arbitrary: any, weight: 1 });
};

const ofType = (type: unknown, schema: JsonSchema, inner: (part: unknown) => Made): Made[] => {
  const limits = Object.entries(schema).filter(([key]) => /^(?:pattern|format|multipleOf|(?:exclusive)?m(?:in|ax))/i.test(key));
  const matching = ajv.compile(Object.fromEntries(limits.filter(([key]) => key !== "patternProperties")));
  const mostly = (right: readonly unknown[], wrong: unknown): Made[] => [
    fc.oneof({ arbitrary: fc.constantFrom(...right, wrong), weight: 1 }, { arbitrary: fc.constantFrom(...right), weight: 30 }),
  ];
  if (type === "string")
    return mostly(
      texts.filter((text) => matching(text)),
      "x",
    );
  if (type === "integer" || type === "number") return [fc.constantFrom(...numbers.filter((number) => matching(number)), 7)];
  if (type === "boolean") return [fc.boolean()];
  if (type === "null") return [fc.constant(null)];
  if (type === "array") {
    const first = listIn(schema["prefixItems"]).map(inner);
    const rest = schema["items"] === false ? [] : [inner(schema["items"])];
    const needed = isPlainObject(schema["contains"]) ? [inner(schema["contains"])] : [];
    const usual = fc.tuple(...needed, ...first, ...rest).map((list) => list.slice(0, Number(schema["maxItems"] ?? 9)));
    const odd = fc.array(fc.oneof(...first, ...rest, any), { maxLength: 3 });
    return [fc.oneof({ arbitrary: usual, weight: 9 }, { arbitrary: odd, weight: 1 })];
  }
  if (type !== "object") return [];
  const declared = Object.fromEntries(tableIn(schema["properties"]).map(([name, part]) => [name, inner(part)]));
  const more = tableIn(schema["patternProperties"]).flatMap(([pattern, part]) =>
    [...fields, "7"]
      .filter((name) => new RegExp(pattern, "u").test(name))
      .slice(-2)
      .map((name) => [name, inner(part)] as const),
  );
  if (Number(schema["minProperties"]) > 0) more.push(["some", any]);
  const required = listIn(schema["required"]) as string[];
  const all = { ...Object.fromEntries(more), ...declared };
  const usual = fc.record(all as Record<string, Made>, { requiredKeys: required.filter((name) => Object.hasOwn(all, name)) });
  const odd = fc.record({ ...all, [fields[0] as string]: any, other: any }, { requiredKeys: [] });
  return [fc.oneof({ arbitrary: usual, weight: 30 }, { arbitrary: odd, weight: 1 })];
};

describe("the schema of an MCP tool accepts the inputs that binding accepts", () => {
  test.each(Object.entries(samples))(
    "M8: %s: the schema of the MCP tool accepts every input that binding accepts, and lacks only listed rules",
    (name, sample) => {
      const own = closed(sample) as JsonSchema;
      const bind = binderOf(own);
      const accepts = ajv.compile(published(sample));
      const asItIs = published(sample, "any");
      const loose = ajv.compile(loosened(asItIs) as object);
      const isBound = (value: unknown) => {
        try {
          bind([{ from: "arguments", isText: false, values: structuredClone(value) as never }]);
          return true;
        } catch {
          return false;
        }
      };
      const seen = { bound: 0, accepted: 0 };
      fc.assert(
        fc.property(near(asItIs, asItIs), (value) => {
          if (!isPlainObject(value)) return;
          const isAccepted = accepts(value);
          if (isBound(value)) {
            seen.bound++;
            expect(accepts.errors, JSON.stringify(value)).toBeNull();
          } else if (isAccepted) {
            seen.accepted++;
            if (!widened.has(name)) expect(loose(value), JSON.stringify(value)).toBe(true);
          }
        }),
        { numRuns: 300 },
      );
      if (name !== "conditions") expect(seen.bound).toBeGreaterThan(0);
    },
  );

  /** Samples in which a union of objects is published as one object, because a value may match several branches. */
  const widened = new Set(["rootUnion", "intersections"]);
});

test("M8: an MCP argument that matches several branches of an intersection may have the fields of all branches", () => {
  const union = Type.Union([Type.Object({ a: Type.String() }), Type.Object({ b: Type.String() })]);
  const input = field(Type.Intersect([Type.Object({ id: Type.String() }), union]));
  const values = { v: { id: "1", a: "2", b: "3" } };
  expect(binderOf(closed<unknown>(input) as JsonSchema)([{ from: "arguments", isText: false, values }])).toEqual(values);
  expect(ajv.compile(published(input))(values)).toBe(true);
});

describe("boot refuses schemas that have no portable form", () => {
  const toolFor = (input: TSchema, options: { readonly schemas?: "portable" | "any" } = {}) =>
    bootTest({
      handlers: { find: handler({ description: "Finds.", effect: "read", input, auth: anyone, handle: () => null }) },
      expose: { find: { mcp: true } },
      plugins: [mcp({ authenticate: tokens(people), ...options })],
    });
  const problemsOf = async (input: TSchema) => {
    const error = await toolFor(input).catch((caught: unknown) => caught);
    return isBootError(error) ? error.problems.map(({ cause, remedy }) => `${cause}. ${remedy}`) : error;
  };
  const otherwise = 'set mcp({ schemas: "any" }) if no client uses such a provider';
  const cannot = "find cannot be an MCP tool for all model providers: its input schema has";

  test.each(["filter[id]", "größe", "a b", "x".repeat(65), "a/b"])(
    "M8: boot refuses the property name %j in the input of an MCP tool",
    async (name) => {
      const found = await problemsOf(Type.Object({ list: Type.Array(Type.Object({ [name]: Type.Null() })) }));
      expect(found).toEqual([
        `${cannot} the property ${JSON.stringify(name)} at /properties/list/items/properties/${name.replace("/", "~1")}, ` +
          `and some providers accept only names that match ^[a-zA-Z0-9_.-]{1,64}$. Rename the property, or ${otherwise}`,
      ]);
      await using app = await toolFor(Type.Object({ [name]: Type.Null() }), { schemas: "any" });
      expect(app.catalog.names).toEqual(["find"]);
    },
  );

  test("M8: boot refuses a dynamic reference in the schema of an MCP tool", async () => {
    const input = Type.Object({ a: Type.Unsafe({ $dynamicRef: "#node" }) });
    expect(await problemsOf(input)).toEqual([
      `${cannot} the keyword "$dynamicRef" at /properties/a, which providers do not know. Write "$ref" with a path, such as "#/$defs/Node", or ${otherwise}`,
    ]);
  });

  test("M8: boot refuses an intersection of many unions in the schema of an MCP tool", async () => {
    const union = (name: string) =>
      Type.Union(["a", "b", "c", "d"].map((value) => Type.Object({ [`${name}${value}`]: Type.Literal(value) })));
    const parts = ["f", "g", "h", "i", "j", "k", "l"].map(union);
    const found = await problemsOf(Type.Object({ all: Type.Intersect(parts) }));
    expect(found).toEqual([expect.stringContaining("combines so many unions")]);
  });

  test("M8: with the mcp() option schemas set to any, tools publish the schemas of their handlers unchanged", () => {
    const input = Type.Object({ a: Type.Record(Type.String({ pattern: "^x" }), Type.Literal(1)) });
    expect(published(input, "any")).toEqual({
      type: "object",
      required: ["a"],
      properties: {
        a: { type: "object", patternProperties: { "^x": { type: "number", const: 1 } }, additionalProperties: false },
      },
      additionalProperties: false,
    });
  });
});
