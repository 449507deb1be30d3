// The access log: one line for each request.

import { once } from "node:events";
import { httpRef } from "quater/http";
import { mcp } from "quater/plugins";
import { principal, type TestApp, tokens } from "quater/testing";
import { describe, expect, test, vi } from "vitest";
import { around, bootShop, mounting } from "./shop.ts";
import { raw } from "./socket.ts";

const baseOf = (app: TestApp) => app.services.get(httpRef).baseUrl ?? "";
const linesOf = (app: TestApp) => app.log.filter(({ message }) => message === "request").map(({ fields }) => fields);
const head = (line: string, ...headers: string[]) =>
  [line, "Host: 127.0.0.1", "Connection: close", ...headers, "", ""].join("\r\n");
const ana = "Authorization: Bearer ana";

/** The only line that this request wrote. */
const lineOf = async (app: TestApp, bytes: string) => {
  const before = linesOf(app).length;
  const { text } = await raw(baseOf(app), bytes, { keepOpen: true });
  const line = await vi.waitUntil(() => linesOf(app)[before]);
  expect(linesOf(app)).toHaveLength(before + 1);
  return { line, text };
};

describe.each([
  ["directly", []],
  ["through Koa", [around]],
])("the access log contains lines of a route that the server answers %s", (_, plugins) => {
  test("an access log line contains call id, route, handler, principal, status, duration and bytes of a request", async () => {
    await using app = await bootShop({ accessLog: true }, plugins);
    const { line, text } = await lineOf(app, head("GET /orders/o-secret?fields=a HTTP/1.1", ana));
    expect(line).toEqual({
      callId: /(?<=x-request-id: )\S+/i.exec(text)?.[0],
      method: "GET",
      route: "/orders/:orderId",
      handler: "getOrder",
      principal: "test:ana",
      status: 200,
      durationMs: expect.any(Number),
      bytes: Buffer.byteLength(text),
    });
    expect(JSON.stringify(app.log)).not.toMatch(/o-secret|fields=|Bearer/);
  });

  test("the access log line of a request with a refused credential has no principal", async () => {
    await using app = await bootShop({ accessLog: true }, plugins);
    const { line } = await lineOf(app, head("GET /orders/o1 HTTP/1.1", "Authorization: Bearer nobody"));
    expect(line).toMatchObject({ route: "/orders/:orderId", handler: "getOrder", status: 401 });
    expect(line).toMatchObject({ principal: undefined });
  });

  test('the access log line of a request without a credential has the principal "anonymous"', async () => {
    await using app = await bootShop({ accessLog: true }, plugins);
    const { line } = await lineOf(app, head("GET /status HTTP/1.1"));
    expect(line).toMatchObject({ handler: "status", principal: "anonymous", status: 200 });
  });
});

test.each([
  ["a Host that is not the server's", head("GET /orders/o1 HTTP/1.1", ana).replace("127.0.0.1", "evil.example"), 421],
  ["a path that no route has", head("GET /secret-path?q=1 HTTP/1.1", ana), 404],
  ["a request that is not HTTP", "GARBAGE\r\n\r\n", 400],
])("the access log line of a request with %s has no handler", async (_, bytes, status) => {
  await using app = await bootShop({ accessLog: true });
  const { line, text } = await lineOf(app, bytes);
  expect(line).toMatchObject({ status, bytes: Buffer.byteLength(text) });
  expect(line?.["handler"]).toBeUndefined();
  expect(line?.["route"]).toBeUndefined();
  expect(JSON.stringify(line)).not.toContain("secret-path");
});

test("the access log line of a request has the status 499 when the client leaves before the answer", async () => {
  const leaving = new AbortController();
  const slow = mounting(({ at }) =>
    at("/slow", async ({ res }) => {
      leaving.abort();
      await once(res, "close");
    }),
  );
  await using app = await bootShop({ accessLog: true }, [slow]);
  await expect(fetch(`${baseOf(app)}/slow`, { signal: leaving.signal })).rejects.toThrow();
  const line = await vi.waitUntil(() => linesOf(app)[0]);
  expect(line).toMatchObject({ route: "/slow", status: 499, isCutOff: true });
});

test("access log lines of Quater's own paths, plugin routes and MCP tools have route, handler and principal", async () => {
  const plugins = [
    mcp({ authenticate: tokens({ ana: principal() }) }),
    mounting(({ router }) => void router.get("/pages/:page", (ctx) => ctx.throw(418))),
  ];
  await using app = await bootShop({ accessLog: true }, plugins);
  expect((await lineOf(app, head("GET /health HTTP/1.1"))).line).toMatchObject({ route: "/health", status: 200 });
  expect((await lineOf(app, head("GET /pages/p-secret HTTP/1.1"))).line).toMatchObject({ route: "/pages/:page" });
  expect((await lineOf(app, head("GET /openapi.json HTTP/1.1", ana))).line).toMatchObject({ principal: "test:ana" });
  const dryRun = head(
    "POST /__quater__/dry-run/createOrder HTTP/1.1",
    ana,
    "Content-Type: application/json",
    "Content-Length: 2",
  );
  expect((await lineOf(app, `${dryRun}{}`)).line).toMatchObject({
    route: "/__quater__/dry-run/:handler",
    handler: "createOrder",
    principal: "test:ana",
    status: 422,
  });
  const list = '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}';
  const toMcp = head(
    "POST /mcp HTTP/1.1",
    ana,
    "Content-Type: application/json",
    "Accept: application/json, text/event-stream",
    `Content-Length: ${list.length}`,
  );
  expect((await lineOf(app, toMcp + list)).line).toMatchObject({ route: "/mcp", principal: "test:ana", status: 200 });
});

test("the test kit writes no access log unless a test turns the access log on", async () => {
  await using app = await bootShop();
  await raw(baseOf(app), head("GET /orders/o1 HTTP/1.1", ana), { keepOpen: true });
  expect(linesOf(app)).toEqual([]);
});
