// Handlers as MCP resources and resource templates.

import { anyone, handler, stream, Type } from "quater";
import { mcp } from "quater/mcp";
import { definePlugin, exposureKey } from "quater/plugin-api";
import { bootTest, principal, tokens } from "quater/testing";
import { expect, test } from "vitest";
import { uriPatternOf } from "../../../plugins/mcp/offers/uri.ts";
import { ask, askModern, askStdio, boot } from "./offered-shop.ts";
import { boot as bootTools } from "./shop.ts";

test("handlers with a URI are MCP resources, and handlers with a URI template are resource templates", async () => {
  await using app = await boot();
  const { result } = await ask(app, "resources/list");
  expect(result).toEqual({
    resources: [
      { uri: "shop://terms", name: "readTerms", description: "Read the terms.", mimeType: "text/markdown" },
      { uri: "shop://logo", name: "readLogo", description: "Read the logo.", mimeType: "image/png" },
    ],
  });
  expect((await ask(app, "resources/templates/list")).result).toEqual({
    resourceTemplates: [
      {
        uriTemplate: "order://{orderId}",
        name: "showOrder",
        title: "Order",
        icons: [{ src: "https://shop.example/order.png" }],
        description: "Show an order.",
        mimeType: "application/json",
      },
      {
        uriTemplate: "order://{orderId}/lines/{line}",
        name: "showLine",
        description: "Show a line of an order.",
        mimeType: "application/json",
      },
      {
        uriTemplate: "costs://{orderId}",
        name: "readCosts",
        description: "Read the costs of an order.",
        mimeType: "application/json",
      },
    ],
  });
});

test("resources/list and resources/templates/list contain only the MCP resources that the caller may read", async () => {
  await using app = await boot();
  const names = async (method: string, field: string, token: string) => {
    const { result = {} } = await ask(app, method, {}, token);
    return (result[field] as { name: string }[]).map(({ name }) => name);
  };
  expect(await names("resources/list", "resources", "ben")).toEqual(["readTerms", "readLogo", "readAudit"]);
  expect(await names("resources/templates/list", "resourceTemplates", "ben")).toEqual(["showOrder", "showLine"]);
});

test("an MCP resource is a tool too, unless its exposure has tool: false", async () => {
  await using app = await boot();
  const tools = (await ask(app, "tools/list")).result?.["tools"] as { name: string; icons?: unknown }[];
  expect(tools.map(({ name }) => name)).toEqual(["showOrder", "showLine"]);
  expect(tools[0]?.icons).toEqual([{ src: "https://shop.example/order.png" }]);
  for (const name of ["readTerms", "greet"])
    expect((await ask(app, "tools/call", { name })).error).toEqual({
      code: -32602,
      message: `No handler named "${name}" is exposed over mcp`,
      data: { code: "unknown_handler", callId: expect.any(String), errors: [] },
    });
});

test("resources/read returns JSON, text or bytes with their media type", async () => {
  await using app = await boot();
  const contents = async (uri: string) => (await ask(app, "resources/read", { uri })).result?.["contents"];
  expect(await contents("order://ord_1")).toEqual([
    { uri: "order://ord_1", mimeType: "application/json", text: '{"orderId":"ord_1","lines":2}' },
  ]);
  expect(await contents("shop://terms")).toEqual([{ uri: "shop://terms", mimeType: "text/markdown", text: "# Terms\n" }]);
  expect(await contents("shop://logo")).toEqual([{ uri: "shop://logo", mimeType: "image/png", blob: "iVBORw==" }]);
  expect((await ask(app, "resources/read", { uri: "shop://audit" }, "ben")).result?.["contents"]).toEqual([
    { uri: "shop://audit", mimeType: "text/plain", text: "nothing found" },
  ]);
  expect(await askStdio(app, "resources/read", { uri: "costs://x" })).toMatchObject({
    result: { contents: [{ uri: "costs://x", text: "12" }] },
  });
});

