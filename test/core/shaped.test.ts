// `shaped()`: values of a database as output. Refusal stays the default.

import { anyone, type Handler, handler, secret, shaped, stream, type TSchema, Type } from "quater";
import { bootTest, principal } from "quater/testing";
import { describe, expect, test } from "vitest";

const about = { description: "Lists.", effect: "read", input: Type.Object({}), auth: anyone } as const;
const returning = (output: TSchema, value: unknown): Handler =>
  handler({ ...about, output, handle: () => value as never }) as Handler;

/** The value that leaves, or what the log says. */
const leaves = async (output: TSchema, value: unknown): Promise<unknown> => {
  await using app = await bootTest({ handlers: { list: returning(output, value) } });
  const outcome = await app.as(principal()).send("list");
  if (outcome.ok) return outcome.value;
  expect(outcome.error.code).toBe("internal");
  return (
    String(app.log.at(-1)?.fields["error"])
      .split("\n")
      .find((line) => line.includes("does not match")) ?? app.log
  );
};

const when = Type.String({ format: "date-time" });
const Row = Type.Object({ id: Type.Integer(), name: Type.String(), at: when, note: Type.Optional(Type.String()) });
const at = new Date("2026-01-02T03:04:05.678Z");
class Entity {
  id = 7n;
  name = "Ana";
  at = at;
  #hidden = 1;
  get hidden() {
    return this.#hidden;
  }
  toJSON() {
    return { everything: true };
  }
}

describe("H5: handlers return database rows as shaped outputs", () => {
  const row = { id: 7n, name: "Ana", at, password: "hunter2", note: undefined };
  const made = { id: 7, name: "Ana", at: "2026-01-02T03:04:05.678Z" };

  test("H5: without shaped(), the gate refuses a database row with a Date and undeclared fields", async () => {
    expect(await leaves(Row, row)).toContain("/at must be a string");
    expect(await leaves(Row, { ...made, password: "x" })).toContain("/password is not a known field");
  });

  test("H5: shaped() returns only the declared fields of a database row", async () => {
    expect(await leaves(shaped(Row), row)).toEqual(made);
    expect(await leaves(shaped(Row), new Entity())).toEqual(made);
    expect(await leaves(shaped(Row), Object.assign(Object.create(null), row))).toEqual(made);
    expect(await leaves(shaped(Type.Array(Row)), [row, row])).toEqual([made, made]);
  });

  test("H5: shaped() removes undeclared fields from each item of a stream, and converts each item", async () => {
    const list = handler({
      ...about,
      output: stream(shaped(Row)),
      async *handle() {
        yield { id: 7n, name: "Ana", at };
      },
    });
    await using app = await bootTest({ handlers: { list } });
    const outcome = await app.as(principal()).call("list");
    const items: unknown[] = [];
    for await (const item of (outcome as { value: AsyncIterable<unknown> }).value) items.push(item);
    expect(items).toEqual([made]);
  });

  test("H5: shaped() does not change the object that the handler returned", async () => {
    const mine = { ...row };
    await leaves(shaped(Row), mine);
    expect(mine).toEqual(row);
  });
});

