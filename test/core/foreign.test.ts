// Schemas of other libraries as input and output. Quater binds by their JSON Schema; their own check runs afterwards and changes nothing.

import { anyone, handler, policy, stream, type TSchema, Type } from "quater";
import { cli } from "quater/cli";
import { http } from "quater/http";
import { mcp } from "quater/mcp";
import { definePlugin, digestOf } from "quater/plugin-api";
import { bootTest, principal, tokens } from "quater/testing";
import { describe, expect, test } from "vitest";
import { z } from "zod";

const about = { description: "Orders.", effect: "read", auth: anyone } as const;
const Order = z
  .object({ id: z.string().min(2), count: z.number().int().default(1), note: z.string().optional() })
  .refine(({ count }) => count < 5, { path: ["count"], error: "must be small" });
const order = handler({
  ...about,
  input: Order,
  output: z.object({ id: z.string(), count: z.int() }),
  handle: ({ id, count }) => ({ id, count }),
});

describe("a handler can have an input schema of Zod", () => {
  test("every surface binds and checks an input with a Zod schema, and the refinements of the schema run after the check", async () => {
    const authenticate = tokens({ key: principal() });
    await using app = await bootTest({
      handlers: { order },
      expose: { order: { http: "GET /orders/:id", mcp: true, cli: true } },
      plugins: [http({ port: 0, authenticate }), mcp({ authenticate }), cli({ authenticate })],
    });
    const ask = async (input: Record<string, unknown>) => {
      const text = Object.fromEntries(Object.entries(input).map(([name, value]) => [name, String(value)]));
      const answers = {
        ...(await app.acrossSurfaces({ handler: "order", input: { text }, token: "key" }, ["http", "cli"])),
        ...(await app.acrossSurfaces({ handler: "order", input: { json: JSON.stringify(input) }, token: "key" }, ["mcp"])),
      };
      expect(Object.keys(answers).sort()).toEqual(["cli", "http", "mcp"]);
      for (const answer of Object.values(answers)) expect(answer).toEqual(answers["http"]);
      return answers["http"];
    };
    const refused = (path: string, message: string, code = "invalid_input") => ({
      ok: false,
      code,
      message: `${path} ${message}`,
      errors: [{ path, message }],
    });
    expect(await ask({ id: "o7" })).toEqual({ ok: true, value: { id: "o7", count: 1 } });
    expect(await ask({ id: "o7", count: 4 })).toEqual({ ok: true, value: { id: "o7", count: 4 } });
    expect(await ask({ id: "o7", count: 5 })).toEqual(refused("/count", "must be small"));
    expect(await ask({ id: "o" })).toEqual(refused("/id", "must be at least 2 characters long"));
    expect(await ask({ id: "o7", coutn: 2 })).toEqual(
      refused("/coutn", 'is not a known field; did you mean "count"?', "unknown_field"),
    );
  });

  test("an input schema of Zod may have asynchronous refinements", async () => {
    const input = z
      .object({ id: z.string() })
      .refine(async ({ id }) => Promise.resolve(id !== "taken"), { path: ["id"], error: "is taken" });
    const take = handler({ ...about, input, handle: ({ id }) => id });
    await using app = await bootTest({ handlers: { take } });
    const ana = app.as(principal());
    expect(await ana.call("take", { id: "free" })).toMatchObject({ ok: true, value: "free" });
    expect(await ana.call("take", { id: "taken" })).toMatchObject({ error: { errors: [{ path: "/id", message: "is taken" }] } });
    expect(await ana.call("take", { id: "taken" }, { dryRun: true })).toMatchObject({ error: { code: "invalid_input" } });
  });

  test.each<[string, z.ZodType]>([
    ["trims", z.object({ name: z.string().trim() })],
    ["makes another type", z.object({ name: z.string().transform((text) => text.length) })],
    ["adds a field", z.object({ name: z.string() }).transform((value) => ({ ...value, more: 1 }))],
    ["makes a Date", z.object({ name: z.string().transform(() => new Date(0)) })],
  ])("a call ends with internal and the handler does not run when the Zod schema of its input %s", async (_name, input) => {
    const ran: unknown[] = [];
    const change = handler({ ...about, input, handle: (given) => void ran.push(given) });
    await using app = await bootTest({ handlers: { change } });
    expect(await app.as(principal()).send("change", { name: " a " })).toMatchObject({ error: { code: "internal" } });
    expect(ran).toEqual([]);
    expect(String(app.log.at(-1)?.fields["error"])).toContain("The input of change was changed by its schema of zod");
  });

  test("a call has the same digest with a Zod schema as with an equal JSON Schema", async () => {
    const digests: string[] = [];
    const look = definePlugin(() => ({ name: "look", hooks: { authorize: (call) => digests.push(digestOf(call)) > 0 } }));
    const same = handler({
      ...about,
      input: Type.Object({ id: Type.String({ minLength: 2 }), count: Type.Integer({ default: 1 }) }),
      handle: () => null,
    });
    for (const one of [order, same]) {
      await using app = await bootTest({ handlers: { order: one as typeof same }, plugins: [look()] });
      await app.as(principal()).send("order", { id: "o7" });
    }
    expect(digests).toHaveLength(2);
    expect(digests[0]).toBe(digests[1]);
  });

  test("the gate checks a returned value and each item of a stream with an output schema of Zod", async () => {
    const Item = z.object({ n: z.int() }).refine(({ n }) => n < 2, { path: ["n"], error: "must be small" });
    const read = handler({ ...about, input: z.object({ n: z.int() }), output: Item, handle: ({ n }) => ({ n }) });
    const list = handler({
      ...about,
      input: z.object({}),
      output: stream(Item),
      async *handle() {
        yield { n: 1 };
        yield { n: 2 };
      },
    });
    await using app = await bootTest({ handlers: { read, list } });
    const ana = app.as(principal());
    expect(await ana.call("read", { n: 1 })).toMatchObject({ ok: true, value: { n: 1 } });
    expect(await ana.call("read", { n: 2 })).toMatchObject({ error: { code: "internal" } });
    expect(String(app.log.at(-1)?.fields["error"])).toContain("The output of read does not match its schema: /n must be small");
    const outcome = await ana.call("list", {});
    const items: unknown[] = [];
    const reading = async () => {
      for await (const item of (outcome as { value: AsyncIterable<unknown> }).value) items.push(item);
    };
    await expect(reading()).rejects.toMatchObject({ code: "internal" });
    expect(items).toEqual([{ n: 1 }]);
  });

  test("a write whose output fails an asynchronous refinement ends with output_undelivered", async () => {
    const output = z
      .object({ n: z.int() })
      .refine(async ({ n }) => Promise.resolve(n < 2), { path: ["n"], error: "must be small" });
    const write = handler({ ...about, effect: "write", input: z.object({ n: z.int() }), output, handle: ({ n }) => ({ n }) });
    await using app = await bootTest({ handlers: { write } });
    expect(await app.as(principal()).call("write", { n: 1 })).toMatchObject({ ok: true });
    expect(await app.as(principal()).call("write", { n: 2 })).toMatchObject({ error: { code: "output_undelivered" } });
  });
});

