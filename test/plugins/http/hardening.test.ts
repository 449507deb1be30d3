// What a review found, one test each: a request must not freeze, leak or mislead.

import { connect } from "node:net";
import { anyone, handler, resource, stream, Type } from "quater";
import { http, httpRef } from "quater/http";
import { bootTest, type TestApp, tokens } from "quater/testing";
import { expect, test } from "vitest";
import { raw } from "./socket.ts";

const baseOf = (app: TestApp) => app.services.get(httpRef).baseUrl ?? "";
const open = (route: string) => ({ http: route, public: true });

test("http refuses a long list with uniqueItems and a long text with a pattern immediately", async () => {
  const tags = handler({
    description: "Tags.",
    effect: "write",
    input: Type.Object({
      tags: Type.Optional(Type.Array(Type.String(), { maxItems: 10, uniqueItems: true })),
      mail: Type.Optional(Type.String({ pattern: "^\\S+@\\S+\\.\\S+$" })),
    }),
    auth: anyone,
    handle: () => "ran",
  });
  await using app = await bootTest({ handlers: { tags }, expose: { tags: open("POST /tags") }, plugins: [http({ port: 0 })] });
  const send = async (body: object) => {
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${baseOf(app)}/tags`, {
      method: "POST",
      headers,
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(5_000),
    });
    return [response.status, ((await response.json()) as { errors: object[] }).errors];
  };
  expect(await send({ tags: Array.from({ length: 90_000 }, () => "a") })).toMatchObject([422, [{ path: "/tags" }]]);
  expect(await send({ mail: "a@".repeat(20_000) })).toEqual([
    422,
    [{ path: "/mail", message: "must be at most 1000 characters long" }],
  ]);
});

test("a HEAD request for a stream closes the resources of the call and settles the call", async () => {
  const seen: string[] = [];
  const unit = resource({ name: "unit", scope: "call", open: () => 1, close: () => void seen.push("closed") });
  const items = handler({
    description: "Items.",
    effect: "read",
    input: Type.Object({}),
    output: stream(Type.Integer()),
    auth: anyone,
    use: { unit },
    async *handle(_input, { unit: one }) {
      yield one;
    },
  });
  await using app = await bootTest({ handlers: { items }, expose: { items: open("GET /items") }, plugins: [http({ port: 0 })] });
  expect((await fetch(`${baseOf(app)}/items`, { method: "HEAD" })).status).toBe(200);
  await expect.poll(() => seen).toEqual(["closed"]);
});

test("the server closes the connection of a client that stops reading, but not of a client that waits for a slow stream", async () => {
  const seen: string[] = [];
  const unit = resource({ name: "unit", scope: "call", open: () => 1, close: () => void seen.push("closed") });
  const slow = new Promise((resolve) => setTimeout(resolve, 900));
  const about = {
    description: "Items.",
    effect: "read",
    input: Type.Object({}),
    output: stream(Type.String()),
    auth: anyone,
    use: { unit },
  } as const;
  const endless = handler({
    ...about,
    async *handle() {
      for (;;) yield "x".repeat(100_000);
    },
  });
  const late = handler({
    ...about,
    async *handle() {
      yield "first";
      await slow;
      yield "last";
    },
  });
  await using app = await bootTest({
    handlers: { endless, late },
    expose: { endless: open("GET /endless"), late: open("GET /late") },
    plugins: [http({ port: 0, stallTimeoutMs: 300 })],
  });
  const { hostname, port } = new URL(baseOf(app));
  const socket = connect(Number(port), hostname, () => socket.write("GET /endless HTTP/1.1\r\nhost: localhost\r\n\r\n"));
  socket.pause();
  await expect.poll(() => seen, { timeout: 5_000 }).toEqual(["closed"]);
  socket.destroy();
  expect(await (await fetch(`${baseOf(app)}/late`)).text()).toBe('"first"\n"last"\n');
});

test.each([null, false, {}, "ana"])("an authenticator that returns %j accepts no caller", async (answer) => {
  let ran = 0;
  const run = handler({ description: "Runs.", effect: "write", input: Type.Object({}), auth: anyone, handle: () => ++ran });
  const authenticate = () => answer as never;
  await using app = await bootTest({
    handlers: { run },
    expose: { run: { http: "POST /run" } },
    plugins: [http({ port: 0, authenticate })],
  });
  expect([401, 503]).toContain((await fetch(`${baseOf(app)}/run`, { method: "POST" })).status);
  expect(ran).toBe(0);
});

test("the server sends the output that the gate checked, even when toJSON of the output returns another value", async () => {
  const get = handler({
    description: "Gets.",
    effect: "read",
    input: Type.Object({}),
    output: Type.Object({ id: Type.Integer() }),
    auth: anyone,
    handle: () =>
      Object.assign(Object.create({ toJSON: () => ({ id: 1, hash: "secret" }) }) as object, { id: 1 }) as { id: number },
  });
  await using app = await bootTest({ handlers: { get }, expose: { get: open("GET /get") }, plugins: [http({ port: 0 })] });
  const response = await fetch(`${baseOf(app)}/get`);
  expect([response.status, await response.text()]).toEqual([500, expect.not.stringContaining("secret")]);
});

test("bytes after an HTTP request do not change the answer to this HTTP request", async () => {
  const slow = handler({ description: "Waits.", effect: "read", input: Type.Object({}), auth: anyone, handle: () => waiting });
  let release: (value: string) => void = () => {};
  const waiting = new Promise<string>((resolve) => {
    release = resolve;
  });
  await using app = await bootTest({
    handlers: { slow },
    expose: { slow: open("GET /slow") },
    plugins: [http({ port: 0, authenticate: tokens({}) })],
  });
  const { port } = new URL(baseOf(app));
  const socket = connect(Number(port), "127.0.0.1");
  let text = "";
  socket.on("data", (part) => {
    text += String(part);
  });
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.on("error", () => undefined);
  socket.write("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\nrubbish\r\n\r\n");
  await closed;
  release("done");
  expect(text).not.toContain("400");
});

// Node announces the end of a connection that has carried as many requests as it may, and then keeps it open.
test("the server closes a connection after the last answer on this connection", async () => {
  await using app = await bootTest({ handlers: {}, expose: {}, plugins: [http({ port: 0 })] });
  const ask = "GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n";
  const socket = connect(Number(new URL(baseOf(app)).port), "127.0.0.1", () => socket.write(ask));
  let answers = 0;
  const last = new Promise<void>((resolve) => {
    socket.on("data", (part: Buffer) => {
      answers++;
      if (/\r\nconnection: close/i.test(part.toString("latin1"))) resolve();
      else socket.write(ask);
    });
  });
  const ended = new Promise((resolve) => socket.once("end", () => resolve("ended")));
  await last;
  // Half of the time for which an idle connection is kept.
  const left = new Promise((resolve) => setTimeout(() => resolve("left open"), 2_500).unref());
  expect(await Promise.race([ended, left])).toBe("ended");
  expect(answers).toBe(1000);
  socket.destroy();
});

test("http binds 1,000 query parameters of one name to one list, and refuses 1,001 parameters with 400", async () => {
  const count = handler({
    description: "Counts.",
    effect: "read",
    input: Type.Object({ a: Type.Array(Type.Integer()) }),
    auth: anyone,
    handle: ({ a }) => [a.length, a.at(-1)],
  });
  await using app = await bootTest({ handlers: { count }, expose: { count: open("GET /count") }, plugins: [http({ port: 0 })] });
  const ask = (parameters: number) => fetch(`${baseOf(app)}/count?${"a=1&".repeat(parameters - 1)}a=2`);
  expect(await (await ask(1_000)).json()).toEqual([1_000, 2]);
  const refused = await ask(1_001);
  expect([refused.status, await refused.json()]).toEqual([
    400,
    expect.objectContaining({ code: "bad_request", detail: "The query has more than 1000 parameters" }),
  ]);
});

test.each([
  ["1.1", true],
  ["1.0", false],
])("Expect: 100-continue in an HTTP/%s request gets a 100 before the answer: %s", async (version, isAsked) => {
  const take = handler({ description: "Takes.", effect: "write", input: Type.Object({}), auth: anyone, handle: () => 1 });
  await using app = await bootTest({ handlers: { take }, expose: { take: open("POST /take") }, plugins: [http({ port: 0 })] });
  const head =
    "Host: 127.0.0.1\r\nExpect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close";
  const { text } = await raw(baseOf(app), `POST /take HTTP/${version}\r\n${head}\r\n\r\n{}`);
  expect([text.startsWith("HTTP/1.1 100 Continue"), /HTTP\/1\.1 200 OK/.test(text)]).toEqual([isAsked, true]);
});
