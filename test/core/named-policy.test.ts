import { can, handler, policy, resource, Type } from "quater";
import { isBootError } from "quater/plugin-api";
import { bootTest, principal } from "quater/testing";
import { describe, expect, test } from "vitest";
import { compilePolicy } from "../../core/model/policy.ts";

const ana = principal({ subject: "ana" });
const bo = principal({ subject: "bo" });

const openNotes = () => {
  const log: string[] = [];
  const notes = resource({
    name: "notes",
    scope: "call",
    open: () => {
      log.push("open");
      return { ownerOf: (id: string) => (id === "n1" ? "ana" : undefined) };
    },
    close: (_, { failed }) => log.push(failed ? "failed" : "closed"),
  });
  return { log, notes };
};

const noteShape = { id: Type.String({ maxLength: 10 }) };
const about = {
  description: "Shows.",
  effect: "read",
  input: Type.Object({ ...noteShape, n: Type.Optional(Type.Integer()) }),
} as const;

const ownershipOf = (notes: ReturnType<typeof openNotes>["notes"]) =>
  policy({
    name: "isOwner",
    needs: noteShape,
    use: { notes },
    allow: ({ input, notes, principal }) => notes.ownerOf(input.id) === principal.subject || "This note is somebody else's",
  });

test("a named policy opens its own resources, and a handler with the same resources gets the opened resources", async () => {
  const { log, notes } = openNotes();
  const auth = ownershipOf(notes);
  const alone = handler({ ...about, auth, handle: ({ id }) => id });
  const sharing = handler({ ...about, auth, use: { book: notes }, handle: ({ id }, { book }) => book.ownerOf(id) ?? "" });
  await using app = await bootTest({ handlers: { alone, sharing } });
  expect(await app.as(ana).call("alone", { id: "n1" })).toMatchObject({ ok: true, value: "n1" });
  expect(await app.as(ana).call("sharing", { id: "n1" })).toMatchObject({ ok: true, value: "ana" });
  expect(log).toEqual(["open", "closed", "open", "closed"]);
  expect(await app.as(bo).call("sharing", { id: "n1" })).toMatchObject({
    ok: false,
    error: { code: "forbidden", message: "This note is somebody else's", refusedBy: "isOwner" },
  });
  expect(log.slice(4)).toEqual(["open", "failed"]);
  expect(app.log.filter(({ message }) => message.includes("refused"))).toMatchObject([
    { message: "sharing was refused by isOwner", fields: { policy: "isOwner" } },
  ]);
});

test("a call opens no resource of the handler when a named policy refuses, even when policy and handler use one name for two resources", async () => {
  const { log, notes } = openNotes();
  const own = resource({ name: "own", scope: "call", open: () => log.push("own"), close: () => undefined });
  const mine = handler({ ...about, auth: [ownershipOf(notes)], use: { notes: own }, handle: (_, { notes }) => typeof notes });
  await using app = await bootTest({ handlers: { mine } });
  await app.as(bo).call("mine", { id: "n1" });
  expect(log).toEqual(["open", "failed"]);
  expect(await app.as(ana).call("mine", { id: "n1" })).toMatchObject({ value: "number" });
});

test("a policy function in a list with a named policy gets the resources of the handler, and a dry run evaluates both policies", async () => {
  const { log, notes } = openNotes();
  const book = resource({ name: "book", scope: "app", open: () => "book", close: () => "anything" });
  const auth = [ownershipOf(notes), ({ book }: { readonly book: string }) => book === "book"] as const;
  const both = handler({ ...about, auth, use: { book }, handle: () => null });
  await using app = await bootTest({ handlers: { both } });
  expect(await app.as(ana).call("both", { id: "n1" })).toMatchObject({ ok: true });
  expect(await app.as(ana).call("both", { id: "n1" }, { dryRun: true })).toMatchObject({
    value: { auth: { by: "isOwner and function" } },
  });
  expect(await app.as(bo).call("both", { id: "n1" }, { dryRun: true })).toMatchObject({ error: { code: "forbidden" } });
  expect(log).toEqual(["open", "closed", "open", "failed", "open", "failed"]);
});

test("when a resource of a named policy fails to open, the call ends with internal and not with forbidden", async () => {
  const broken = resource({ name: "broken", scope: "app", open: () => JSON.parse("{") as string });
  const auth = policy({ name: "isBroken", use: { broken }, allow: () => true });
  await using app = await bootTest({ handlers: { run: handler({ ...about, auth, handle: () => null }) } });
  expect(await app.as(ana).call("run", { id: "n1" })).toMatchObject({ error: { code: "internal", refusedBy: undefined } });
});

test("the name of a compiled policy contains the names of its named policies", () => {
  const isOwner = policy({ name: "isOwner", needs: noteShape, allow: () => true });
  expect(compilePolicy([can("a"), isOwner])).toMatchObject({ name: "can(a) and isOwner", scopes: ["a"], needsInput: true });
  expect(compilePolicy({ any: [isOwner, can("a")] }).name).toBe("isOwner or can(a)");
});

