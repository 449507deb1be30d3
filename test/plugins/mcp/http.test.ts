import { readdir, readFile } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import { PassThrough, Readable } from "node:stream";
import { json, text } from "node:stream/consumers";
import { anyone, handler, Type } from "quater";
import { mcpRef } from "quater/mcp";
import { expect, test } from "vitest";
import { boot, callText, post, urlOf } from "./shop.ts";

const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}';

test("the server refuses an MCP request without a credential before the server reads the request body", async () => {
  await using app = await boot();
  const { port } = new URL(urlOf(app));
  const socket = connect(Number(port), "127.0.0.1");
  const head = [
    "POST /mcp HTTP/1.1",
    "Host: 127.0.0.1",
    "Content-Type: application/json",
    "Accept: application/json, text/event-stream",
  ];
  // The headers announce a body, but the client never sends the body.
  socket.write(`${[...head, "Content-Length: 500"].join("\r\n")}\r\n\r\n`);
  let answer = "";
  for await (const chunk of socket) answer += String(chunk);
  expect(answer).toMatch(/^HTTP\/1\.1 401 /);
  expect(answer).toMatch(/^www-authenticate: Bearer\r$/im);
  expect(answer).toMatch(/^connection: close\r$/im);
  const body = answer
    .slice(answer.indexOf("\r\n\r\n"))
    .replace(/^[^{]*/, "")
    .replace(/[^}]*$/, "");
  expect(JSON.parse(body)).toEqual({
    jsonrpc: "2.0",
    error: expect.objectContaining({ code: -32001, data: expect.objectContaining({ code: "unauthenticated", errors: [] }) }),
  });
});

test("every MCP request gets different error codes for a refused token and for a missing token", async () => {
  await using app = await boot();
  const wrong = await post(app, ping, { authorization: "Bearer wrong" });
  expect(wrong.response.status).toBe(401);
  expect(wrong.response.headers.get("www-authenticate")).toBe('Bearer error="invalid_token"');
  expect(wrong.rpc.error?.data).toMatchObject({ code: "invalid_token" });
  for (const method of ["ping", "initialize", "tools/list", "tools/call", "notifications/initialized"]) {
    expect((await post(app, `{"jsonrpc":"2.0","id":1,"method":"${method}"}`, {})).response.status).toBe(401);
  }
});

test("a failing authenticator gives the MCP client authenticator_failed without the reason", async () => {
  const { http } = await import("quater/http");
  const { mcp } = await import("quater/mcp");
  const authenticate = () => Promise.reject(new Error("db password"));
  await using app = await boot({ plugins: [http({ port: 0, authenticate }), mcp({ authenticate })] });
  const { response, text } = await post(app, ping);
  expect(response.status).toBe(503);
  expect(response.headers.get("retry-after")).toBe("1");
  expect(text).not.toContain("password");
});

test("MCP over HTTP refuses other HTTP methods, media types and protocol versions", async () => {
  await using app = await boot();
  const authorization = "Bearer ana";
  for (const method of ["GET", "DELETE", "PUT"]) {
    const response = await fetch(urlOf(app), { method, headers: { authorization, accept: "text/event-stream" } });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
  }
  const status = async (more: Record<string, string>) => (await post(app, ping, { authorization, ...more })).response.status;
  expect(await status({ "content-type": "text/plain" })).toBe(415);
  expect(await status({ "content-type": "application/json-patch+json" })).toBe(415);
  expect(await status({ "content-type": "application/json; charset=utf-8" })).toBe(200);
  expect(await status({ accept: "text/event-stream" })).toBe(406);
  expect(await status({ accept: "text/html, application/jsonp" })).toBe(406);
  expect(await status({ "mcp-protocol-version": "2025-06-18" })).toBe(200);
  expect(await status({ "mcp-protocol-version": "1999-01-01" })).toBe(400);
});

test.each(["*/*", "application/json", "application/*;q=0.9, text/html", "Application/JSON;q=0.5", ""])(
  "M2: a client that sends the header Accept %j gets JSON, also from a call that reports progress",
  async (accept) => {
    await using app = await boot();
    const message = callText("steps", "{}", ',"_meta":{"progressToken":"p"}');
    const { port } = new URL(urlOf(app));
    // fetch() would send an Accept of its own.
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const sent = { "content-type": "application/json", authorization: "Bearer ana", ...(accept === "" ? {} : { accept }) };
      request({ port, path: "/mcp", method: "POST", headers: sent }, resolve).on("error", reject).end(message);
    });
    expect([answer.statusCode, answer.headers["content-type"]]).toEqual([200, "application/json"]);
    expect(await json(answer)).toMatchObject({ id: 7, result: { content: [{ text: '{"done":true}' }] } });
  },
);

test("M3: MCP answers escape the line separators U+2028 and U+2029 in JSON, in event streams and over stdio", async () => {
  const separated = handler({
    description: "Returns line separators.",
    effect: "read",
    input: Type.Object({}),
    auth: anyone,
    handle: (_, { progress }) => {
      progress(0.5, "a\u2028b");
      return "a\u2028b\u2029c";
    },
  });
  await using app = await boot({ handlers: { separated } });
  const plain = callText("separated");
  const streamed = callText("separated", "{}", ',"_meta":{"progressToken":"p"}');
  const output = new PassThrough();
  const input = Readable.from([`${plain}\n`, `${streamed}\n`]);
  await app.services.get(mcpRef).serveStdio({ input, output, env: { QUATER_MCP_TOKEN: "ana" }, say: () => {} });
  const answers = [(await post(app, plain)).text, (await post(app, streamed)).text, await text(output.end())];
  for (const answer of answers) expect(answer).toContain("a\\u2028b\\u2029c");
  for (const answer of answers) expect(answer).not.toMatch(/[\u2028\u2029]/);
});

