import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { anyone, authenticated, can, handler, hasRole, problem, Type } from "quater";
import { http } from "quater/http";
import { mcp } from "quater/mcp";
import { bootTest, principal, tokens } from "quater/testing";
import { expect, test } from "vitest";
import { boot, callText, people, post, type Rpc, urlOf } from "./shop.ts";

const listText = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';
const toolsFor = async (app: Awaited<ReturnType<typeof boot>>, token: string) =>
  (await post(app, listText, { authorization: `Bearer ${token}` })).rpc.result?.tools ?? [];

test("mcp() derives the annotations of a tool from the effect of the handler", async () => {
  await using app = await boot();
  const tools = await toolsFor(app, "ana");
  const of = (name: string) => tools.find((tool) => tool.name === name)?.annotations;
  expect(of("add")).toEqual({ readOnlyHint: true, destructiveHint: false, idempotentHint: true });
  expect(of("note")).toEqual({ readOnlyHint: false, destructiveHint: false, idempotentHint: true });
  expect(of("steps")).toEqual({ readOnlyHint: false, destructiveHint: false, idempotentHint: false });
  expect(of("wipe")).toEqual({ readOnlyHint: false, destructiveHint: true, idempotentHint: false });
});

test("tools/list contains the tools that the scopes and roles of the principal allow, in the order of the manifest", async () => {
  await using app = await boot();
  const namesFor = async (token: string) => (await toolsFor(app, token)).map(({ name }) => name);
  expect(await namesFor("ana")).toEqual(["add", "names", "note", "wipe", "fail", "count", "steps", "chatty"]);
  expect(await namesFor("ben")).toEqual(["add", "names", "note", "audit", "fail", "count", "steps", "chatty"]);
});

test("a call of a tool that needs another role gets the same answer as a call of an unknown tool", async () => {
  await using app = await boot();
  const forbidden = (await post(app, callText("audit"))).text;
  const unknown = (await post(app, callText("audix"))).text;
  const alike = (text: string) => text.replace(/"callId":"[^"]+"/, "").replace("audix", "audit");
  expect(alike(forbidden)).toBe(alike(unknown));
  expect(JSON.parse(forbidden)).toMatchObject({ error: { code: -32602, data: { code: "unknown_handler" } } });
  // The answer is also the same for invalid arguments, so that callers cannot test the validation of a tool that they may not
  // call.
  expect(alike((await post(app, callText("audit", '{"n":1,"n":2}'))).text)).toBe(alike(unknown));
  expect((await post(app, callText("audit"), { authorization: "Bearer ben" })).rpc.result).toMatchObject({
    content: [{ text: "secret" }],
  });
});

test("tools/list contains no handler that is not exposed over mcp", async () => {
  await using app = await boot();
  expect((await post(app, callText("hidden"))).rpc.error).toMatchObject({ code: -32602, data: { code: "unknown_handler" } });
  expect(JSON.stringify(await toolsFor(app, "ana"))).not.toContain("hidden");
});

test("M6: a tool call without the scope is a tool error when no authorization server is configured", async () => {
  await using app = await boot();
  const { response, rpc } = await post(app, callText("wipe"), { authorization: "Bearer ben" });
  expect(response.status).toBe(200);
  expect(response.headers.get("www-authenticate")).toBeNull();
  expect(rpc.result).toMatchObject({
    isError: true,
    content: [{ text: "This call needs a credential with the scope wipe" }],
    _meta: { "quater/error": { code: "missing_scope" } },
  });
  const client = new Client({ name: "test", version: "1" });
  const requestInit = { headers: { authorization: "Bearer ben" } };
  await client.connect(new StreamableHTTPClientTransport(new URL(urlOf(app)), { requestInit }) as never);
  expect(await client.callTool({ name: "wipe", arguments: {} })).toMatchObject({ isError: true });
  await client.close();
});

test("an MCP caller who lacks a scope and a role gets the same answer for a tool as for an unknown tool", async () => {
  const both = handler({
    description: "Needs both.",
    effect: "read",
    input: Type.Object({}),
    auth: [can("wipe"), hasRole("auditor")],
    handle: () => "secret",
  });
  const authenticate = tokens({ eve: principal({ subject: "eve" }) });
  await using app = await boot({ handlers: { both }, plugins: [http({ port: 0 }), mcp({ authenticate })] });
  const { rpc } = await post(app, callText("both"), { authorization: "Bearer eve" });
  expect(rpc.error).toMatchObject({ code: -32602, data: { code: "unknown_handler" } });
});

test("H15: an error of the kind unauthenticated that a handler throws is a tool error without a challenge", async () => {
  const wrongPassword = problem("wrong_password", "unauthenticated");
  const logIn = handler({
    description: "Logs in.",
    effect: "read",
    input: Type.Object({}),
    auth: anyone,
    problems: [wrongPassword],
    handle: () => wrongPassword("The password is wrong"),
  });
  await using app = await boot({ handlers: { logIn } });
  const { response, rpc } = await post(app, callText("logIn"));
  expect(response.status).toBe(200);
  expect(response.headers.get("www-authenticate")).toBeNull();
  expect(rpc.result).toMatchObject({ isError: true, _meta: { "quater/error": { code: "wrong_password" } } });
});

