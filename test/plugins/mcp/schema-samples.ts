// Input schemas of all forms that a handler may have, for the tests of the schemas that tools publish.

import { type TSchema, Type } from "quater";
import { z } from "zod";
import { fromForeign } from "../../../core/schema/foreign.ts";

const Node = Type.Object({ name: Type.String(), next: Type.Optional(Type.Ref("Node", { description: "The next node" })) });
const Shape = Type.Union([
  Type.Object({ kind: Type.Literal("circle"), radius: Type.Number({ exclusiveMinimum: 0 }) }),
  Type.Object({ kind: Type.Literal("rect"), width: Type.Number(), height: Type.Optional(Type.Number()) }),
]);

export const samples: Readonly<Record<string, TSchema>> = {
  nothing: Type.Object({}),
  scalars: Type.Object({
    text: Type.String({ minLength: 1, maxLength: 20, description: "A text" }),
    count: Type.Integer({ exclusiveMinimum: 0, exclusiveMaximum: 10, multipleOf: 2 }),
    share: Type.Number({ minimum: 0, exclusiveMaximum: 1, multipleOf: 0.25 }),
    flag: Type.Boolean(),
    none: Type.Null(),
  }),
  texts: Type.Object({
    day: Type.String({ format: "date", description: "The day" }),
    at: Type.String({ format: "date-time" }),
    link: Type.Optional(Type.String({ format: "uri" })),
    code: Type.String({ pattern: "^[A-Z]{3}$" }),
    ahead: Type.String({ pattern: "^(?=.*[0-9])[a-z0-9]+$" }),
    letters: Type.String({ pattern: "^\\p{L}+$" }),
  }),
  enums: Type.Object({
    size: Type.Enum(["small", "large"]),
    raw: Type.Unsafe({ enum: ["a", "", "b"] }),
    mixed: Type.Unsafe({ enum: ["a", 1, 1.5, true, null] }),
    listed: Type.Unsafe({ type: ["string", "null"], enum: ["a", null] }),
  }),
  literals: Type.Object({
    one: Type.Literal("only"),
    yes: Type.Literal(true),
    choice: Type.Union([Type.Literal("a", { description: "The first" }), Type.Literal("b"), Type.Literal(3), Type.Null()]),
    maybe: Type.Optional(Type.Union([Type.Literal("x"), Type.String({ maxLength: 3, pattern: "^y" })], { default: "x" })),
    fixed: Type.Unsafe({ const: { a: [1, "b"], c: null } }),
  }),
  records: Type.Object({
    all: Type.Record(Type.String(), Type.Integer()),
    some: Type.Record(Type.String({ pattern: "^x-[a-z]+$" }), Type.Union([Type.Literal("on"), Type.Literal("off")])),
    free: Type.Record(Type.String(), Type.Any()),
    numbered: Type.Record(Type.Integer(), Type.Array(Type.String(), { uniqueItems: true, maxItems: 3 })),
    named: Type.Unsafe({
      type: "object",
      properties: { id: { type: "string" } },
      patternProperties: { "^n_": { type: "number" }, "^t_": { type: "string" } },
      required: ["id", "n_1"],
    }),
  }),
  intersection: Type.Intersect([
    Type.Object({ id: Type.String({ minLength: 2 }), limit: Type.Integer({ default: 10 }) }),
    Type.Object({ id: Type.String({ maxLength: 5 }), note: Type.Optional(Type.String()) }),
  ]),
  intersections: Type.Object({
    kinds: Type.Intersect([Type.Object({ id: Type.String() }), Shape]),
    overlapping: Type.Intersect([
      Type.Object({ id: Type.String() }),
      Type.Union([Type.Object({ a: Type.String() }), Type.Object({ b: Type.String() })]),
    ]),
    limits: Type.Unsafe({ allOf: [{ type: "integer", minimum: 1 }, { minimum: 3 }, { maximum: 8 }] }),
  }),
  unions: Type.Object({
    shape: Shape,
    maybe: Type.Optional(Type.Union([Type.Null(), Type.Object({ a: Type.Optional(Type.String()) })])),
    id: Type.Union([Type.String(), Type.Integer()], { description: "An id" }),
    one: Type.Unsafe({ oneOf: [{ type: "string" }, { type: "array", items: { type: "string" } }] }),
    wide: Type.Unsafe({ type: ["string", "integer", "null"], minLength: 2, minimum: 5 }),
  }),
  lists: Type.Object({
    pair: Type.Unsafe({ type: "array", prefixItems: [{ type: "string" }, { type: "integer" }], items: false, minItems: 2 }),
    open: Type.Unsafe({ type: "array", prefixItems: [{ type: "string" }], items: { type: "boolean" } }),
    bare: Type.Unsafe({ type: "array", maxItems: 2 }),
    empty: Type.Unsafe({ type: "array", items: false }),
    some: Type.Unsafe({ type: "array", items: { type: "integer" }, contains: { const: 1 } }),
  }),
  anything: Type.Object({
    any: Type.Any(),
    told: Type.Optional(Type.Unknown({ description: "Any value" })),
    bag: Type.Object({}, { additionalProperties: true }),
    sized: Type.Unsafe({ type: "object", minProperties: 1, propertyNames: { pattern: "^[a-z]+$" } }),
    never: Type.Optional(Type.Never()),
    odd: Type.Unsafe({ type: "integer", not: { const: 4 } }),
  }),
  conditions: Type.Unsafe({
    type: "object",
    properties: { a: { type: "boolean" }, b: { type: "string" } },
    additionalProperties: false,
    if: { properties: { a: { const: true } } },
    // biome-ignore lint/suspicious/noThenProperty: this is the keyword of JSON Schema
    then: { required: ["b"] },
  }),
  rootUnion: Type.Unsafe({
    type: "object",
    properties: { id: { type: "string" } },
    anyOf: [
      { properties: { url: { type: "string" } }, required: ["url"] },
      { properties: { file: { type: "string" } }, required: ["file"] },
    ],
  }),
  recursive: Type.Object({ list: Type.Cyclic({ Node }, "Node"), again: Type.Optional(Type.Cyclic({ Node }, "Node")) }),
  recursiveRoot: Type.Unsafe({
    type: "object",
    properties: { name: { type: "string", default: "x" }, children: { type: "array", items: { $ref: "#" } } },
    required: ["name"],
  }),
  references: Type.Unsafe({
    type: "object",
    properties: {
      home: { $ref: "Address" },
      work: { $ref: "#/$defs/Address", description: "The office", default: { city: "Bonn" } },
      city: { $ref: "#/properties/other/properties/city", minLength: 1 },
      other: { type: "object", properties: { city: { type: "string", maxLength: 9 } } },
    },
    $defs: { Address: { $id: "Address", type: "object", properties: { city: { type: "string" } }, required: ["city"] } },
  }),
  shared: Type.Object({
    author: Type.Object({ name: Type.String() }, { $id: "Author" }),
    others: Type.Array(Type.Unsafe({ $ref: "Author" })),
  }),
  nested: Type.Object({
    page: Type.Object(
      { size: Type.Integer({ default: 20 }), sort: Type.Enum(["up", "down"], { default: "up" }) },
      { default: {} },
    ),
    rows: Type.Array(Type.Object({ id: Type.Integer(), tag: Type.String({ default: "none" }) })),
  }),
  zod: fromForeign(
    z.object({
      from: z.iso.date(),
      nights: z.int().min(1).default(1),
      room: z.enum(["single", "double"]),
      guest: z.object({ name: z.string().nullable(), email: z.email().optional() }),
      extras: z.record(z.string(), z.union([z.literal("on"), z.number().positive()])),
      pay: z.discriminatedUnion("by", [
        z.object({ by: z.literal("card"), number: z.string() }),
        z.object({ by: z.literal("cash") }),
      ]),
      pair: z.tuple([z.string(), z.number()]),
    }),
    "input",
  ),
};