test("MCP over HTTP refuses a request whose headers disagree with its body", async () => {
  await using app = await boot();
  const authorization = "Bearer ana";
  const call = callText("add", '{"a":1}');
  const agree = await post(app, call, { authorization, "mcp-method": "tools/call", "mcp-name": "add" });
  expect(agree.response.status).toBe(200);
  for (const lie of [{ "mcp-method": "tools/list" }, { "mcp-name": "names" }]) {
    const { response, rpc } = await post(app, call, { authorization, ...lie });
    expect([response.status, rpc.error?.code]).toEqual([400, -32020]);
  }
});

test("notifications and responses of an MCP client get 202 without a body", async () => {
  await using app = await boot();
  for (const body of ['{"jsonrpc":"2.0","method":"notifications/initialized"}', '{"jsonrpc":"2.0","id":1,"result":{}}']) {
    const { response, text } = await post(app, body);
    expect([response.status, text]).toEqual([202, ""]);
  }
});

test("the MCP answer to initialize has the protocol version of the client if Quater supports it, and the newest version otherwise", async () => {
  await using app = await boot();
  const { SUPPORTED_PROTOCOL_VERSIONS } = await import("@modelcontextprotocol/sdk/types.js");
  const settled = async (version: string) => {
    const params = `{"protocolVersion":"${version}","capabilities":{},"clientInfo":{"name":"t","version":"1"}}`;
    const { rpc } = await post(app, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":${params}}`);
    return rpc.result?.protocolVersion ?? "";
  };
  for (const version of SUPPORTED_PROTOCOL_VERSIONS) {
    expect(await settled(version)).toBe(version);
    // Later requests may name every version that client and server can agree on in `initialize`.
    expect((await post(app, ping, { authorization: "Bearer ana", "mcp-protocol-version": version })).response.status).toBe(200);
  }
  expect(await settled("2099-01-01")).toBe("2025-11-25");
});

test("an MCP answer over HTTP is an event stream if the client requested progress, and plain JSON otherwise", async () => {
  await using app = await boot();
  const silent = await post(app, callText("steps"));
  expect(silent.response.headers.get("content-type")).toBe("application/json");
  const nothingToTell = await post(app, callText("add", '{"a":1}', ',"_meta":{"progressToken":1}'));
  expect(nothingToTell.response.headers.get("content-type")).toBe("application/json");
  const told = await post(app, callText("count", '{"to":2}', ',"_meta":{"progressToken":"p"}'));
  expect(told.response.headers.get("content-type")).toBe("text/event-stream");
  const events = told.text
    .split("\n\n")
    .filter(Boolean)
    .map((event) => JSON.parse(event.replace("event: message\ndata: ", "")) as unknown);
  expect(events).toEqual([
    { jsonrpc: "2.0", method: "notifications/progress", params: { progressToken: "p", progress: 1, message: '{"n":1}' } },
    { jsonrpc: "2.0", method: "notifications/progress", params: { progressToken: "p", progress: 2, message: '{"n":2}' } },
    expect.objectContaining({ id: 7, result: expect.objectContaining({ structuredContent: { result: [{ n: 1 }, { n: 2 }] } }) }),
  ]);
});

test("a tool call whose stream fails in the middle gets progress messages and then a tool error", async () => {
  const { stream } = await import("quater");
  const broken = handler({
    description: "Breaks.",
    effect: "read",
    input: Type.Object({}),
    output: stream(Type.Integer()),
    auth: anyone,
    async *handle() {
      yield 1;
      throw new Error("disk /dev/sda");
    },
  });
  await using app = await boot({ handlers: { broken } });
  const { text } = await post(app, callText("broken", "{}", ',"_meta":{"progressToken":1}'));
  expect(text).toContain('"message":"1"');
  expect(text).toContain('"isError":true');
  expect(text).not.toContain("/dev/sda");
});

test("the server refuses an MCP request body above maxBodyBytes", async () => {
  await using app = await boot();
  const { response } = await post(app, callText("note", `{"text":"${"x".repeat(1_100_000)}"}`));
  expect(response.status).toBe(413);
});

test("each MCP SDK is imported by one file, and other files import that file only when they need it", async () => {
  const folder = new URL("../../../plugins/mcp/", import.meta.url);
  const found = {
    "@modelcontextprotocol/sdk": [] as string[],
    "@modelcontextprotocol/server": [] as string[],
    early: [] as string[],
  };
  for (const name of await readdir(folder, { recursive: true })) {
    if (!name.endsWith(".ts")) continue;
    const text = await readFile(new URL(name, folder), "utf8");
    for (const sdk of ["@modelcontextprotocol/sdk", "@modelcontextprotocol/server"] as const)
      if (text.includes(`"${sdk}`)) found[sdk].push(name);
    if (/from "(?:\.\.?\/)+(?:protocol\/)?(?:legacy|modern)\.ts"/.test(text)) found.early.push(name);
  }
  expect(found).toEqual({
    "@modelcontextprotocol/sdk": ["protocol/legacy.ts"],
    "@modelcontextprotocol/server": ["protocol/modern.ts"],
    early: [],
  });
});