test("the input schema of a tool does not require an input with a default value", async () => {
  await using app = await boot();
  const add = (await toolsFor(app, "ana")).find(({ name }) => name === "add");
  expect(add?.inputSchema).toEqual({
    type: "object",
    properties: { a: { type: "number" }, b: { type: "number", default: 1 } },
    required: ["a"],
    additionalProperties: false,
  });
});

test("an error of a handler or of its input is a tool error over MCP with code, call id and field errors", async () => {
  await using app = await boot();
  const failed = async (name: string, input: string) => {
    const { response, rpc } = await post(app, callText(name, input));
    expect(response.status).toBe(200);
    expect(rpc.result?.isError).toBe(true);
    expect(rpc.result?.structuredContent).toBeUndefined();
    return { text: rpc.result?.content?.[0]?.text, ...(rpc.result?._meta?.["quater/error"] as object) };
  };
  expect(await failed("add", '{"a":"x","verbose":1}')).toMatchObject({
    text: "/a must be a number (and 1 more)\n/verbose is not a known field",
    code: "invalid_input",
    callId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    errors: [
      { path: "/a", message: "must be a number" },
      { path: "/verbose", message: "is not a known field" },
    ],
  });
  expect(await failed("add", "[1]")).toMatchObject({
    text: "the input must be an object",
    code: "invalid_input",
    errors: [{ path: "", message: "must be an object" }],
  });
  expect(await failed("fail", '{"how":"conflict"}')).toMatchObject({
    text: "the order is \\u{1b}[31marchived",
    code: "conflict",
    errors: [],
  });
  const internal = await failed("fail", '{"how":"hunter2"}');
  expect(internal).toMatchObject({ text: "The call failed because of an error inside the server", code: "internal" });
  expect(JSON.stringify(internal)).not.toContain("hunter2");
});

test("a tool error with an x-message also contains each field error", async () => {
  const { QuaterError } = await import("quater");
  const { failureResult } = await import("../../../plugins/mcp/answering/outcome.ts");
  const errors = [
    { path: "/from", message: "is a Sunday" },
    { path: "/to", message: "is before it" },
    { path: "", message: "asks for no day" },
  ];
  const error = new QuaterError({ code: "closed", kind: "conflict", message: "We are closed then", errors });
  const { content } = JSON.parse(failureResult(error, "c")) as { content: { text: string }[] };
  expect(content[0]?.text).toBe("We are closed then\n/from is a Sunday\n/to is before it\nthe input asks for no day");
});

test("the tool error approval_required contains the next steps for the model and details for programs", async () => {
  const { QuaterError } = await import("quater");
  const { definePlugin } = await import("quater/plugin-api");
  const approval = { id: "apr_1", url: "https://shop.example/approvals/apr_1", expiresAt: "2026-11-23T00:00:00Z" };
  const ask = definePlugin(() => ({
    name: "ask",
    hooks: {
      approve: () => ({
        allow: false as const,
        by: "ask",
        error: new QuaterError({
          code: "approval_required",
          kind: "approval_required",
          message: "Approval is required",
          details: { approval },
        }),
      }),
    },
  }));
  await using app = await boot({
    plugins: [(await import("quater/http")).http({ port: 0 }), mcp({ authenticate: tokens(people) }), ask()],
    handlers: { pay },
  });
  const { response, rpc } = await post(app, callText("pay"));
  expect(response.status).toBe(200);
  expect(rpc.result?.isError).toBe(true);
  expect(rpc.result?.content?.[0]?.text).toBe(
    "Approval is required\nNothing has been done yet. A human must approve this exact call (approval apr_1) at " +
      "https://shop.example/approvals/apr_1. Tell the user that the approval is needed. Do not ask for the approval in this conversation, " +
      "because an answer in the conversation does not count as approval. After the approval, repeat this call with the same arguments. A call with other arguments needs another approval. " +
      "People can approve the call until 2026-11-23T00:00:00Z.",
  );
  expect(rpc.result?._meta).toMatchObject({ "quater/approval": approval, "quater/error": { code: "approval_required" } });
});

const pay = handler({
  description: "Pays.",
  effect: "destructive",
  input: Type.Object({}),
  auth: authenticated,
  handle: () => "paid",
});

test("a dry run of an MCP tool does not run the handler, and the answer does not have the form of the output", async () => {
  const handled: unknown[] = [];
  const make = handler({
    description: "Makes.",
    effect: "write",
    input: Type.Object({ n: Type.Integer() }),
    output: Type.Object({ made: Type.Integer() }),
    auth: anyone,
    handle: ({ n }) => {
      handled.push(n);
      return { made: n };
    },
  });
  await using app = await boot({ handlers: { make } });
  const { rpc } = await post(app, callText("make", '{"n":1}', ',"_meta":{"quater/dryRun":true}'));
  expect(rpc.result?._meta?.["quater/dryRun"]).toMatchObject({ handler: "make", input: { n: 1 }, approval: { required: false } });
  expect(JSON.parse(rpc.result?.content?.[0]?.text ?? "")).toEqual(rpc.result?._meta?.["quater/dryRun"]);
  expect(rpc.result?.structuredContent).toBeUndefined();
  for (const unsure of ['"yes"', "1", "null"]) {
    const answer = await post(app, callText("make", '{"n":1}', `,"_meta":{"quater/dryRun":${unsure}}`));
    expect(answer.rpc.error).toMatchObject({ code: -32602 });
  }
  expect(handled).toEqual([]);
});