test("MCP decodes the variables of a resource URI, and converts the variables to the types of the schema", async () => {
  await using app = await boot();
  const read = async (uri: string) => {
    const { result, error } = await ask(app, "resources/read", { uri });
    const [content] = (result?.["contents"] ?? []) as { text: string }[];
    return error ?? JSON.parse(content?.text ?? "");
  };
  expect(await read("order://a%2Fb%20%C3%A9/lines/3")).toEqual({ orderId: "a/b é", line: 3 });
  expect(await read("order://a/lines/0")).toEqual({
    code: -32602,
    message: "/line must be at least 1",
    data: {
      code: "invalid_input",
      callId: expect.any(String),
      errors: [{ path: "/line", message: "must be at least 1" }],
      uri: "order://a/lines/0",
    },
  });
});

test("a missing MCP resource gets the error -32002 in the revisions of 2025, and -32602 in 2026-07-28", async () => {
  await using app = await boot();
  for (const uri of ["order://", "order://a/b", "order://a b", "order://%FF", "other://x", "shop://terms/", "shop://audit"]) {
    const error = {
      message: "No resource has this URI",
      data: { code: "unknown_handler", callId: expect.any(String), errors: [], uri },
    };
    expect(await ask(app, "resources/read", { uri })).toEqual({
      status: 200,
      challenge: null,
      error: { ...error, code: -32002 },
    });
    expect((await askModern(app, "resources/read", { uri })).error).toEqual({ ...error, code: -32602 });
  }
  const uri = "order://missing";
  expect((await ask(app, "resources/read", { uri })).error).toMatchObject({
    code: -32002,
    message: 'Order "missing" was not found',
    data: { code: "not_found", uri },
  });
  expect((await askModern(app, "resources/read", { uri })).error).toMatchObject({ code: -32602, data: { code: "not_found" } });
  expect((await ask(app, "resources/read", { uri: 1 })).error?.code).toBe(-32602);
  expect((await ask(app, "resources/read", { uri: "costs://1" }, "ben")).error).toMatchObject({
    code: -32001,
    data: { code: "missing_scope" },
  });
});

test("MCP resources in revision 2026-07-28 have a resultType and contain how long clients may keep them", async () => {
  await using app = await boot();
  const head = { resultType: "complete", cacheScope: "private", _meta: expect.any(Object) };
  expect((await askModern(app, "resources/list")).result).toMatchObject({ ...head, ttlMs: 60_000 });
  expect((await askModern(app, "resources/templates/list")).result).toMatchObject({ ...head, ttlMs: 60_000 });
  expect((await askModern(app, "resources/read", { uri: "shop://terms" })).result).toEqual({
    ...head,
    ttlMs: 0,
    contents: [{ uri: "shop://terms", mimeType: "text/markdown", text: "# Terms\n" }],
  });
});

test("the MCP server announces resources and prompts only if the manifest has some", async () => {
  await using app = await boot();
  const capabilities = { tools: {}, resources: {}, prompts: {}, completions: {} };
  expect((await askModern(app, "server/discover")).result).toMatchObject({ capabilities });
  const hello = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "t", version: "1" } };
  expect((await ask(app, "initialize", hello)).result?.["capabilities"]).toMatchObject(capabilities);
  await using plain = await bootTools();
  expect((await ask(plain, "initialize", hello)).result?.["capabilities"]).toEqual({ tools: {} });
  expect((await ask(plain, "resources/list")).error?.code).toBe(-32601);
  expect((await askModern(plain, "resources/list")).status).toBe(404);
});