describe("boot accepts and refuses schemas of other libraries", () => {
  const old = (vendor: string) => ({ "~standard": { version: 1 as const, vendor, validate: () => ({ value: {} }) } });
  const odd = {
    "~standard": {
      version: 1 as const,
      vendor: "odd",
      jsonSchema: { input: () => ({ type: "object", properties: { a: { type: "string", sparkle: 1 } } }), output: () => ({}) },
    },
  };
  const problemOf = async (input: unknown) => {
    const wrong = handler({ ...about, input: input as TSchema, handle: () => null });
    return bootTest({ handlers: { wrong } }).then(
      () => "",
      (error: Error) => error.message.replace("quater.config.ts: The handler wrong has an input schema in which ", ""),
    );
  };
  test.each<[string, unknown, string]>([
    [
      "Zod without Standard JSON Schema",
      old("zod"),
      "the root is a schema of zod that does not support Standard JSON Schema. Update to Zod 4.2 or later, or write the schema with Type from quater",
    ],
    [
      "Valibot without its adapter",
      old("valibot"),
      "the root is a schema of valibot that does not support Standard JSON Schema. Wrap the schema: toStandardJsonSchema(schema), from @valibot/to-json-schema",
    ],
    [
      "another library",
      old("effect"),
      "the root is a schema of effect that does not support Standard JSON Schema. Update effect to a version that supports Standard JSON Schema, or write the schema with Type from quater",
    ],
    [
      "a type that JSON does not have",
      z.object({ at: z.date() }),
      "the root is a schema of zod that cannot be converted to JSON Schema: Date cannot be represented in JSON Schema. Use types that JSON has, such as strings instead of dates",
    ],
    [
      "a schema inside of another",
      Type.Object({ a: z.string() as never }),
      "/properties/a is a schema of zod inside a schema of another library. Write the whole schema with zod, or with Type from quater",
    ],
    [
      "an unknown keyword",
      odd,
      '/properties/a has the keyword "sparkle", which JSON Schema does not define. Remove the keyword, or rename it to "x-sparkle". Keywords of your own must begin with x-',
    ],
  ])("H22: boot refuses a schema of another library with a cause and a remedy: %s", async (_name, input, message) =>
    expect(await problemOf(input)).toBe(message),
  );

  test("boot refuses a handler whose Zod input schema lacks a field that its policy needs", async () => {
    const isMine = policy({ name: "isMine", needs: { owner: Type.String() }, allow: () => true });
    const wrong = handler({ ...about, auth: isMine as never, input: z.object({ id: z.string() }), handle: () => null });
    await expect(bootTest({ handlers: { wrong } })).rejects.toThrow(
      "The handler wrong has the policy isMine, which does not fit the handler's input: input.owner is missing",
    );
  });
});

