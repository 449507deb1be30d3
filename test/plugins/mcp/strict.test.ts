// Messages that cannot be parsed, or that two parsers would read differently.

import { http } from "quater/http";
import { mcp, mcpRef, stdioProbe } from "quater/mcp";
import { bootTest, tokens } from "quater/testing";
import { expect, test } from "vitest";
import { add, boot, callText, people, post, session } from "./shop.ts";

const refusals: readonly (readonly [what: string, input: string, code: string, path: string, message: string])[] = [
  ["a repeated key", '{"a":1,"a":2}', "json_duplicate_key", "/a", "is given more than once"],
  ["a key repeated by its escape", '{"a":1,"\\u0061":2}', "json_duplicate_key", "/a", "is given more than once"],
  ["a prototype", '{"a":1,"__proto__":{}}', "json_forbidden_key", "/__proto__", "is not allowed as a key"],
  [
    "half a surrogate pair",
    '{"a":"\\ud800"}',
    "json_bad_unicode",
    "/a",
    "contains half of a surrogate pair, which is not valid Unicode",
  ],
  ["a number beyond doubles", '{"a":1e400}', "json_number_lossy", "/a", "is a number that JavaScript cannot represent exactly"],
  [
    "an integer that is rounded",
    '{"a":[9007199254740993]}',
    "json_number_lossy",
    "/a/0",
    "is a number that JavaScript cannot represent exactly",
  ],
];

test.each(refusals)(
  "tool arguments with %s give a tool error with code and path, over HTTP and over stdio",
  async (_what, input, code, path, message) => {
    await using app = await boot();
    const { response, rpc } = await post(app, callText("add", input));
    expect(response.status).toBe(200);
    expect(rpc).toMatchObject({
      id: 7,
      result: { isError: true, _meta: { "quater/error": { code, errors: [{ path, message }] } } },
    });
    expect(rpc.result?.content?.[0]?.text).toBe(`${path} ${message}`);
    const service = app.services.get(mcpRef);
    const call = { handler: "add", input: { json: input }, token: "ana" };
    const overStdio = await stdioProbe(service, app.catalog)(call);
    expect(overStdio).toEqual({ ok: false, code, message: `${path} ${message}`, errors: [{ path, message }] });
    expect(await app.acrossSurfaces(call, ["mcp"])).toEqual({ mcp: overStdio });
  },
);

test("an MCP error outside of tool arguments is a JSON-RPC error with the id of the request if the id is valid", async () => {
  await using app = await boot();
  const answer = async (body: string) => {
    const { response, rpc } = await post(app, body);
    expect(response.status).toBe(400);
    return { id: rpc.id, code: rpc.error?.code, data: rpc.error?.data?.code };
  };
  expect(await answer('{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/list"}')).toEqual({
    id: 1,
    code: -32600,
    data: "json_duplicate_key",
  });
  expect(await answer('{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}')).toEqual({
    id: undefined,
    code: -32600,
    data: "json_duplicate_key",
  });
  expect(await answer(callText("add", '{"a":1}', ',"name":"names"'))).toEqual({
    id: 7,
    code: -32600,
    data: "json_duplicate_key",
  });
  expect(await answer(callText("add", '{"a":1}', ',"_meta":{"__proto__":{}}'))).toEqual({
    id: 7,
    code: -32600,
    data: "json_forbidden_key",
  });
  expect(await answer(callText("add", '{"a":1}', ',"argumentsToo":{"a":1,"a":2}'))).toEqual({
    id: 7,
    code: -32600,
    data: "json_duplicate_key",
  });
  expect(await answer(callText("add", "{"))).toEqual({ id: undefined, code: -32700, data: "json_invalid" });
  expect(await answer("")).toEqual({ id: undefined, code: -32700, data: "json_invalid" });
  expect(await answer("\ufeff{}")).toEqual({ id: undefined, code: -32600, data: "json_bad_unicode" });
});