const orderId = Type.String();
const about = { description: "Read it.", effect: "read", auth: anyone } as const;
const signed = exposureKey("signed", Type.Boolean(), { means: "approval" });
const signing = definePlugin({}, () => ({
  name: "signing",
  exposure: [signed],
  hooks: { approve: () => ({ allow: false as const, error: new Error("not signed") as never }) },
}));
const broken = (resource: string, more: object = {}, besides: object = {}) =>
  bootTest({
    handlers: { one: handler({ ...about, input: Type.Object({ orderId }), handle: () => 1, ...more }) },
    expose: { one: { mcp: { resource }, ...besides } },
    plugins: [mcp({ authenticate: tokens({ key: principal() }) }), signing()],
  });

test.for<readonly [what: string, resource: string, cause: string, more?: object, besides?: object]>([
  ["no scheme", "orders/{orderId}", '"orders/{orderId}" does not begin with a scheme in lower case, such as "order:"'],
  ["a space", "order://a b/{orderId}", '"order://a b/{orderId}" has a character that a URI must not have'],
  [
    "an operator",
    "order://{+orderId}",
    '"order://{+orderId}" has the expression {+orderId}, which is not the name of a variable',
  ],
  ["a variable twice", "order://{orderId}/{orderId}", '"order://{orderId}/{orderId}" has the variable {orderId} twice'],
  [
    "adjacent variables",
    "order://{orderId}-{line}",
    '"order://{orderId}-{line}" has two variables without a separator between them',
  ],
  [
    "an unknown field",
    "order://{orderId}/{line}",
    "The exposure of one has the mcp resource order://{orderId}/{line}, but the input has no field line",
  ],
  [
    "a missing field",
    "order://all",
    "The exposure of one has the mcp resource order://all, which has no variable for the required field orderId",
  ],
  [
    "a list as variable",
    "order://{ids}",
    "The exposure of one has the mcp resource order://{ids}, but the field ids is not a text, a number or a boolean",
    { input: Type.Object({ ids: Type.Array(Type.String()) }) },
  ],
  [
    "another effect",
    "order://{orderId}",
    "The handler one cannot be an MCP resource: its effect is write, and clients read a resource without asking anybody",
    { effect: "write" },
  ],
  [
    "an approval",
    "order://{orderId}",
    "The handler one cannot be an MCP resource: its calls need approval, and the protocol lets only callers of tools wait for an approval",
    {},
    { signed: true },
  ],
  [
    "a stream",
    "order://{orderId}",
    "The handler one cannot be an MCP resource: its output is a stream",
    { output: stream(Type.Integer()) },
  ],
])("boot refuses an MCP resource with %s", async ([, resource, cause, more, besides], { expect }) => {
  await expect(broken(resource, more, besides)).rejects.toThrow(cause);
});

test("boot refuses two MCP resources with the same URIs, and a handler that no MCP client can use", async () => {
  const one = handler({ ...about, input: Type.Object({ orderId }), handle: () => 1 });
  const two = handler({ ...about, input: Type.Object({ id: orderId }), handle: () => 1 });
  const plugins = [mcp({ authenticate: tokens({ key: principal() }) })];
  const clash = { one: { mcp: { resource: "order://{orderId}" } }, two: { mcp: { resource: "order://{id}" } } };
  await expect(bootTest({ handlers: { one, two }, expose: clash, plugins })).rejects.toThrow(
    "The handlers one and two are MCP resources with the same URIs: order://{id}",
  );
  await expect(bootTest({ handlers: { one }, expose: { one: { mcp: { tool: false } } }, plugins })).rejects.toThrow(
    "The exposure of one has mcp with tool: false, but the handler is neither a resource nor a prompt",
  );
});

test("an MCP resource template expands values to a URI that the template matches with the same values", () => {
  const pattern = uriPatternOf("order://{orderId}/lines/{line}");
  if (!("shape" in pattern)) throw new Error(pattern.cause);
  const values = { orderId: "a/b ü%!'()*{}", line: "~._-" };
  expect(pattern.match(pattern.expand(values))).toEqual(values);
  expect(pattern.expand(values)).toMatch(/^order:\/\/[A-Za-z0-9%]+\/lines\/~\._-$/);
});
