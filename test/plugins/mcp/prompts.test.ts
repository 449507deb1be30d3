// Handlers as MCP prompts.

import { anyone, handler, messages, Type } from "quater";
import { mcp } from "quater/mcp";
import { bootTest, principal, tokens } from "quater/testing";
import { expect, test } from "vitest";
import { ask, askModern, askStdio, boot } from "./offered-shop.ts";

const summary = {
  name: "summarise",
  title: "Summary",
  description: "Summarise an order.",
  arguments: [
    { name: "orderId", description: "The id of the order.", required: true },
    { name: "style", description: "The length.", required: false },
    { name: "lines", required: false },
  ],
};

test("handlers with prompt: true are MCP prompts, and prompts/list has the prompts that the caller may use", async () => {
  await using app = await boot();
  const greet = { name: "greet", description: "Greet the user" };
  const costs = { name: "reviewCosts", description: "Review the costs." };
  expect((await ask(app, "prompts/list")).result).toEqual({ prompts: [summary, greet, costs] });
  expect((await askModern(app, "prompts/list", {}, "ben")).result).toEqual({
    prompts: [summary, greet],
    resultType: "complete",
    ttlMs: 60_000,
    cacheScope: "private",
    _meta: expect.any(Object),
  });
});

test("an MCP prompt returns the messages of its handler, and MCP converts the arguments from text", async () => {
  await using app = await boot();
  const given = { name: "summarise", arguments: { orderId: "ord_1", style: "long", lines: "3" } };
  const expected = {
    description: "Summarise an order.",
    messages: [
      { role: "user", content: { type: "text", text: "Summarise ord_1 in a long text of 3 lines." } },
      { role: "user", content: { type: "text", text: "Use the picture." } },
      { role: "assistant", content: { type: "image", data: "AAAA", mimeType: "image/png" } },
      { role: "user", content: { type: "audio", data: "BBBB", mimeType: "audio/wav" } },
      { role: "user", content: { type: "resource", resource: { uri: "shop://terms", mimeType: "text/plain", text: "Pay." } } },
      { role: "user", content: { type: "resource", resource: { uri: "shop://logo", blob: "CCCC" } } },
      { role: "user", content: { type: "resource_link", uri: "shop://terms", name: "Terms", mimeType: "text/plain", size: 4 } },
    ],
    _meta: { "quater/callId": expect.any(String) },
  };
  expect((await ask(app, "prompts/get", given)).result).toEqual(expected);
  expect((await askModern(app, "prompts/get", given)).result).toEqual({
    resultType: "complete",
    ...expected,
    _meta: { ...expected._meta, "io.modelcontextprotocol/serverInfo": { name: "test", version: "0.0.0" } },
  });
  expect(await askStdio(app, "prompts/get", given)).toMatchObject({ result: { messages: expected.messages } });
  expect((await ask(app, "prompts/get", { name: "greet" })).result?.["messages"]).toEqual([
    { role: "user", content: { type: "text", text: "Say hello." } },
  ]);
});

test("an MCP prompt refuses wrong arguments with their paths, and refuses arguments that are not texts", async () => {
  await using app = await boot();
  const refused = async (values: object) => (await ask(app, "prompts/get", { name: "summarise", arguments: values })).error;
  expect(await refused({ orderId: "x", lines: "many" })).toEqual({
    code: -32602,
    message: "/lines must be an integer",
    data: { code: "invalid_input", callId: expect.any(String), errors: [{ path: "/lines", message: "must be an integer" }] },
  });
  expect(await refused({})).toMatchObject({ code: -32602, data: { code: "invalid_input" } });
  expect(await refused({ orderId: "x", other: "y" })).toMatchObject({ code: -32602, data: { code: "unknown_field" } });
  expect(await refused({ orderId: 1 })).toEqual({ code: -32602, message: '"arguments" must be an object of texts' });
});

test("a caller without the role of an MCP prompt gets the answer for an unknown prompt", async () => {
  await using app = await boot();
  const get = async (name: string, token: string) => (await ask(app, "prompts/get", { name }, token)).error;
  const unknown = { code: -32602, message: "No prompt has this name", data: { code: "unknown_handler" } };
  expect(await get("nothing", "ana")).toMatchObject(unknown);
  expect(await get("readAudit", "ben")).toMatchObject(unknown);
  expect(await get("reviewCosts", "ben")).toMatchObject({ code: -32001, data: { code: "missing_scope" } });
});

const about = { description: "Write it.", effect: "read", auth: anyone, input: Type.Object({}), handle: () => "" } as const;
test.for<readonly [what: string, cause: string, definition: object]>([
  ["an output of another form", "its output is neither a text nor messages", { output: Type.Integer() }],
  ["no output schema", "its output is neither a text nor messages", {}],
  ["another effect", "its effect is destructive", { output: messages, effect: "destructive" }],
  [
    "an object as argument",
    "its field order cannot be written as a text",
    { output: messages, input: Type.Object({ order: Type.Object({}) }) },
  ],
])("boot refuses an MCP prompt with %s", async ([, cause, more], { expect }) => {
  const one = handler({ ...about, ...more } as never);
  const booting = bootTest({
    handlers: { one },
    expose: { one: { mcp: { prompt: true } } },
    plugins: [mcp({ authenticate: tokens({ key: principal() }) })],
  });
  await expect(booting).rejects.toThrow(`The handler one cannot be an MCP prompt: ${cause}`);
});
