// Messages of broken and hostile clients. Each message gets its expected answer, which contains no text of a library, and the
// server continues.

import { connect } from "node:net";
import type { TestApp } from "quater/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Answer, type Case, groups } from "./abuse-messages.ts";
import { boot, callText, headers, type Rpc, session, urlOf } from "./shop.ts";

/** How long a client waits for an answer, milliseconds. */
const patienceMs = 5_000;

/** Texts of Node, of V8 and of the SDKs. */
const foreign =
  /zod|ajv|invalid_type|Unexpected (?:token|end)|JSON at position|in JSON|MCP error|McpError|SyntaxError|TypeError|RangeError|Cannot read|is not a function|node_modules|\bat .+:\d+:\d+|stack|undefined|\[object/i;

const ping = '{"jsonrpc":"2.0","id":7,"method":"ping"}';

let app: TestApp;
beforeAll(async () => {
  app = await boot();
});
afterAll(async () => {
  // No message made the server fail.
  expect(app.log.filter(({ level }) => level === "error")).toEqual([]);
  await app.stop();
});

const answerIn = ({ error, result }: Rpc): Answer => error?.code ?? (result?.isError === true ? "tool error" : "result");

interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** @returns Status, answer and id. */
const sent = async ({ method = "POST", headers: more = {}, body }: Sent): Promise<readonly unknown[]> => {
  const response = await fetch(urlOf(app), {
    method,
    headers: { ...headers, authorization: "Bearer ana", ...more },
    ...(body === undefined ? {} : { body }),
    signal: AbortSignal.timeout(patienceMs),
  });
  const text = await response.text();
  expect(text).not.toMatch(foreign);
  if (text === "") return [response.status, "nothing"];
  const rpc = JSON.parse(text) as Rpc;
  return "id" in rpc ? [response.status, answerIn(rpc), rpc.id] : [response.status, answerIn(rpc)];
};

const stays = async () => {
  expect(await sent({ body: callText("add", '{"a":1}') })).toEqual([200, "result", 7]);
};

/** The HTTP status that belongs to an answer in the revisions of 2025. */
const statusOf = (answer: Answer): number => {
  if (answer === "nothing") return 202;
  return answer === -32700 || answer === -32600 ? 400 : 200;
};

const expectedOf = ([what, , answer, id]: Case, status?: number): readonly unknown[] => [
  what,
  ...(status === undefined ? [] : [status]),
  answer,
  ...(id === undefined ? [] : [id]),
];

test.each(groups)("M9: the MCP server answers %s over HTTP with the expected errors and ids", async (_group, cases) => {
  const got: unknown[] = [];
  for (const [what, body] of cases) got.push([what, ...(await sent({ body }))]);
  expect(got).toEqual(cases.map((one) => expectedOf(one, statusOf(one[2]))));
  await stays();
});

/** Sends messages over one session. @returns The answers to all messages, also to those that must get none. */
const overStdio = async (cases: readonly Case[]): Promise<readonly unknown[]> => {
  const stdio = session(app, "ana");
  const got: unknown[] = [];
  for (const [what, body, answer] of cases) {
    stdio.input.write(body);
    stdio.write("");
    if (answer === "nothing") {
      got.push([what, "nothing"]); // The end of the session shows that no answer came.
      continue;
    }
    const rpc = await stdio.next();
    expect(JSON.stringify(rpc)).not.toMatch(foreign);
    got.push([what, answerIn(rpc), ...("id" in rpc ? [rpc.id] : [])]);
  }
  stdio.write(ping);
  expect(await stdio.next()).toEqual({ jsonrpc: "2.0", id: 7, result: {} });
  expect(await stdio.end()).toEqual([]);
  return got;
};

test.each(groups)("M9: the MCP server answers %s over stdio with the expected errors and ids", async (_group, cases) => {
  expect(await overStdio(cases)).toEqual(cases.map((one) => expectedOf(one)));
});

const version = "io.modelcontextprotocol/protocolVersion";
const capabilities = "io.modelcontextprotocol/clientCapabilities";
const modern = "2026-07-28";
const of2026 = (method: string, meta: object = { [version]: modern, [capabilities]: {} }, more: object = {}) =>
  JSON.stringify({ jsonrpc: "2.0", id: 7, method, params: { ...more, _meta: meta } });
const headersOf = (method: string) => ({ "mcp-protocol-version": modern, "mcp-method": method });

type Posted = readonly [what: string, sent: Sent, status: number, answer: Answer, id?: number];
const headerCases: readonly Posted[] = [
  ...["GET", "PUT", "PATCH", "DELETE", "OPTIONS"].map((method): Posted => [method, { method }, 405, -32000]),
  ...["Bearer nobody", "Bearer ", "Basic YTpi", "ana", "Bearer ana, Bearer ana"].map(
    (authorization): Posted => [`the credential ${authorization}`, { headers: { authorization }, body: ping }, 401, -32001],
  ),
  ...["text/plain", "application/jsonx", "application/x-www-form-urlencoded", "multipart/form-data", "json", "*/*"].map(
    (type): Posted => [`the type ${type}`, { headers: { "content-type": type }, body: ping }, 415, -32000],
  ),
  ...["1", "2023-01-01", "2099-01-01", "latest", "__proto__", "x".repeat(5_000)].map(
    (said): Posted => [
      `the version ${said.slice(0, 20)}`,
      { headers: { "mcp-protocol-version": said }, body: ping },
      400,
      -32022,
      7,
    ],
  ),
  ...["tools/list", "PING", ""].map(
    (said): Posted => [`the header Mcp-Method: ${said}`, { headers: { "mcp-method": said }, body: ping }, 400, -32020, 7],
  ),
  ...["add", "=?base64?!?="].map(
    (said): Posted => [`the header Mcp-Name: ${said}`, { headers: { "mcp-name": said }, body: ping }, 400, -32020, 7],
  ),
  ...["1", "x", "a.b.c", "x".repeat(5_000)].map(
    (said): Posted => [`the session ${said.slice(0, 20)}`, { headers: { "mcp-session-id": said }, body: ping }, 404, -32001, 7],
  ),
  ["no version in the body", { headers: headersOf("ping"), body: ping }, 400, -32602, 7],
  ...[5, null, [], {}, true].map(
    (said): Posted => [
      `the version ${JSON.stringify(said)} in the body`,
      { headers: headersOf("tools/list"), body: of2026("tools/list", { [version]: said, [capabilities]: {} }) },
      400,
      -32602,
      7,
    ],
  ),
  ...[undefined, null, 5, [], "text"].map(
    (said): Posted => [
      `the capabilities ${JSON.stringify(said)}`,
      { headers: headersOf("tools/list"), body: of2026("tools/list", { [version]: modern, [capabilities]: said }) },
      400,
      -32602,
      7,
    ],
  ),
  ...["initialize", "ping", "other", "__proto__", "tasks/get"].map(
    (method): Posted => [`the method ${method} in 2026`, { headers: headersOf(method), body: of2026(method) }, 404, -32601, 7],
  ),
];

test("M9: the MCP server answers unusual headers and versions over HTTP with the expected errors and ids", async () => {
  const got: unknown[] = [];
  for (const [what, one] of headerCases) got.push([what, ...(await sent(one))]);
  expect(got).toEqual(headerCases.map(([what, , ...rest]) => [what, ...rest]));
  await stays();
});

const long = 1024 * 1024;
const stdioCases: readonly Case[] = [
  ["a blank line", "", "nothing"],
  ["a line with a carriage return", "\r", "nothing"],
  ["spaces", "   ", -32700],
  ["a message with a carriage return", `${ping}\r`, "result", 7],
  ["two messages in one line", `${ping}${ping}`, -32700],
  ["a line that is too long, with its id first", `{"jsonrpc":"2.0","id":3,"method":"${"x".repeat(long)}"}`, -32600, 3],
  ["a line that is too long, with its id last", `{"jsonrpc":"2.0","method":"${"x".repeat(long)}","id":"four"}`, -32600, "four"],
  ["a line that is too long and not JSON", "x".repeat(long + 1), -32600],
  ["a header of HTTP", "Content-Length: 5", -32700],
  ...[5, null, [], {}].map(
    (said): Case => [
      `the version ${JSON.stringify(said)}`,
      of2026("tools/list", { [version]: said, [capabilities]: {} }),
      -32602,
      7,
    ],
  ),
  ...["1", "2099-01-01", "2025-11-25", "x".repeat(5_000)].map(
    (said): Case => [
      `the version ${said.slice(0, 20)}`,
      of2026("tools/list", { [version]: said, [capabilities]: {} }),
      -32022,
      7,
    ],
  ),
  ...[undefined, null, 5, []].map(
    (said): Case => [
      `the capabilities ${JSON.stringify(said)}`,
      of2026("tools/list", { [version]: modern, [capabilities]: said }),
      -32602,
      7,
    ],
  ),
  ...["initialize", "ping", "other", "__proto__", "tasks/get"].map(
    (method): Case => [`the method ${method} in 2026`, of2026(method), -32601, 7],
  ),
];

test("M9: the MCP server answers unusual lines and versions over stdio with the expected errors and ids", async () => {
  expect(await overStdio(stdioCases)).toEqual(stdioCases.map((one) => expectedOf(one)));
});

const head = "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ana\r\nContent-Type: application/json\r\n";
const start = `${head}Accept: application/json, text/event-stream\r\n`;
const sized = (size: number | string, body = ping) => `${start}Content-Length: ${size}\r\n\r\n${body}`;

const closing = "Connection: close\r\n";

/** Bytes on a connection, and the statuses of all answers before the server closes it. */
const rawCases: readonly (readonly [what: string, bytes: string, statuses: readonly number[]])[] = [
  ["a body that ends early", sized(5_000), [400]],
  ["a body that is longer than announced", sized(10), [400, 400]],
  ["a negative length", sized("-1"), [400]],
  ["a length that is not a number", sized("x"), [400]],
  ["two lengths", `${start}Content-Length: 5\r\nContent-Length: 6\r\n\r\n${ping}`, [400]],
  ["a length and chunks", `${start}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, [400]],
  ["chunks of no size", `${start}Transfer-Encoding: chunked\r\n\r\nzz\r\n${ping}\r\n`, [400]],
  ["an unknown transfer encoding", `${start}Transfer-Encoding: gzip\r\n\r\n${ping}`, [400]],
  ["a compressed body", `${start}Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nabcde`, [415]],
  ["a body of 2 MiB", sized(2 * long, "x".repeat(2 * long)), [413]],
  ["no Host", start.replace("Host: 127.0.0.1\r\n", "Content-Length: 0\r\n\r\n"), [400]],
  ["another Host", sized(ping.length).replace("Host: 127.0.0.1", "Host: evil.example"), [421]],
  ["another origin", sized(ping.length).replace("Accept:", "Origin: https://evil.example\r\nAccept:"), [403]],
  ["two requests at once", `${sized(ping.length)}${sized(ping.length).replace("Accept:", `${closing}Accept:`)}`, [200, 200]],
  ["bytes that are not HTTP", "\u0016\u0003\u0001\r\n\r\n", [400]],
  ["a request target that is not a path", sized(ping.length).replace("/mcp", "http://evil.example/mcp"), [421]],
];

/** Sends bytes, then ends its side, unless the bytes ask the server to close the connection. */
const statusesOf = async (bytes: string): Promise<readonly number[]> => {
  const socket = connect(Number(new URL(urlOf(app)).port), "127.0.0.1");
  const late = setTimeout(() => socket.destroy(new Error("The server neither answered nor closed the connection")), patienceMs);
  // Node sends no further answer to a client that has ended its side.
  if (bytes.includes(closing)) socket.write(bytes, "latin1");
  else socket.end(bytes, "latin1");
  let text = "";
  try {
    for await (const chunk of socket) text += String(chunk);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ECONNRESET") throw error; // The server closed before it had read all bytes.
  } finally {
    clearTimeout(late);
  }
  expect(text).not.toMatch(foreign);
  return [...text.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => Number(status));
};

test("the MCP server answers damaged requests over HTTP, or closes the connection", async () => {
  const got: unknown[] = [];
  for (const [what, bytes] of rawCases) got.push([what, await statusesOf(bytes)]);
  expect(got).toEqual(rawCases.map(([what, , statuses]) => [what, statuses]));
  await stays();
});

test("the tables of hostile MCP messages have at least 160 messages for HTTP and 120 for stdio", () => {
  const shared = groups.flatMap(([, cases]) => cases).length;
  expect(shared + stdioCases.length).toBeGreaterThanOrEqual(120);
  expect(shared + headerCases.length + rawCases.length).toBeGreaterThanOrEqual(160);
});
