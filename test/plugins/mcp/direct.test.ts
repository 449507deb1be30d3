// Quater answers POST /mcp without Koa if no middleware is mounted before /mcp, and otherwise through Koa. The answers are the
// same.

import { http, httpRef } from "quater/http";
import { mcp } from "quater/mcp";
import type { ConfiguredPlugin } from "quater/plugin-api";
import { type TestApp, tokens } from "quater/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { around, counting, mounting, throughKoa } from "../http/shop.ts";
import { answerTo, head } from "../http/socket.ts";
import { boot, callText, people } from "./shop.ts";

const bootWith = (...others: readonly ConfiguredPlugin[]): Promise<TestApp> =>
  boot({
    plugins: [
      http({ port: 0, authenticate: tokens(people), allowedOrigins: ["https://app.example"], maxBodyBytes: 1_000 }),
      mounting(counting, "counting"),
      ...others,
      mcp({ authenticate: tokens(people) }),
    ],
  });

let direct: TestApp;
let mounted: TestApp;
const baseOf = (app: TestApp) => app.services.get(httpRef).baseUrl ?? "";
beforeAll(async () => {
  direct = await bootWith();
  mounted = await bootWith(around);
});
afterAll(async () => {
  await direct.stop();
  await mounted.stop();
});

const ana = "Authorization: Bearer ana";
const usual = ["Content-Type: application/json", "Accept: application/json, text/event-stream"];
const post = (body: string, ...headers: string[]) =>
  `${head("POST /mcp HTTP/1.1", ...headers, `Content-Length: ${Buffer.byteLength(body)}`)}${body}`;
const asAna = (body: string, ...more: string[]) => post(body, ana, ...usual, ...more);
const progress = ',"_meta":{"progressToken":1}';
const initialize =
  '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}}';
const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}';

const requests: Readonly<Record<string, string>> = {
  "a call": asAna(callText("add", '{"a":1}')),
  "a call of a tool without an output schema": asAna(callText("note", '{"text":"a"}')),
  "a call that fails": asAna(callText("fail", '{"how":"x"}')),
  "a call with a conflict": asAna(callText("fail", '{"how":"conflict"}')),
  "a call with wrong arguments": asAna(callText("add", '{"a":"x"}')),
  "a call with arguments that are not strict JSON": asAna(callText("add", '{"a":1,"a":2}')),
  "a call of a tool that nobody has": asAna(callText("none")),
  "a call of a tool that is hidden from the caller": asAna(callText("audit")),
  "a call without a scope": post(callText("wipe"), "Authorization: Bearer ben", ...usual),
  "a dry run": asAna(callText("add", '{"a":1}', ',"_meta":{"quater/dryRun":true}')),
  "a call with progress": asAna(callText("steps", "{}", progress)),
  "a stream with progress": asAna(callText("count", '{"to":2}', progress)),
  "a stream": asAna(callText("count", '{"to":2}')),
  "the list of tools": asAna('{"jsonrpc":"2.0","id":1,"method":"tools/list"}'),
  ping: asAna(ping),
  initialize: asAna(initialize),
  "a method that nobody has": asAna('{"jsonrpc":"2.0","id":1,"method":"other"}'),
  "a notification": asAna('{"jsonrpc":"2.0","method":"notifications/initialized"}'),
  "a batch": asAna(`[${ping}]`),
  "JSON that is not valid": asAna("{"),
  "a header that disagrees with the body": asAna(callText("add", '{"a":1}'), "Mcp-Name: names"),
  "no credential": post(ping, ...usual),
  "a wrong credential": post(ping, "Authorization: Bearer nobody", ...usual),
  "no credential and a body that is not sent": head("POST /mcp HTTP/1.1", ...usual, "Content-Length: 500"),
  "another media type": post(ping, ana, "Content-Type: text/plain", "Accept: application/json, text/event-stream"),
  "an Accept without event streams": post(ping, ana, "Content-Type: application/json", "Accept: application/json"),
  "an old version of the protocol": asAna(ping, "MCP-Protocol-Version: 1999-01-01"),
  "a compressed body": asAna(ping, "Content-Encoding: gzip"),
  "another charset": post(
    ping,
    ana,
    "Content-Type: application/json; charset=latin1",
    "Accept: application/json, text/event-stream",
  ),
  "a body over the limit": asAna(callText("note", `{"text":"${"a".repeat(1_000)}"}`)),
  "a body in chunks": `${head("POST /mcp HTTP/1.1", ana, ...usual, "Transfer-Encoding: chunked")}${ping.length.toString(16)}\r\n${ping}\r\n0\r\n\r\n`,
  "Expect: 100-continue": asAna(ping, "Expect: 100-continue"),
  "a GET": head("GET /mcp HTTP/1.1", ana, "Accept: text/event-stream"),
  "a HEAD": head("HEAD /mcp HTTP/1.1", ana),
  "a DELETE": head("DELETE /mcp HTTP/1.1", ana),
  OPTIONS: head("OPTIONS /mcp HTTP/1.1"),
  "HTTP/1.0": asAna(ping).replace("HTTP/1.1", "HTTP/1.0"),
  "a query": asAna(ping).replace("/mcp ", "/mcp?a=1 "),
  "another spelling": asAna(ping).replace("/mcp ", "/%6dcp "),
  "a slash at the end": asAna(ping).replace("/mcp ", "/mcp/ "),
  "a page of a listed origin": asAna(callText("add", '{"a":1}'), "Origin: https://app.example"),
  "a stream for a page of a listed origin": asAna(callText("steps", "{}", progress), "Origin: https://app.example"),
  "a page of another origin": asAna(ping, "Origin: https://evil.example"),
  "a preflight": head("OPTIONS /mcp HTTP/1.1", "Origin: https://app.example", "Access-Control-Request-Method: POST"),
  "a Host that is not the server's": asAna(ping).replace("127.0.0.1", "evil.example"),
};

