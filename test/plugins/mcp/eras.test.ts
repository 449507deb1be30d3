// The two eras of the protocol on one endpoint and in one stdio session: the revisions of 2025, and revision 2026-07-28.

import { anyone, handler, hasRole, Type } from "quater";
import { http } from "quater/http";
import { mcp } from "quater/mcp";
import { type TestApp, tokens } from "quater/testing";
import { expect, test } from "vitest";
import { boot as bootOffers } from "./offered-shop.ts";
import { boot, callText, people, post, session } from "./shop.ts";

const version = "io.modelcontextprotocol/protocolVersion";
const capabilities = "io.modelcontextprotocol/clientCapabilities";
const server = "io.modelcontextprotocol/serverInfo";
const modern = "2026-07-28";
const claim = { [version]: modern, [capabilities]: {} };

const text = (method: string, params: object = {}, meta: object = claim) =>
  JSON.stringify({ jsonrpc: "2.0", id: 7, method, params: { ...params, _meta: meta } });
const authorization = "Bearer ana";

/** Sends a request of revision 2026-07-28 with the headers that the revision demands. */
const ask = async (app: TestApp, method: string, params: object = {}, meta: object = claim) => {
  const name = "name" in params ? { "mcp-name": String(params.name) } : {};
  const said = { authorization, "mcp-protocol-version": modern, "mcp-method": method, ...name };
  const { response, rpc } = await post(app, text(method, params, meta), said);
  return { status: response.status, ...rpc };
};

test("the result of server/discover in MCP revision 2026-07-28 names versions, capabilities and the server", async () => {
  await using app = await boot();
  expect(await ask(app, "server/discover")).toEqual({
    status: 200,
    jsonrpc: "2.0",
    id: 7,
    result: {
      resultType: "complete",
      supportedVersions: [modern],
      capabilities: { tools: {} },
      ttlMs: expect.any(Number),
      cacheScope: "private",
      _meta: { [server]: { name: "test", version: expect.any(String) } },
    },
  });
});

test("each result of MCP revision 2026-07-28 has one _meta that names the server", async () => {
  await using app = await bootOffers();
  const names = { [server]: { name: "test", version: expect.any(String) } };
  for (const [method, params] of [
    ["tools/list", {}],
    ["tools/call", { name: "showOrder", arguments: { orderId: "1" } }],
    ["tools/call", { name: "showOrder", arguments: { orderId: "missing" } }],
    ["tools/call", { name: "showOrder", arguments: { orderId: "1" }, meta: { "quater/dryRun": true } }],
    ["resources/list", {}],
    ["resources/read", { uri: "order://1" }],
    ["prompts/list", {}],
    ["prompts/get", { name: "greet" }],
    ["completion/complete", { ref: { type: "ref/prompt", name: "summarise" }, argument: { name: "style", value: "" } }],
  ] as const) {
    const { meta = {}, ...others } = params as { readonly meta?: object; readonly name?: string; readonly uri?: string };
    const name = others.name ?? others.uri;
    const headers = { "mcp-protocol-version": modern, "mcp-method": method, ...(name && { "mcp-name": name }) };
    const { text: answer, rpc } = await post(app, text(method, others, { ...claim, ...meta }), { authorization, ...headers });
    expect(rpc.result?.["_meta"], `${method} ${answer}`).toMatchObject(names);
    expect(answer.match(/"_meta":/g), method).toHaveLength(1);
  }
});

