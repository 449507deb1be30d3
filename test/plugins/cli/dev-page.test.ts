// `quater dev`: its page at `/`, the command lines to paste, and the reasons of refusals.

import { exec } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { devServer } from "./dev-kit.ts";

test("quater dev serves a page at / with routes, tools, actions and links, without a key and with a strict content security policy", async () => {
  await using server = await devServer();
  const answer = await fetch(`${server.url}/`);
  const page = await answer.text();
  expect([answer.status, answer.headers.get("content-type"), answer.headers.get("cache-control")]).toEqual([
    200,
    "text/html; charset=utf-8",
    "no-store",
  ]);
  expect(answer.headers.get("content-security-policy")).toMatch(
    /^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$/,
  );
  for (const text of [
    "Route <code>GET /orders</code>",
    "Tool <code>listOrders</code>",
    "Action <code>refundOrder</code>",
    "quater run refundOrder --order-id sample --amount-cents 1",
    "finance: 1 with role finance",
    '<a href="/docs">',
    '<a href="/openapi.json">',
    '<a href="/mcp/docs">',
    '<a href="/approvals">',
    "<code>isOwn</code>",
    "No surface can call these handlers: <code>hidden</code>",
    "Show &lt;b&gt;own&lt;/b&gt; data.",
  ])
    expect(page).toContain(text);
  expect(page).not.toContain(server.key);
  expect(page).not.toMatch(/<script|<form|qk_/);
  // Only loopback names are accepted as Host, so another site cannot read the page through a name of its own.
  expect((await fetch(`${server.url}/`, { method: "POST" })).status).toBe(404);
});

test("quater serve does not serve the page of quater dev at /", async () => {
  await using server = await devServer("serve");
  const answer = await fetch(`${server.url}/`);
  expect([answer.status, await answer.json()]).toMatchObject([404, { code: "route_not_found" }]);
});

test("a route of the app at / takes precedence over the page of quater dev", async () => {
  await using server = await devServer("dev", 'hidden: { http: "GET /" }');
  const headers = { authorization: `Bearer ${server.key}` };
  expect(await (await fetch(`${server.url}/`, { headers })).json()).toEqual([]);
  expect(await server.said(/is ready/)).not.toContain("the page of quater dev");
});

test("for each route and action, quater dev prints a command line that works in a shell", async () => {
  await using server = await devServer();
  const [, text = ""] = /Try it:\n([\s\S]*?)\n\n/.exec(await server.said(/Connect an agent/)) ?? [];
  const lines = text.split("\n").map((line) => line.trim());
  const [orders, refund, own, boom, ...actions] = lines;
  expect(actions).toEqual([
    expect.stringMatching(/quater run listOrders$/),
    expect.stringMatching(/quater run refundOrder --order-id sample --amount-cents 1$/),
  ]);
  const codes = await Promise.all(
    [orders, refund, own, boom].map(async (line) => {
      const { stdout } = await promisify(exec)(`${line} -s --max-time 20 -o response.txt -w '%{http_code}'`, {
        cwd: server.folder,
      });
      return stdout;
    }),
  );
  expect(codes).toEqual(["200", "428", "403", "500"]);
});

test("quater dev logs why each HTTP or MCP request was refused, and where the cause of an internal error is", async () => {
  await using server = await devServer();
  const headers = { authorization: `Bearer ${server.key}` };
  const line = async (route: string, code: string) => {
    const pattern = new RegExp(`^\\{.*"route":"${route}".*"code":"${code}".*"message":"request"\\}$`, "m");
    return JSON.parse(pattern.exec(await server.said(pattern))?.[0] ?? "{}") as Record<string, unknown>;
  };
  await fetch(`${server.url}/own?id=a`, { headers });
  expect(await line("/own", "forbidden")).toMatchObject({
    status: 403,
    reason: "The caller is not allowed to make this call",
    policy: "isOwn",
  });
  await fetch(`${server.url}/orders`);
  expect(await line("/orders", "unauthenticated")).toMatchObject({
    status: 401,
    reason: "This call over http needs a credential",
  });
  await fetch(`${server.url}/orders?limit=x`, { headers });
  expect(await line("/orders", "invalid_input")).toMatchObject({ status: 422, reason: "/limit must be an integer" });
  await fetch(`${server.url}/boom`, { headers });
  expect(await line("/boom", "internal")).toMatchObject({
    status: 500,
    reason: "The error line above with this callId contains the cause",
  });
  expect(await server.said(/boom failed/)).toMatch(/"error":"Error: the real cause/);
  const call = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "listOrders", arguments: { limit: "x" } } };
  await fetch(`${server.url}/mcp`, {
    method: "POST",
    headers: { ...headers, "content-type": "application/json", accept: "application/json, text/event-stream" },
    body: JSON.stringify(call),
  });
  expect(await line("/mcp", "invalid_input")).toMatchObject({ handler: "listOrders", reason: "/limit must be an integer" });
});

test("quater serve does not log the reason of a refused request", async () => {
  await using server = await devServer("serve");
  await fetch(`${server.url}/orders`);
  const log = await server.said(/"route":"\/orders".*"message":"request"/);
  expect(log).not.toContain('"reason"');
});