test("neither the messages nor the headers of an MCP call can change its principal or surface", async () => {
  await using app = await boot();
  const forged =
    ',"surface":"http","principal":{"subject":"eve"},"_meta":{"surface":"direct","principal":{"subject":"eve"},"callId":"forged"}';
  const more = { authorization: "Bearer ana", "x-surface": "http", "x-principal": "eve", "quater-surface": "http" };
  const { rpc } = await post(app, callText("note", '{"text":"hi"}', forged), more);
  const { by } = JSON.parse(rpc.result?.content?.[0]?.text ?? "") as { by: unknown };
  // A caller with the credential of a person is an agent that acts for the person, and the principal has no `person`.
  expect(by).toEqual({
    issuer: "test",
    subject: "ana",
    kind: "agent",
    actsFor: "ana",
    credential: "test:ana",
    scopes: ["wipe"],
    roles: [],
    claims: {},
  });
  expect(rpc.result?._meta?.["quater/callId"]).toMatch(/^[0-9a-f-]{36}$/);
  expect((await post(app, callText("hidden", "{}", forged), more)).rpc.error).toMatchObject({
    data: { code: "unknown_handler" },
  });
});

test("parallel MCP calls of different principals get only their own results", async () => {
  await using app = await boot();
  const calls = Array.from({ length: 200 }, async (_, at) => {
    const who = at % 2 === 0 ? "ana" : "ben";
    const text = `{"jsonrpc":"2.0","id":"${who}-${at}","method":"tools/call","params":{"name":"note","arguments":{"text":"${at}"}}}`;
    const { rpc } = await post(app, text, { authorization: `Bearer ${who}` });
    const { text: kept, by } = JSON.parse(rpc.result?.content?.[0]?.text ?? "") as { text: string; by: { subject: string } };
    expect([rpc.id, kept, by.subject]).toEqual([`${who}-${at}`, String(at), who]);
  });
  await Promise.all(calls);
});

test("boot refuses exposed tools when mcp() has no authenticate option, and names the option", async () => {
  await expect(bootTest({ handlers: { pay }, expose: { pay: { mcp: true } }, plugins: [mcp()] })).rejects.toThrow(
    /MCP tools are exposed, but the plugin mcp\(\) has no authenticate option.*mcp\(\{ authenticate/s,
  );
});

test("boot refuses an MCP tool whose input is not an object", async () => {
  const either = handler({
    description: "Takes a union.",
    effect: "read",
    input: Type.Intersect([Type.Union([Type.Object({ a: Type.String() }), Type.Object({ b: Type.String() })])]),
    auth: anyone,
    handle: () => null,
  });
  const both = handler({
    description: "Takes an intersection.",
    effect: "read",
    input: Type.Intersect([Type.Object({ a: Type.String() }), Type.Object({ b: Type.String() })]),
    auth: anyone,
    handle: ({ a, b }) => a + b,
  });
  const plugins = [mcp({ authenticate: tokens({ ana: principal() }) })];
  await expect(bootTest({ handlers: { either }, expose: { either: { mcp: true } }, plugins })).rejects.toThrow(/not an object/);
  await using app = await bootTest({
    handlers: { both },
    expose: { both: { mcp: { title: "Both", openWorld: false } } },
    plugins,
  });
  expect(await app.acrossSurfaces({ handler: "both", input: { json: '{"a":"x","b":"y"}' }, token: "ana" })).toEqual({
    mcp: { ok: true, value: "xy" },
  });
});

test("the client of the MCP SDK can compile the recursive schemas of two tools in one tools/list answer", async () => {
  const tree = (name: string) =>
    handler({
      description: `Gives a tree ${name}.`,
      effect: "read",
      input: Type.Object({}),
      output: Type.Cyclic({ Node: Type.Object({ name: Type.String(), next: Type.Optional(Type.Ref("Node")) }) }, "Node"),
      auth: anyone,
      handle: () => ({ name, next: { name } }),
    });
  await using app = await boot({ handlers: { oak: tree("oak"), elm: tree("elm") } });
  const { AjvJsonSchemaValidator } = await import("@modelcontextprotocol/sdk/validation/ajv");
  const validators = new AjvJsonSchemaValidator();
  for (const { name, outputSchema } of await toolsFor(app, "ana")) {
    const check = validators.getValidator(outputSchema as never);
    const answer: Rpc = (await post(app, callText(name))).rpc;
    expect(check(answer.result?.structuredContent)).toMatchObject({ valid: true });
    expect(check({ result: { name: 1 } })).toMatchObject({ valid: false });
  }
});