describe("H5: shaped() converts values to the types of the schema", () => {
  const big = 2n ** 60n;
  test.each<[string, TSchema, unknown, unknown]>([
    ["a bigint to a text", Type.String(), big, String(big)],
    ["a bigint to an integer", Type.Integer(), 5n, 5],
    ["a bigint to a number", Type.Number(), -5n, -5],
    ["0 and 1 to booleans", Type.Array(Type.Boolean()), [0, 1, 0n, 1n, true], [false, true, false, true, true]],
    ["1 to a boolean or null", Type.Union([Type.Boolean(), Type.Null()]), 1, true],
    ["no 1 to a boolean where a number may stand", Type.Union([Type.Boolean(), Type.Integer()]), 1, 1],
    ["a Date or null", Type.Union([when, Type.Null()]), at, at.toISOString()],
    ["null for a Date", Type.Union([when, Type.Null()]), null, null],
    ["a bigint or null", Type.Union([Type.Null(), Type.Integer()]), 5n, 5],
    ["a Date by reference", Type.Unsafe({ $ref: "#/$defs/When", $defs: { When: when } }), at, at.toISOString()],
    [
      "values of a record",
      Type.Record(Type.String(), Row),
      { a: { id: 1n, name: "x", at, z: 1 } },
      { a: { id: 1, name: "x", at: at.toISOString() } },
    ],
    [
      "parts of an intersection",
      Type.Intersect([Type.Object({ a: Type.Integer() }), Type.Object({ b: when })]),
      { a: 1n, b: at, c: 1 },
      { a: 1, b: at.toISOString() },
    ],
    [
      "a tuple",
      Type.Unsafe({ type: "array", prefixItems: [{ type: "integer" }, when], items: false }),
      [1n, at],
      [1, at.toISOString()],
    ],
    [
      "fields that any schema may have",
      Type.Object({ a: Type.Integer() }, { additionalProperties: Type.Integer() }),
      { a: 1n, b: 2n },
      { a: 1, b: 2 },
    ],
    [
      "a recursive value",
      Type.Cyclic({ N: Type.Object({ n: Type.Integer(), next: Type.Optional(Type.Ref("N")) }) }, "N"),
      { n: 1n, x: 1, next: { n: 2n, x: 2 } },
      { n: 1, next: { n: 2 } },
    ],
    ["a field named __proto__", Type.Object({ a: Type.Integer() }), JSON.parse('{"a":1,"__proto__":{"b":1}}'), { a: 1 }],
  ])("H5: shaped() converts %s", async (_name, schema, value, expected) =>
    expect(await leaves(shaped(schema), value)).toEqual(expected),
  );

  test.each<[string, TSchema, unknown, string]>([
    ["a bigint beyond 2^53 for an integer", Type.Integer(), big, "/v must be an integer"],
    ["a Date for a text of another format", Type.String({ format: "date" }), at, "/v must be a string"],
    ["2 for a boolean", Type.Boolean(), 2, "/v must be true or false"],
    ["a Date for a plain text", Type.String(), at, "/v must be a string"],
    ["an invalid Date", when, new Date(Number.NaN), "/v must be a string"],
    [
      "a Map",
      Type.Record(Type.String(), Type.Integer()),
      new Map([["a", 1]]),
      "/v is object Map and must be an object with fields",
    ],
    ["a missing field", Row, { id: 1, name: "x" }, "/v/at is required"],
    ["a wrong value", Row, { id: "1", name: "x", at }, "/v/id must be an integer"],
  ])("H5: shaped() refuses %s, and the error contains the path of the value", async (_name, schema, v, said) =>
    expect(await leaves(shaped(Type.Object({ v: schema })), { v })).toContain(`does not match its schema: ${said}`),
  );

  test("H5: shaped() refuses a Date where the schema accepts any value", async () => {
    await using app = await bootTest({ handlers: { list: returning(shaped(Type.Object({ v: Type.Any() })), { v: at }) } });
    expect(await app.as(principal()).send("list")).toMatchObject({ error: { code: "internal" } });
    expect(String(app.log.at(-1)?.fields["error"])).toContain("cannot be sent as JSON: the value contains a Date");
  });

  test("H5: shaped() refuses a value that contains itself", async () => {
    const round: Record<string, unknown> = { n: 1 };
    round["next"] = round;
    const node = Type.Cyclic({ N: Type.Object({ n: Type.Integer(), next: Type.Optional(Type.Ref("N")) }) }, "N");
    await using app = await bootTest({ handlers: { list: returning(shaped(node), round) } });
    expect(await app.as(principal()).send("list")).toMatchObject({ error: { code: "internal" } });
    expect(String(app.log.at(-1)?.fields["error"])).toContain("the value contains itself or is nested too deeply");
  });
});