test("results of MCP revision 2026-07-28 have a resultType, and lists contain how long clients may keep them", async () => {
  await using app = await boot();
  const old = await post(app, '{"jsonrpc":"2.0","id":7,"method":"tools/list"}');
  const list = await ask(app, "tools/list");
  expect(list.result).toEqual({
    ...old.rpc.result,
    resultType: "complete",
    ttlMs: 60_000,
    cacheScope: "private",
    _meta: expect.any(Object),
  });
  const call = await ask(app, "tools/call", { name: "add", arguments: { a: 1 } });
  expect(call).toMatchObject({ status: 200, result: { resultType: "complete", structuredContent: { sum: 2 } } });
  const refused = await ask(app, "tools/call", { name: "add", arguments: { a: "x" } });
  expect(refused).toMatchObject({ status: 200, result: { resultType: "complete", isError: true } });
  expect(old.rpc.result).not.toHaveProperty("resultType");
  expect((await post(app, callText("add", '{"a":1}'))).rpc.result).not.toHaveProperty("resultType");
});

test("an unknown MCP method gets HTTP status 404 in revision 2026-07-28, and 200 in older revisions", async () => {
  await using app = await boot();
  for (const method of ["initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/list", "other"])
    expect(await ask(app, method)).toEqual({
      status: 404,
      jsonrpc: "2.0",
      id: 7,
      error: { code: -32601, message: "Method not found" },
    });
  const { response, rpc } = await post(app, '{"jsonrpc":"2.0","id":7,"method":"other"}');
  expect([response.status, rpc.error?.code]).toEqual([200, -32601]);
});

test("a first MCP request without a version gets an error with its id, and initialize works afterwards", async () => {
  await using app = await boot();
  const probe = '{"jsonrpc":"2.0","id":"probe","method":"server/discover"}';
  const { rpc } = await post(app, probe);
  expect(rpc).toEqual({ jsonrpc: "2.0", id: "probe", error: { code: -32601, message: "Method not found" } });
  const stdio = session(app, "ana");
  stdio.write(probe);
  expect(await stdio.next()).toEqual(rpc);
  const params = '{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}';
  stdio.write(`{"jsonrpc":"2.0","id":2,"method":"initialize","params":${params}}`);
  expect(await stdio.next()).toMatchObject({ id: 2, result: { protocolVersion: "2025-11-25" } });
  await stdio.end();
});

const headersOf = (method: string, more: Record<string, string> = {}) => ({
  authorization,
  "mcp-protocol-version": modern,
  "mcp-method": method,
  ...more,
});
const call = { name: "add", arguments: { a: 1 } };
const without = (key: string) => Object.fromEntries(Object.entries(claim).filter(([name]) => name !== key));

test.for<readonly [what: string, body: string, headers: Record<string, string>, code: number, data?: object]>([
  ["a version in the body and none in the header", text("tools/list"), { authorization, "mcp-method": "tools/list" }, -32020],
  [
    "another version in the header",
    text("tools/list"),
    headersOf("tools/list", { "mcp-protocol-version": "2025-11-25" }),
    -32020,
  ],
  ["no Mcp-Method", text("tools/list"), { authorization, "mcp-protocol-version": modern }, -32020],
  ["another Mcp-Method", text("tools/list"), headersOf("tools/call"), -32020],
  ["no Mcp-Name", text("tools/call", call), headersOf("tools/call"), -32020],
  ["another Mcp-Name", text("tools/call", call), headersOf("tools/call", { "mcp-name": "note" }), -32020],
  ["a Mcp-Name for a list", text("tools/list"), headersOf("tools/list", { "mcp-name": "add" }), -32020],
  ["a version in the header and none in the body", text("tools/list", {}, {}), headersOf("tools/list"), -32602],
  ["no _meta", '{"jsonrpc":"2.0","id":7,"method":"tools/list"}', headersOf("tools/list"), -32602],
  ["no capabilities", text("tools/list", {}, without(capabilities)), headersOf("tools/list"), -32602],
  ["a version that is not a text", text("tools/list", {}, { ...claim, [version]: 1 }), headersOf("tools/list"), -32602],
  ["initialize with the header of 2026", text("initialize", {}, {}), headersOf("initialize"), -32020],
  [
    "an unknown version",
    text("tools/list", {}, { ...claim, [version]: "2099-01-01" }),
    headersOf("tools/list", { "mcp-protocol-version": "2099-01-01" }),
    -32022,
    { supported: [modern], requested: "2099-01-01" },
  ],
  [
    "a version of 2025 in the body",
    text("tools/list", {}, { ...claim, [version]: "2025-11-25" }),
    headersOf("tools/list", { "mcp-protocol-version": "2025-11-25" }),
    -32022,
    { supported: [modern], requested: "2025-11-25" },
  ],
  [
    "an unknown version in the header alone",
    '{"jsonrpc":"2.0","id":7,"method":"ping"}',
    { authorization, "mcp-protocol-version": "1999-01-01" },
    -32022,
    {
      supported: [modern, "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05", "2024-10-07"],
      requested: "1999-01-01",
    },
  ],
])(
  "M9: the MCP server refuses a request with %s with 400 and the id of the request",
  async ([, body, said, code, data], { expect }) => {
    await using app = await boot();
    const { response, rpc } = await post(app, body, said);
    expect(response.status).toBe(400);
    expect(rpc).toEqual({
      jsonrpc: "2.0",
      id: 7,
      error: { code, message: expect.any(String), ...(data === undefined ? {} : { data }) },
    });
  },
);