describe("boot checks that a named policy fits the handler's input", () => {
  const problemsOf = async (needs: object, input: unknown, over: object = {}): Promise<string> => {
    const auth = policy({ name: "isOwner", needs, allow: () => true, ...over } as never);
    const run = handler({ ...about, input, auth, handle: () => null } as never);
    try {
      await using _app = await bootTest({ handlers: { run } });
      return "boots";
    } catch (error) {
      if (!isBootError(error)) throw error;
      return error.problems.map(({ cause }) => cause).join("; ");
    }
  };
  const Order = Type.Object({ id: Type.String(), cents: Type.Integer() });
  const doesNotFit = (why: string) => `The handler run has the policy isOwner, which does not fit the handler's input: ${why}`;

  test.each<[string, object, object, string]>([
    ["an equal property", { id: Type.String() }, { id: Type.String({ minLength: 1 }), more: Type.Number() }, "boots"],
    ["a property that the input does not have", { id: Type.String() }, { ID: Type.String() }, doesNotFit("input.id is missing")],
    [
      "a property that is optional in the input",
      { id: Type.String() },
      { id: Type.Optional(Type.String()) },
      doesNotFit("input.id is optional, but the policy always reads this input"),
    ],
    ["a property that is optional on both sides", { id: Type.Optional(Type.String()) }, {}, "boots"],
    ["a property with a default", { n: Type.Integer() }, { n: Type.Integer({ default: 1 }) }, "boots"],
    [
      "a property of another type",
      { id: Type.String() },
      { id: Type.Number() },
      doesNotFit("input.id is number, and the policy expects string"),
    ],
    [
      "an optional property of another type",
      { id: Type.Optional(Type.String()) },
      { id: Type.Number() },
      doesNotFit("input.id is number, and the policy expects string"),
    ],
    ["an integer where a number is needed", { n: Type.Number() }, { n: Type.Integer() }, "boots"],
    [
      "a number where an integer is needed",
      { n: Type.Integer() },
      { n: Type.Number() },
      doesNotFit("input.n is number, and the policy expects integer"),
    ],
    [
      "any value where a text is needed",
      { id: Type.String() },
      { id: Type.Unknown() },
      doesNotFit("input.id is any value, and the policy expects string"),
    ],
    ["an enum with fewer values", { kind: Type.Enum(["a", "b"]) }, { kind: Type.Literal("a") }, "boots"],
    ["an enum where a text is needed", { kind: Type.String() }, { kind: Type.Enum(["a", "b"]) }, "boots"],
    [
      "an enum with more values",
      { kind: Type.Enum(["a"]) },
      { kind: Type.Enum(["a", "b"]) },
      doesNotFit('input.kind may be "b", which the policy does not expect'),
    ],
    [
      "any text where an enum is needed",
      { kind: Type.Enum(["a"]) },
      { kind: Type.String() },
      doesNotFit("input.kind may have other values than the policy expects"),
    ],
    [
      "a union with more types",
      { id: Type.String() },
      { id: Type.Union([Type.String(), Type.Null()]) },
      doesNotFit("input.id is null, and the policy expects string"),
    ],
    ["a union with fewer types", { id: Type.Union([Type.String(), Type.Integer()]) }, { id: Type.Integer() }, "boots"],
    ["an object with more fields", { order: Type.Object({ id: Type.String() }) }, { order: Order }, "boots"],
    [
      "an object with fewer fields",
      { order: Order },
      { order: Type.Object({ id: Type.String() }) },
      doesNotFit("input.order.cents is missing"),
    ],
    [
      "a list with items of another type",
      { ids: Type.Array(Type.String()) },
      { ids: Type.Array(Type.Number()) },
      doesNotFit("input.ids[] is number, and the policy expects string"),
    ],
  ])("boot compares the needs of a named policy with the input schema of the handler: %s", async (_, needs, input, expected) => {
    expect(await problemsOf(needs, Type.Object(input as never))).toBe(expected);
  });

  test("boot compares the needs of a named policy with an input schema that is an intersection", async () => {
    const other = Type.Object({ other: Type.String() });
    expect(await problemsOf({ id: Type.String() }, Type.Intersect([other, Type.Object({ id: Type.String() })]))).toBe("boots");
    expect(await problemsOf({ id: Type.String() }, Type.Intersect([other, Type.Object({ id: Type.Number() })]))).toBe(
      doesNotFit("input.id is number, and the policy expects string"),
    );
  });

  test.each<[string, object, string]>([
    ["no name", { name: undefined }, "The handler run has a policy without a name"],
    ["a name with a line break", { name: "is\nOwner" }, "The handler run has a policy without a name"],
    ["allow that is not a function", { allow: true }, "The handler run has the policy isOwner without an allow function"],
    [
      "a use entry that is not a resource",
      { use: { notes: {} } },
      'The handler run has the policy isOwner, which lists "notes" in use, but the value is not a resource',
    ],
    [
      "a needs entry that is not a schema",
      { needs: { id: "string" } },
      "The handler run has the policy isOwner, whose needs.id is not a schema",
    ],
    ["needs that is a list", { needs: [] }, "The handler run has the policy isOwner, whose needs is not an object of schemas"],
  ])("boot refuses a named policy with %s", async (_, over, expected) => {
    expect(await problemsOf({}, about.input, over)).toBe(expected);
  });
});