/** Replaces the session id, because each session id is different. */
const withoutSession = (answer: Awaited<ReturnType<typeof answerTo>>) => ({
  ...answer,
  lines: answer.lines.map((line) => line.replace(/^(mcp-session-id: )[\w-]{72}$/, "$1<session>")),
});

describe("the server answers requests to /mcp directly and through Koa", () => {
  test.each(Object.entries(requests))(
    'the server gives the MCP request "%s" the same answer directly and through Koa',
    async (_, bytes) => {
      const answer = withoutSession(await answerTo(baseOf(direct), bytes));
      expect(answer.status).toMatch(/^http\/1\.1 \d{3} /i);
      expect(answer).toEqual(withoutSession(await answerTo(baseOf(mounted), bytes)));
    },
  );
});

test("the server creates a Koa context for a request to /mcp only when middleware is mounted in front of /mcp", async () => {
  throughKoa.length = 0;
  for (const name of ["a call", "a notification", "no credential", "a GET", "a stream with progress"])
    await answerTo(baseOf(direct), requests[name] ?? "");
  expect(throughKoa).toEqual([]);
  const call = await answerTo(baseOf(mounted), requests["a call"] ?? "");
  expect(call.status).toBe("http/1.1 200 ok");
  expect(throughKoa).toEqual(["/mcp"]);
});

test("middleware that is mounted under /mcp wraps MCP requests", async () => {
  const marking = mounting(({ under }) =>
    under("/mcp", async (ctx, next) => {
      await next();
      ctx.set("x-under", "1");
    }),
  );
  await using app = await bootWith(marking);
  const { status, lines } = await answerTo(baseOf(app), requests["a call"] ?? "");
  expect([status, lines.filter((line) => line.startsWith("x-under"))]).toEqual(["http/1.1 200 ok", ["x-under: 1"]]);
});