test("the MCP server decodes a Mcp-Name header in Base64 before it compares the name", async () => {
  await using app = await boot();
  const encoded = `=?base64?${Buffer.from("add").toString("base64")}?=`;
  const { response } = await post(app, text("tools/call", call), headersOf("tools/call", { "mcp-name": encoded }));
  expect(response.status).toBe(200);
});

const routed = handler({
  description: "Takes arguments that headers repeat.",
  effect: "read",
  input: Type.Object({
    region: Type.Optional(Type.String({ "x-mcp-header": "Region" })),
    place: Type.Optional(Type.Object({ floor: Type.Integer({ "x-mcp-header": "Floor" }) })),
  }),
  auth: anyone,
  handle: () => "done",
});
const inBase64 = (value: string) => `=?base64?${Buffer.from(value).toString("base64")}?=`;

test.for<readonly [what: string, input: object, headers: Record<string, string>, wrong?: string]>([
  ["the same text", { region: "eu" }, { "mcp-param-region": "eu" }],
  ["the same text in Base64", { region: "é" }, { "mcp-param-region": inBase64("é") }],
  ["the same number", { place: { floor: 3 } }, { "mcp-param-floor": "3" }],
  ["a header without an argument", {}, { "mcp-param-region": "eu" }],
  ["another text", { region: "eu" }, { "mcp-param-region": "us" }, "mcp-param-region"],
  ["no header", { region: "eu" }, {}, "mcp-param-region"],
  ["another number", { place: { floor: 3 } }, { "mcp-param-floor": "4" }, "mcp-param-floor"],
  ["Base64 without padding", { region: "Hello" }, { "mcp-param-region": "=?base64?SGVsbG8?=" }, "mcp-param-region"],
  ["Base64 with other characters", { region: "Hello" }, { "mcp-param-region": "=?base64?SGVs!!!bG8=?=" }, "mcp-param-region"],
])(
  "in MCP revision 2026-07-28 a header for an argument must match the argument: %s",
  async ([, input, said, wrong], { expect }) => {
    const plugins = [http({ port: 0, authenticate: tokens(people) }), mcp({ authenticate: tokens(people), schemas: "any" })];
    await using app = await boot({ handlers: { routed }, plugins });
    const params = { name: "routed", arguments: input };
    const { response, rpc } = await post(
      app,
      text("tools/call", params),
      headersOf("tools/call", { "mcp-name": "routed", ...said }),
    );
    if (wrong === undefined) expect([response.status, rpc.error]).toEqual([200, undefined]);
    else {
      const message = `The header ${wrong} does not match the body`;
      expect([response.status, rpc]).toEqual([400, { jsonrpc: "2.0", id: 7, error: { code: -32020, message } }]);
    }
    // Older revisions do not know these headers.
    const older = await post(app, callText("routed", JSON.stringify(input)), { authorization, ...said });
    expect(older.response.status).toBe(200);
  },
);