/** Named by variables, so that the compiler does not read these large types. */
const load = async (name: string) => (await import(/* @vite-ignore */ name)) as Record<string, never>;

test("a schema of ArkType works as the input schema of a handler", async () => {
  const { type } = (await load("arktype")) as unknown as { type: (shape: object) => { narrow: (check: unknown) => TSchema } };
  const input = type({ id: "string>=2", n: "number.integer" }).narrow(
    (value: { n: number }, context: { reject: (said: object) => boolean }) =>
      value.n < 5 || context.reject({ path: ["n"], message: "must be small" }),
  );
  const show = handler({ ...about, input, handle: (given) => given as object });
  await using app = await bootTest({ handlers: { show } });
  const ana = app.as(principal());
  expect(await ana.send("show", { id: "ab", n: 1 })).toMatchObject({ ok: true, value: { id: "ab", n: 1 } });
  expect(await ana.send("show", { id: "a", n: 1 })).toMatchObject({
    error: { message: "/id must be at least 2 characters long" },
  });
  expect(await ana.send("show", { id: "ab", n: 7 })).toMatchObject({
    error: { errors: [{ path: "/n", message: "must be small" }] },
  });
});

test("a schema of Valibot works as the input schema of a handler through the adapter of Valibot", async () => {
  const v = (await load("valibot")) as unknown as Record<string, (...given: unknown[]) => unknown>;
  const { toStandardJsonSchema } = (await load("@valibot/to-json-schema")) as unknown as {
    toStandardJsonSchema: (schema: unknown) => TSchema;
  };
  const { object, pipe, string, minLength, optional, number } = v as Record<string, (...given: unknown[]) => unknown>;
  const input = toStandardJsonSchema(object?.({ id: pipe?.(string?.(), minLength?.(2)), n: optional?.(number?.(), 1) }));
  const show = handler({ ...about, input, handle: (given) => given as object });
  await using app = await bootTest({ handlers: { show } });
  const ana = app.as(principal());
  expect(await ana.send("show", { id: "ab" })).toMatchObject({ ok: true, value: { id: "ab", n: 1 } });
  expect(await ana.send("show", { id: "a" })).toMatchObject({ error: { message: "/id must be at least 2 characters long" } });
});
