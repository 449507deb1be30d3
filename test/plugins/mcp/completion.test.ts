// Completion of the arguments of prompts and of the variables of resource templates.

import { anyone, handler, QuaterError, Type } from "quater";
import { mcp } from "quater/mcp";
import { bootTest, principal, tokens } from "quater/testing";
import { expect, test } from "vitest";
import { ask, askModern, askStdio, boot } from "./offered-shop.ts";

const prompt = { type: "ref/prompt", name: "summarise" };
const template = (uri: string) => ({ type: "ref/resource", uri });

test("MCP completes arguments of prompts with the literals and booleans of the schema", async () => {
  await using app = await boot();
  const complete = async (ref: object, name: string, value: string) =>
    (await ask(app, "completion/complete", { ref, argument: { name, value } })).result?.["completion"];
  expect(await complete(prompt, "style", "")).toEqual({ values: ["short", "long"], total: 2, hasMore: false });
  expect(await complete(prompt, "style", "SH")).toEqual({ values: ["short"], total: 1, hasMore: false });
  expect(await complete(prompt, "lines", "1")).toEqual({ values: [], total: 0, hasMore: false });
  expect(await complete(template("order://{orderId}/lines/{line}"), "full", "t")).toMatchObject({ values: ["true"] });
});

test("the function complete of a handler gets the typed text and the caller, and callers see at most 100 values", async () => {
  await using app = await boot();
  const params = { ref: template("order://{orderId}"), argument: { name: "orderId", value: "ord" } };
  const values = Array.from({ length: 100 }, (_, at) => `ord_ana_${at}`);
  const completion = { values, total: 150, hasMore: true };
  expect((await ask(app, "completion/complete", params)).result).toEqual({ completion });
  expect((await askModern(app, "completion/complete", params)).result).toEqual({
    resultType: "complete",
    completion,
    _meta: { "io.modelcontextprotocol/serverInfo": { name: "test", version: "0.0.0" } },
  });
  expect(await askStdio(app, "completion/complete", params, "ben")).toMatchObject({ result: { completion: { total: 150 } } });
});

test("MCP completion gives callers without the rights for a handler no values of the handler", async () => {
  await using app = await boot();
  const params = { ref: template("costs://{orderId}"), argument: { name: "orderId", value: "" } };
  expect((await ask(app, "completion/complete", params, "ana")).result).toMatchObject({ completion: { values: ["ord_secret"] } });
  expect((await ask(app, "completion/complete", params, "ben")).result).toMatchObject({ completion: { values: [], total: 0 } });
  expect((await ask(app, "completion/complete", params, "eve")).status).toBe(401);
});

test("MCP completion does not reveal the argument names of a handler to callers without the rights for the handler", async () => {
  await using app = await boot();
  const ref = template("costs://{orderId}");
  const said = async (name: string) => {
    const { result, error } = await ask(app, "completion/complete", { ref, argument: { name, value: "" } }, "ben");
    return { result, error };
  };
  expect(await said("other")).toEqual(await said("orderId"));
});

test("MCP completes a field named like a method of all objects with the values of the schema of the field", async () => {
  const input = Type.Object({ toString: Type.Optional(Type.Boolean()), lines: Type.Optional(Type.Integer()) });
  await using app = await booted({ lines: () => [1] }, input);
  const params = { ref: { type: "ref/prompt", name: "one" }, argument: { name: "toString", value: "t" } };
  expect(await askStdio(app, "completion/complete", params)).toMatchObject({ result: { completion: { values: ["true"] } } });
});

test.for<readonly [what: string, params: object]>([
  ["no ref", { argument: { name: "style", value: "" } }],
  ["no argument", { ref: prompt }],
  ["a value that is not a text", { ref: prompt, argument: { name: "style", value: 1 } }],
  ["a value that is too long", { ref: prompt, argument: { name: "style", value: "x".repeat(1_001) } }],
  ["an unknown prompt", { ref: { ...prompt, name: "other" }, argument: { name: "style", value: "" } }],
  ["an unknown template", { ref: template("order://{id}"), argument: { name: "id", value: "" } }],
  ["an unknown argument", { ref: prompt, argument: { name: "toString", value: "" } }],
])("the MCP server refuses a completion request with %s as invalid parameters", async ([, params], { expect }) => {
  await using app = await boot();
  expect((await ask(app, "completion/complete", params)).error?.code).toBe(-32602);
});

const about = { description: "Write it.", effect: "read", auth: anyone, output: Type.String(), handle: () => "" } as const;
const input = Type.Object({ lines: Type.Optional(Type.Integer()) });
const booted = (complete: unknown, takes: object = input) =>
  bootTest({
    handlers: { one: handler({ ...about, input: takes, complete } as never) },
    expose: { one: { mcp: { prompt: true } } },
    plugins: [mcp({ authenticate: tokens({ ana: principal() }) })],
  });

test("boot refuses the handler option complete for an unknown field, or without a function", async () => {
  await expect(booted({ other: () => [] })).rejects.toThrow(
    "The handler one has complete.other, but the input has no field other",
  );
  await expect(booted({ lines: [1] })).rejects.toThrow("The handler one has complete.lines, which is not a function");
  await expect(booted("lines")).rejects.toThrow("The handler one has complete, which is not an object of functions");
});

test("a function complete that returns no list of texts is an internal error, and the compiler refuses other types", async () => {
  handler({ ...about, input, complete: { lines: () => [1, 2] } });
  // @ts-expect-error: the field is a number
  handler({ ...about, input, complete: { lines: () => ["one"] } });
  // @ts-expect-error: the input has no such field
  handler({ ...about, input, complete: { rows: () => [1] } });
  const secret = new Error("the table orders does not exist");
  const refusal = new QuaterError({ code: "invalid_token", kind: "unauthenticated", message: "the table orders is locked" });
  const failing = [secret, refusal].map((error) => ({ lines: () => Promise.reject(error) }));
  for (const complete of [{ lines: () => 1 }, { lines: () => [{}] }, ...failing]) {
    await using app = await booted(complete);
    const params = { ref: { type: "ref/prompt", name: "one" }, argument: { name: "lines", value: "" } };
    expect(await askStdio(app, "completion/complete", params)).toMatchObject({
      error: { code: -32603, message: "The server failed while the server handled this MCP request", data: { code: "internal" } },
    });
  }
});

test("the MCP server announces completion only if a handler has fields to complete", async () => {
  await using plain = await booted(undefined);
  const hello = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "t", version: "1" } };
  expect(await askStdio(plain, "initialize", hello)).toMatchObject({ result: { capabilities: { tools: {}, prompts: {} } } });
  const params = { ref: { type: "ref/prompt", name: "one" }, argument: { name: "lines", value: "" } };
  expect(await askStdio(plain, "completion/complete", params)).toMatchObject({ error: { code: -32601 } });
});
