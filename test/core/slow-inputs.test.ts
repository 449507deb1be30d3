// S7: no public input of one megabyte keeps the process busy for long.

import { anyone, handler, type TSchema, Type } from "quater";
import { http, httpRef } from "quater/http";
import { bootTest, principal } from "quater/testing";
import { expect, test } from "vitest";

const mail = "^\\S+@\\S+\\.\\S+$";
const cubic = `${"@.".repeat(249)} `;
const many = (count: number, item: unknown) => Array.from({ length: count }, () => item);
const nested = (depth: number, innermost: unknown, around: (inner: unknown) => unknown) => {
  let value = innermost;
  for (let level = 0; level < depth; level++) value = around(value);
  return value;
};
const Tree = (branches: readonly TSchema[]) => Type.Cyclic({ T: Type.Union([...branches, Type.Null()]) }, "T");
const child = Type.Ref("T");

/** A fast machine checks all texts within the time that patterns have, and says what is wrong with them instead. */
const soonOrTooLong = /too long|match|contain|must/;

const inputs: readonly [string, TSchema, unknown, string | RegExp][] = [
  [
    "a long key of a record with a pattern",
    Type.Record(Type.String({ pattern: mail }), Type.Any()),
    { ["@".repeat(30_000)]: {} },
    "/v/@@@@",
  ],
  [
    "a long key whose value is wrong, too",
    Type.Record(Type.String({ pattern: mail }), Type.Object({})),
    { ["@".repeat(30_000)]: 1 },
    "has a field name of more than 1000 characters",
  ],
  [
    "many keys of a record with a pattern",
    Type.Record(Type.String({ pattern: mail }), Type.Any()),
    Object.fromEntries(Array.from({ length: 900 }, (_, at) => [`${at}${"@.".repeat(245)} `, 1])),
    soonOrTooLong,
  ],
  [
    "a long key against propertyNames",
    Type.Unsafe({ type: "object", additionalProperties: true, propertyNames: { pattern: mail } }),
    { ["@".repeat(30_000)]: 1 },
    "more than 1000 characters",
  ],
  [
    "a long text inside of contains",
    Type.Array(Type.Any(), { contains: Type.String({ pattern: mail }) }),
    ["@".repeat(200_000)],
    "more than 1000 characters",
  ],
  [
    "many texts inside of contains",
    Type.Array(Type.Any(), { contains: Type.String({ pattern: mail }) }),
    many(1_900, cubic),
    soonOrTooLong,
  ],
  ["a long text inside of not", Type.Unsafe({ not: { pattern: mail } }), "@".repeat(200_000), "more than 1000 characters"],
  ["many texts against a slow pattern", Type.Array(Type.String({ pattern: mail })), many(1_900, cubic), soonOrTooLong],
  [
    "many texts against the patterns of a union",
    Type.Array(Type.Union([Type.String({ pattern: mail }), Type.String({ pattern: `^x?${mail.slice(1)}` })])),
    many(1_900, cubic),
    soonOrTooLong,
  ],
  [
    "a text against a pattern of four loops",
    Type.String({ pattern: "^\\S+@\\S+@\\S+@\\S+$" }),
    `${"@".repeat(90)} `,
    "must match",
  ],
  [
    "a text longer than a pattern takes",
    Type.String({ pattern: "^\\S+@\\S+@\\S+@\\S+$" }),
    "@".repeat(1_001),
    "at most 1000 characters",
  ],
  [
    "a deep tree whose branches differ in a constant",
    Tree([
      Type.Object({ child, op: Type.Literal("a") }),
      Type.Object({ child, op: Type.Literal("b") }),
      Type.Object({ child, op: Type.Literal("c") }),
    ]),
    nested(50, 5, (inner) => ({ child: inner, op: "c" })),
    "does not match its schema",
  ],
  [
    "a deep tree whose branches differ only inside",
    Tree([Type.Object({ child, a: Type.Optional(Type.Integer()) }), Type.Object({ child, b: Type.Optional(Type.Integer()) })]),
    nested(50, 5, (inner) => ({ child: inner })),
    "is nested too deeply for its schema",
  ],
  [
    "many unknown fields",
    Type.Object(Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`field${at}withaname`, Type.Optional(Type.Any())]))),
    Object.fromEntries(Array.from({ length: 9_900 }, (_, at) => [`field${at}withanome`, 1])),
    "and 63 more",
  ],
  [
    "many objects that must differ",
    Type.Array(Type.Any(), { uniqueItems: true }),
    many(9_000, { a: 1 }),
    "must not have the same item twice",
  ],
  [
    "many equal texts that must differ",
    Type.Array(Type.Any(), { uniqueItems: true }),
    many(90_000, "t"),
    "must not have the same item twice",
  ],
];

test.each(inputs)("S7: binding refuses an input with %s within a time limit", async (_name, schema, value, sentence) => {
  const take = handler({
    description: "Takes.",
    effect: "write",
    input: Type.Object({ v: schema }),
    auth: anyone,
    handle: () => 1,
  });
  await using app = await bootTest({
    handlers: { take },
    expose: { take: { http: "POST /take", public: true } },
    plugins: [http({ port: 0, maxBodyBytes: 2_000_000 })],
  });
  const begin = process.cpuUsage();
  const answer = await fetch(`${app.services.get(httpRef).baseUrl}/take`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ v: value }),
  });
  const text = await answer.text();
  expect([answer.status, text]).toEqual([422, expect.stringMatching(sentence)]);
  expect(text.length).toBeLessThan(64 * 1024);
  const { user, system } = process.cpuUsage(begin); // processor time, which a busy machine does not make longer
  expect((user + system) / 1_000).toBeLessThan(4_000);
});

const fine: readonly [string, TSchema, unknown][] = [
  [
    "a record of a hundred addresses",
    Type.Record(Type.String({ pattern: mail }), Type.Any()),
    Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`somebody.${at}@department.shop.example`, 1])),
  ],
  [
    "ten thousand addresses",
    Type.Array(Type.String({ pattern: mail })),
    many(10_000, "somebody.with.a.name@department.shop.example"),
  ],
  ["long keys of a record without a pattern", Type.Record(Type.String(), Type.Any()), { ["k".repeat(5_000)]: 1 }],
  [
    "a deep tree with constants",
    Tree([Type.Object({ child, op: Type.Literal("a") }), Type.Object({ child, op: Type.Literal("b") })]),
    nested(50, null, (inner) => ({ child: inner, op: "b" })),
  ],
  [
    "a deep tree of lists and objects",
    Tree([Type.Array(child), Type.Object({ child })]),
    nested(50, null, (inner) => [{ child: inner }]),
  ],
  [
    "a shallow tree whose branches differ only inside",
    Tree([Type.Object({ child }), Type.Object({ child, b: Type.Optional(Type.Integer()) })]),
    nested(10, null, (inner) => ({ child: inner })),
  ],
  [
    "a text of 5,000 characters where maxLength allows it",
    Type.String({ pattern: "^[a-z]+$", maxLength: 5_000 }),
    "a".repeat(5_000),
  ],
];

test.each(fine)("S7: binding accepts an input with %s", async (_name, schema, value) => {
  const take = handler({
    description: "Takes.",
    effect: "write",
    input: Type.Object({ v: schema }),
    auth: anyone,
    handle: () => 1,
  });
  await using app = await bootTest({ handlers: { take } });
  expect(await app.as(principal()).call("take", { v: value })).toMatchObject({ ok: true });
});
