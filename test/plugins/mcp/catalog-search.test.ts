// The catalog with the tools search and call, for apps with many tools.

import { anyone, can, defineConfig, expose as exposeModule, handler, hasRole, Type } from "quater";
import { approvalsRef } from "quater/approval";
import { http } from "quater/http";
import { mcp } from "quater/mcp";
import { approval, audit, store } from "quater/plugins";
import { bootTest, gateSuite, principal, tokens } from "quater/testing";
import { expect, test } from "vitest";
import { eventsIn, tempFolder } from "../audit/kit.ts";
import { ask, askModern, people } from "./offered-shop.ts";

const orderId = Type.String({ description: "The id of the order." });
const region = Type.Optional(Type.String({ "x-mcp-header": "Region" }));
const made: string[] = [];
const handlers = {
  listOrders: handler({
    description: "List the orders of a customer.",
    effect: "read",
    auth: anyone,
    input: Type.Object({ customer: Type.String({ description: "The email address." }) }),
    output: Type.Array(Type.String()),
    handle: ({ customer }) => [customer],
  }),
  shipParcel: handler({
    description: "Send the parcel of an order.",
    effect: "write",
    idempotent: true,
    auth: can("costs"),
    input: Type.Object({ orderId, region }),
    handle: ({ orderId }) => ({ shipped: orderId }),
  }),
  refundOrder: handler({
    description: "Pay money back.",
    effect: "destructive",
    auth: hasRole("auditor"),
    input: Type.Object({ orderId }),
    output: Type.Object({ refunded: Type.String() }),
    handle: ({ orderId }) => {
      made.push(orderId);
      return { refunded: orderId };
    },
  }),
};
const expose = {
  listOrders: { mcp: { openWorld: false } },
  shipParcel: { mcp: true },
  refundOrder: { mcp: { title: "Refund" } },
} as const;

const boot = (more: object = {}) =>
  bootTest({
    handlers,
    expose,
    plugins: [http({ port: 0, authenticate: tokens(people) }), mcp({ authenticate: tokens(people), catalog: "search" })],
    ...more,
  });

type App = Awaited<ReturnType<typeof boot>>;
const call = async (app: App, name: string, given?: unknown, token = "ana", more: object = {}) =>
  (await ask(app, "tools/call", { name, arguments: given, ...more }, token)).result ?? {};
const textOf = (result: Record<string, unknown>) => (result["content"] as { text: string }[])[0]?.text ?? "";
const search = async (app: App, query: string, token = "ana", more: object = {}) => {
  const { tools, found } = JSON.parse(textOf(await call(app, "search", { query, ...more }, token))) as {
    tools: { name: string }[];
    found: number;
  };
  return { names: tools.map(({ name }) => name), found, tools };
};

test("the MCP catalog lists two tools, and call has the annotations of the most dangerous tool of the caller", async () => {
  await using app = await boot();
  const annotations = async (token: string) => {
    const { result = {} } = await askModern(app, "tools/list", {}, token);
    const [first, second] = result["tools"] as { name: string; annotations: object }[];
    expect([first?.name, second?.name]).toEqual(["search", "call"]);
    expect(first?.annotations).toMatchObject({ readOnlyHint: true });
    return second?.annotations;
  };
  expect(await annotations("ana")).toEqual({ readOnlyHint: false, destructiveHint: false, idempotentHint: true });
  expect(await annotations("ben")).toEqual({ readOnlyHint: false, destructiveHint: true, idempotentHint: false });
  expect(await annotations("cem")).toEqual({
    readOnlyHint: true,
    destructiveHint: false,
    idempotentHint: true,
    openWorldHint: false,
  });
  expect((await ask(app, "tools/list", { cursor: "x" })).error?.code).toBe(-32602);
});

test("the tool search finds tools by names, titles, descriptions and fields, if the caller may call the tools", async () => {
  await using app = await boot();
  expect(await search(app, "")).toMatchObject({ names: ["listOrders", "shipParcel"], found: 2 });
  expect(await search(app, "ship the parcels")).toMatchObject({ names: ["shipParcel", "listOrders"] });
  expect(await search(app, "ORDER")).toMatchObject({ names: ["listOrders", "shipParcel"] });
  expect(await search(app, "email")).toMatchObject({ names: ["listOrders"] });
  expect(await search(app, "refund", "ana")).toMatchObject({ names: [], found: 0 });
  expect(await search(app, "refund", "ben")).toMatchObject({ names: ["refundOrder"] });
  expect(await search(app, "order", "ben", { limit: 1 })).toMatchObject({ names: ["refundOrder"], found: 2 });
  expect((await search(app, "email")).tools).toEqual([
    {
      name: "listOrders",
      description: "List the orders of a customer.",
      inputSchema: expect.objectContaining({ type: "object", required: ["customer"] }),
      annotations: expect.objectContaining({ readOnlyHint: true }),
    },
  ]);
});

test("the tool search reads only the first 20 words of a query, so that a query cannot block the server", async () => {
  await using app = await boot();
  const words = (count: number) => Array.from({ length: count }, (_, at) => `q${at}`).join(" ");
  expect(await search(app, `${words(19)} email`)).toMatchObject({ names: ["listOrders"] });
  expect(await search(app, `${words(20)} email`)).toMatchObject({ names: [], found: 0 });
  expect(await search(app, `${"q ".repeat(100)} email`)).toMatchObject({ names: ["listOrders"] });
});