test("the error for a refused MCP message contains no text of a library", async () => {
  await using app = await boot();
  const texts = await Promise.all(
    [
      callText("add", "{"),
      '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":5}}',
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}}',
      '{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":5}}',
      '{"jsonrpc":"2.0","id":{},"method":"ping"}',
    ].map(async (body) => (await post(app, body)).rpc.error?.message),
  );
  expect(texts).toEqual([
    expect.stringMatching(/^the input is not valid JSON[^{"]*$/),
    "initialize needs protocolVersion (string), capabilities (object) and clientInfo with name and version (strings)",
    'The params of tools/call must have "name", the name of a tool',
    "Method not found",
    'The "id" of a request must be an integer or a string of at most 256 characters',
  ]);
});

test("an MCP request that the MCP SDK does not recognise gets an answer", async () => {
  await using app = await boot();
  for (const params of ['{"_meta":5}', '{"_meta":{"progressToken":{}}}']) {
    const { rpc } = await post(app, `{"jsonrpc":"2.0","id":1,"method":"prompts/list","params":${params}}`);
    expect(rpc).toMatchObject({ id: 1, error: { code: expect.any(Number) } });
  }
});

test("MCP refuses a JSON-RPC batch and runs none of its requests", async () => {
  await using app = await boot();
  const { response, rpc } = await post(app, `[${callText("add", '{"a":1}')},${callText("add", '{"a":2}')}]`);
  expect(response.status).toBe(400);
  expect(rpc).toEqual({
    jsonrpc: "2.0",
    error: { code: -32600, message: "The server does not accept JSON-RPC batches. Send one message per request" },
  });
});

test("the error for a malformed MCP request is one sentence", async () => {
  await using app = await boot();
  const code = async (body: string) => (await post(app, body)).rpc.error?.code;
  expect(await code('{"id":1,"method":"ping"}')).toBe(-32600);
  expect(await code('{"jsonrpc":"2.0","id":null,"method":"ping"}')).toBe(-32600);
  expect(await code('{"jsonrpc":"2.0","id":1.5,"method":"ping"}')).toBe(-32600);
  expect(await code('{"jsonrpc":"2.0","id":1}')).toBe(-32600);
  expect(await code('{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}')).toBe(-32600);
  expect(await code('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":5}}')).toBe(-32602);
  expect(await code('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add","_meta":1}}')).toBe(-32602);
  expect(await code(callText("count", '{"to":1}', ',"_meta":{"progressToken":{}}'))).toBe(-32602);
  expect(await code('{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"x"}}')).toBe(-32602);
  expect(await code('{"jsonrpc":"2.0","id":1,"method":"tools/nothing"}')).toBe(-32601);
});

test("the MCP server ignores the field task in a request", async () => {
  await using app = await boot();
  expect((await post(app, callText("add", '{"a":1}', ',"task":{"ttl":1000}'))).rpc.result).toMatchObject({
    structuredContent: { sum: 2 },
  });
});

test("an MCP session over stdio continues after malformed, too long, blank and unterminated lines", async () => {
  await using app = await boot();
  const stdio = session(app, "ana");
  stdio.write("not json");
  expect(await stdio.next()).toEqual({ jsonrpc: "2.0", error: expect.objectContaining({ code: -32700 }) });
  stdio.write(`"${"x".repeat(1_100_000)}"`);
  expect(await stdio.next()).toEqual({
    jsonrpc: "2.0",
    error: expect.objectContaining({ code: -32600, data: { code: "too_large", errors: [] } }),
  });
  stdio.write("\r\n");
  stdio.write('[{"jsonrpc":"2.0","id":1,"method":"ping"}]');
  expect(await stdio.next()).toEqual({ jsonrpc: "2.0", error: expect.objectContaining({ code: -32600 }) });
  stdio.write('{"jsonrpc":"2.0","id":"é","method":"ping"}');
  expect(await stdio.next()).toEqual({ jsonrpc: "2.0", id: "é", result: {} });
  expect(await stdio.end()).toEqual([]);
});

test("the surfaces http and mcp give the same error for the same input", async () => {
  const plugins = [http({ port: 0, authenticate: tokens(people) }), mcp({ authenticate: tokens(people) })];
  const exposed = { add: { http: "POST /add", mcp: true } };
  await using app = await bootTest({ handlers: { add }, expose: exposed, plugins });
  for (const json of [
    '{"a":1}',
    '{"a":"1"}',
    "[]",
    "null",
    '{"verbose":1}',
    '{"a":1,"a":2}',
    '{"a":1e400}',
    '{"a":{"__proto__":1}}',
  ]) {
    const seen = await app.acrossSurfaces({ handler: "add", input: { json }, token: "ana" });
    expect([json, seen["mcp"]]).toEqual([json, seen["http"]]);
  }
  const stranger = await app.acrossSurfaces({ handler: "add", input: { json: '{"a":1}' }, token: "stranger" });
  expect(stranger["mcp"]).toEqual(stranger["http"]);
});