describe("H5: shaped() selects a branch of a union", () => {
  const card = Type.Object({ kind: Type.Literal("card"), last4: Type.String() });
  const bank = Type.Object({ kind: Type.Literal("bank"), iban: Type.String() });
  const byKind = Type.Union([card, bank]);
  const byFields = Type.Union([Type.Object({ name: Type.String() }), Type.Object({ email: Type.String() })]);
  test.each<[string, TSchema, unknown, unknown]>([
    [
      "the fields of the union branch that the kind names",
      byKind,
      { kind: "card", last4: "1234", iban: "DE1", number: "4111" },
      { kind: "card", last4: "1234" },
    ],
    ["the fields of the only union branch that fits", byFields, { email: "a@b", password: "x" }, { email: "a@b" }],
    [
      "the fields of a union branch for each item of a list",
      Type.Array(byFields),
      [{ name: "a", x: 1 }, { email: "b" }],
      [{ name: "a" }, { email: "b" }],
    ],
    [
      "the fields of an object and of the union beside them",
      Type.Object({ id: Type.Integer() }, { anyOf: [card, bank] }),
      { id: 1n, kind: "bank", iban: "DE", z: 1 },
      { id: 1, kind: "bank", iban: "DE" },
    ],
    [
      "a list in a union of list and null",
      Type.Union([Type.Null(), Type.Array(Type.Object({ a: Type.Integer() }))]),
      [{ a: 1n, b: 2 }],
      [{ a: 1 }],
    ],
  ])("H5: shaped() returns the fields of the matching union branch: %s", async (_name, schema, v, expected) =>
    expect(await leaves(shaped(Type.Object({ v: schema })), { v })).toEqual({ v: expected }),
  );

  test.each<[string, TSchema, unknown, string]>([
    ["no branch", byFields, { phone: "1" }, "/v does not match any of the allowed shapes"],
    ["no kind", byKind, { kind: "cash" }, '/v/kind must be one of "card", "bank"'],
    ["several branches", byFields, { name: "a", email: "b" }, "/v matches 2 branches of a union and must match exactly one"],
    [
      "several branches of a scalar",
      Type.Union([Type.String(), Type.Integer()]),
      5n,
      "/v matches 2 branches of a union and must match exactly one",
    ],
    ["a branch whose own field is wrong", byKind, { kind: "card", last4: 5 }, "/v/last4 must be a string"],
  ])("H5: shaped() refuses a value that fits %s, and the error contains the path of the value", async (_name, schema, v, said) =>
    expect(await leaves(shaped(Type.Object({ v: schema })), { v })).toContain(`does not match its schema: ${said}`),
  );
});

describe("H5: boot checks secret fields in shaped outputs", () => {
  const Account = Type.Object({ id: Type.Integer(), token: secret(Type.String()) });
  test("H5: a handler whose shaped output has a secret field needs reveal: true", async () => {
    const booting = bootTest({ handlers: { list: returning(shaped(Account), {}) } });
    await expect(booting).rejects.toThrow("list has a secret() field in its output");
    const list = handler({ ...about, output: shaped(Account), reveal: true, handle: () => ({ id: 1n, token: "t" }) });
    await using app = await bootTest({ handlers: { list } });
    expect(await app.as(principal()).call("list")).toMatchObject({ ok: true, value: { id: 1, token: "t" } });
  });

  test.each<[string, Handler]>([
    ["an input", handler({ ...about, input: shaped(Type.Object({})), handle: () => null }) as Handler],
    ["a part of an output", returning(Type.Array(shaped(Account)), [])],
  ])("H5: boot refuses a handler with shaped() around %s", async (_name, list) =>
    expect(bootTest({ handlers: { list } })).rejects.toThrow("uses shaped() inside another schema or in an input"),
  );
});

test("H5: a write whose shaped output fits several union branches ends with output_undelivered", async () => {
  const output = shaped(Type.Union([Type.Object({ a: Type.Null() }), Type.Object({ b: Type.Null() })]));
  const write = handler({ ...about, effect: "write", output, handle: () => ({ a: null, b: null }) });
  await using app = await bootTest({ handlers: { write } });
  expect(await app.as(principal()).call("write")).toMatchObject({ error: { code: "output_undelivered" } });
});