test("the tool call gives the same results and errors as the tool that it calls", async () => {
  await using app = await boot();
  const given = { customer: "a@shop.example" };
  const direct = await call(app, "listOrders", given);
  const meta = { _meta: { "quater/callId": expect.any(String) } };
  expect(await call(app, "call", { name: "listOrders", arguments: given })).toEqual({ ...direct, ...meta });
  const code = async (given: unknown, token = "ana") => {
    const { isError, _meta } = await call(app, "call", given, token);
    expect(isError).toBe(true);
    return (_meta as Record<string, { code: string; errors: object[] }>)["quater/error"];
  };
  expect(await code({ name: "listOrders", arguments: { customer: 1 } })).toMatchObject({
    code: "invalid_input",
    errors: [{ path: "/customer" }],
  });
  expect(await code({ name: "shipParcel", arguments: { orderId: "1" } }, "ben")).toMatchObject({ code: "missing_scope" });
  for (const name of ["refundOrder", "nothing", "search", "call"])
    expect(await code({ name, arguments: { orderId: "1" } })).toMatchObject({
      code: "unknown_handler",
      message: `No handler named "${name}" is exposed over mcp`,
    });
  for (const wrong of [{}, [], { name: 1 }, { name: "listOrders", input: {} }, { name: "listOrders", arguments: null }])
    expect(await code(wrong)).toMatchObject({ code: "invalid_input" });
  for (const wrong of [{}, { query: 1 }, { query: "x", limit: 0 }, { query: "x".repeat(501) }, { query: "x", more: 1 }])
    expect(await call(app, "search", wrong)).toMatchObject({ isError: true });
});

test("the tool call of the MCP catalog needs no headers for arguments of the tool that it calls", async () => {
  await using app = await boot({
    plugins: [
      http({ port: 0, authenticate: tokens(people) }),
      mcp({ authenticate: tokens(people), catalog: "search", schemas: "any" }),
    ],
  });
  const given = { orderId: "1", region: "eu" };
  const direct = await askModern(app, "tools/call", { name: "shipParcel", arguments: given });
  expect([direct.status, direct.error?.code]).toEqual([400, -32020]);
  const through = await askModern(app, "tools/call", { name: "call", arguments: { name: "shipParcel", arguments: given } });
  expect(through).toMatchObject({ status: 200, result: { content: [{ type: "text", text: '{"shipped":"1"}' }] } });
});

test("a call through the MCP catalog uses the approval of the direct tool, and the trail names the real handler", async () => {
  using folder = tempFolder();
  const policies = { one: { approvers: [{ role: "boss" }] } };
  await using app = await boot({
    root: folder.root,
    expose: { ...expose, refundOrder: { mcp: true, approval: "one" } },
    plugins: [
      http({ port: 0, authenticate: tokens(people) }),
      mcp({ authenticate: tokens(people), catalog: "search" }),
      store(),
      audit(),
      approval({ authenticate: () => undefined, policies }),
    ],
  });
  const given = { orderId: "ord_1" };
  const waiting = await call(app, "call", { name: "refundOrder", arguments: given }, "ben");
  const { id } = (waiting["_meta"] as Record<string, { id: string }>)["quater/approval"] ?? { id: "" };
  const again = await call(app, "refundOrder", given, "ben");
  expect(again["_meta"]).toMatchObject({ "quater/approval": { id } });
  const approvals = app.services.get(approvalsRef);
  const boss = principal({ subject: "boss", roles: ["boss"] });
  const { digest } = await approvals.show(boss, id);
  await approvals.vote({ principal: boss, via: "test" }, { id, verdict: "approve", digest });
  expect(await call(app, "call", { name: "refundOrder", arguments: given }, "ben")).toMatchObject({
    structuredContent: { refunded: "ord_1" },
  });
  expect(made).toEqual(["ord_1"]);
  expect(await call(app, "refundOrder", given, "ben")).toMatchObject({ isError: true });
  const started = eventsIn(folder.root).filter(({ meta }) => meta["type"] === "call.started");
  expect(started.map(({ meta }) => meta["handler"])).toEqual(["refundOrder"]);
});

test("the gate suite calls each tool through the MCP catalog, and boot refuses handlers named search or call", async () => {
  const manifest = defineConfig({
    name: "offers",
    handlers: [exposeModule(async () => handlers, expose)],
    plugins: [mcp({ authenticate: tokens({ ana: principal() }), catalog: "search" })],
  });
  const report = await gateSuite(manifest);
  expect(report.holes).toEqual([]);
  const rows = report.rows.filter(({ handler: name, surface }) => name === "refundOrder" && surface === "mcp (call)");
  expect(rows.map(({ case: name, got }) => `${name}: ${got}`)).toEqual(
    expect.arrayContaining(["no credential: unauthenticated", "wrong type: invalid_input", "all in order: ran"]),
  );
  const clash = boot({ handlers: { search: handlers.listOrders }, expose: { search: { mcp: true } } });
  await expect(clash).rejects.toThrow("the handler search is an MCP tool with the same name");
});
