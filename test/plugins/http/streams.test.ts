// The status of a stream waits for its first step, and for nothing else.

import { connect } from "node:net";
import { anyone, handler, notFound, resource, stream, Type } from "quater";
import { http, httpRef } from "quater/http";
import { definePlugin } from "quater/plugin-api";
import { bootTest } from "quater/testing";
import { expect, test } from "vitest";

type Source = (signal: AbortSignal) => AsyncGenerator<unknown>;

const held = () => {
  let release: () => void = () => {};
  const until = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { until, release };
};

/** Serves one stream; tells what happened to its calls, in order. */
const serving = async (source: Source, stallTimeoutMs = 30_000) => {
  const happened: string[] = [];
  const unit = resource({ name: "unit", scope: "call", open: () => 1, close: () => void happened.push("closed") });
  const items = handler({
    description: "Items.",
    effect: "read",
    input: Type.Object({}),
    output: stream(Type.String()),
    auth: anyone,
    use: { unit },
    handle: (_input, { signal }) => source(signal) as AsyncGenerator<string>,
  });
  const closed = held();
  const told = definePlugin(() => ({
    name: "told",
    needs: [httpRef],
    setup: ({ services }) =>
      services.get(httpRef).mount("told", ({ app }) => {
        app.use((ctx, next) => {
          ctx.res.once("close", closed.release);
          return next();
        });
      }),
    hooks: { settled: (_call, outcome) => void happened.push(outcome.ok ? "ok" : outcome.error.code) },
  }));
  const app = await bootTest({
    handlers: { items },
    expose: { items: { http: { route: "GET /items", status: 203 }, public: true } },
    plugins: [http({ port: 0, stallTimeoutMs }), told()],
  });
  const url = `${app.services.get(httpRef).baseUrl}/items`;
  return { app, happened, url, closed: closed.until };
};

test.each<[string, string, Source, number, string]>([
  [
    "throws not_found",
    "GET",
    async function* () {
      yield notFound("report", "7");
    },
    404,
    "not_found",
  ],
  [
    "throws not_found to a HEAD request",
    "HEAD",
    async function* () {
      yield notFound("report", "7");
    },
    404,
    "not_found",
  ],
  [
    "throws an unexpected error",
    "GET",
    async function* () {
      yield JSON.parse("{");
    },
    500,
    "internal",
  ],
  [
    "begins with a wrong item",
    "GET",
    async function* () {
      yield 1;
    },
    500,
    "internal",
  ],
])(
  "http answers a stream that %s before its first item with the status of the error",
  async (_what, method, source, status, code) => {
    const { app, happened, url } = await serving(source);
    await using _stopping = app;
    for (const accept of ["*/*", "text/event-stream"]) {
      const answer = await fetch(url, { method, headers: { accept } });
      expect([answer.status, answer.headers.get("content-type")]).toEqual([status, "application/problem+json"]);
      const text = await answer.text();
      if (method === "GET") expect(JSON.parse(text)).toMatchObject({ status, code });
    }
    expect(happened).toEqual(["closed", code, "closed", code]);
  },
);

test("http answers a stream without items with a success status", async () => {
  const { app, happened, url } = await serving(async function* () {});
  await using _stopping = app;
  const answer = await fetch(url, { headers: { accept: "text/event-stream" } });
  expect([answer.status, await answer.text()]).toEqual([203, "event: end\ndata: {}\n\n"]);
  expect(happened).toEqual(["closed", "ok"]);
});

test("the server starts the answer of a slow stream before the first item, and a later error is the last frame", async () => {
  const { until, release } = held();
  const { app, url } = await serving(async function* () {
    await until;
    yield notFound("report", "7");
  });
  await using _stopping = app;
  const answer = await fetch(url); // comes while the stream is silent
  expect([answer.status, answer.headers.get("content-type")]).toEqual([203, "application/x-ndjson"]);
  release();
  expect(await answer.text()).toMatch(/^\{"error":\{.*"code":"not_found".*\}\}\n$/);
});

test.each([true, false])(
  "the call of a stream ends when the client leaves before the first item (source watches its AbortSignal: %s)",
  async (watches) => {
    const waiting = held();
    const { until, release } = held();
    const { app, happened, url, closed } = await serving(async function* (signal) {
      const left = new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      left.catch(() => {});
      waiting.release();
      await (watches ? left : until);
      yield "first";
    });
    await using _stopping = app;
    const leaving = new AbortController();
    const answer = fetch(url, { signal: leaving.signal });
    await waiting.until;
    leaving.abort();
    await expect(answer).rejects.toThrow();
    await closed;
    release();
    await expect.poll(() => happened).toEqual(["closed", "cancelled"]);
    expect(app.log).toEqual([]);
  },
);

test("the server reads the source of a stream only as fast as the client reads the answer", async () => {
  let made = 0;
  const { app, happened, url } = await serving(async function* () {
    for (;;) {
      made++;
      yield "x".repeat(100_000);
    }
  }, 300);
  await using _stopping = app;
  const { hostname, port, host } = new URL(url);
  const socket = connect(Number(port), hostname, () => socket.write(`GET /items HTTP/1.1\r\nhost: ${host}\r\n\r\n`));
  socket.pause();
  await expect.poll(() => happened, { timeout: 5_000 }).toEqual(["closed", "cancelled"]);
  socket.destroy();
  expect(made).toBeLessThan(300); // what the sockets' buffers hold
});