test("in MCP revision 2026-07-28 argument headers do not show callers without rights that a tool exists", async () => {
  const input = Type.Object({ region: Type.Optional(Type.String({ "x-mcp-header": "Region" })) });
  const secret = handler({ description: "Is secret.", effect: "read", input, auth: hasRole("auditor"), handle: () => "done" });
  const plugins = [http({ port: 0, authenticate: tokens(people) }), mcp({ authenticate: tokens(people), schemas: "any" })];
  await using app = await boot({ handlers: { secret }, plugins });
  const called = async (name: string) => {
    const params = { name, arguments: { region: "eu" } };
    const { response, rpc } = await post(app, text("tools/call", params), headersOf("tools/call", { "mcp-name": name }));
    return [response.status, rpc.error?.code, rpc.error?.message.replace(name, ""), rpc.error?.data?.code];
  };
  expect(await called("secret")).toEqual(await called("absent"));
});

test("an MCP session over stdio answers each message in the era of the message", async () => {
  await using app = await boot();
  const stdio = session(app, "ana");
  stdio.write(text("tools/call", call));
  expect(await stdio.next()).toMatchObject({ id: 7, result: { resultType: "complete", structuredContent: { sum: 2 } } });
  stdio.write(callText("add", '{"a":1}'));
  const answer = await stdio.next();
  expect(answer).toMatchObject({ id: 7, result: { structuredContent: { sum: 2 } } });
  expect(answer.result).not.toHaveProperty("resultType");
  stdio.write(text("ping"));
  expect(await stdio.next()).toEqual({ jsonrpc: "2.0", id: 7, error: { code: -32601, message: "Method not found" } });
  stdio.write('{"jsonrpc":"2.0","id":8,"method":"ping"}');
  expect(await stdio.next()).toEqual({ jsonrpc: "2.0", id: 8, result: {} });
  stdio.write(text("tools/list", {}, { ...claim, [version]: "2099-01-01" }));
  expect(await stdio.next()).toMatchObject({ id: 7, error: { code: -32022, data: { requested: "2099-01-01" } } });
  await stdio.end();
});

const long = "x".repeat(1_100_000);
test.for<readonly [what: string, line: string, id?: string | number]>([
  ["at its beginning", `{"jsonrpc":"2.0","id":5,"method":"ping","params":{"id":6,"x":"${long}"}}`, 5],
  ["at its end", `{"method":"ping","params":{"id":6,"x":"${long}","y":[{"id":1}]},"jsonrpc":"2.0","id":"\\u00e9,}"}`, "é,}"],
  ["after a text with quotes and brackets", `{"x":"\\\\\\"{[\\"id\\":3,${long}","id": 4 }`, 4],
  ["twice", `{"id":5,"x":"${long}","id":6}`],
  ["in a nested object alone", `{"params":{"id":5},"x":"${long}"}`],
  ["that is an object", `{"id":{"id":5},"x":"${long}"}`],
  ["that is too long", `{"x":1,"id":"${long}"}`],
  ["in a batch", `[{"id":5,"x":"${long}"}]`],
  ["in JSON that is not closed", `{"x":"${long}","id":5`],
])(
  "M9: the refusal of an oversized MCP line with an id %s contains the id only if the id is certain",
  async ([, line, id], { expect }) => {
    await using app = await boot();
    const stdio = session(app, "ana");
    for (let at = 0; at < line.length; at += 50_000) stdio.input.write(line.slice(at, at + 50_000));
    stdio.write("");
    const { error, ...answer } = await stdio.next();
    expect(error).toMatchObject({ code: -32600, data: { code: "too_large" } });
    expect(answer).toEqual(id === undefined ? { jsonrpc: "2.0" } : { jsonrpc: "2.0", id });
    await stdio.end();
  },
);
