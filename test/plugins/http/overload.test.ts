// More requests than a server can answer: those above the limits get 503, and the others their answers.

import { once } from "node:events";
import { connect } from "node:net";
import { anyone, handler, stream, Type } from "quater";
import { http, httpRef } from "quater/http";
import { bootTest, type TestApp } from "quater/testing";
import { expect, test } from "vitest";
import { mounting } from "./shop.ts";
import { raw } from "./socket.ts";

const about = { effect: "read", auth: anyone, input: Type.Object({}) } as const;
let release: () => void = () => {};
let released = new Promise<void>(() => {});
const hold = (): void => {
  released = new Promise((resolve) => {
    release = resolve;
  });
};
let begun = 0;
const wait = handler({
  ...about,
  description: "Waits.",
  handle: async () => {
    begun++;
    await released;
    return "done";
  },
});
const items = handler({
  ...about,
  description: "Gives an item, and waits.",
  output: stream(Type.Integer()),
  async *handle() {
    yield 1;
    await released;
  },
});
const compute = handler({
  ...about,
  description: "Computes for 50 ms.",
  handle: () => {
    const end = performance.now() + 50;
    let sum = 0;
    while (performance.now() < end) sum++;
    return sum > 0;
  },
});

const boot = (limits: object): Promise<TestApp> => {
  hold();
  begun = 0;
  return bootTest({
    handlers: { wait, items, compute },
    expose: {
      wait: { http: "GET /wait", public: true },
      items: { http: "GET /items", public: true },
      compute: { http: "GET /compute", public: true },
    },
    plugins: [
      http({ port: 0, ...limits }),
      mounting(({ at }) =>
        at("/koa", async (ctx) => {
          begun++;
          await released;
          ctx.body = "done";
        }),
      ),
    ],
  });
};
const baseOf = (app: TestApp): string => app.services.get(httpRef).baseUrl ?? "";
const statusOf = async (app: TestApp, path: string): Promise<number> => (await fetch(baseOf(app) + path)).status;
const refused = { status: 503, retry: "1", code: "overloaded" };
const refusalOf = async (app: TestApp, path: string) => {
  const answer = await fetch(baseOf(app) + path);
  return {
    status: answer.status,
    retry: answer.headers.get("retry-after"),
    code: ((await answer.json()) as { code: string }).code,
  };
};

test.each(["/wait", "/koa"])(
  "HTTP requests above maxRequests get 503 with Retry-After until the server has answered requests of %s",
  async (path) => {
    await using app = await boot({ maxRequests: 2 });
    const running = [statusOf(app, path), statusOf(app, path)];
    await expect.poll(() => begun).toBe(2);
    expect(await refusalOf(app, "/wait")).toEqual(refused);
    expect(await refusalOf(app, "/koa")).toEqual(refused);
    expect([await statusOf(app, "/health"), await statusOf(app, "/ready")]).toEqual([200, 200]);
    release();
    expect(await Promise.all(running)).toEqual([200, 200]);
    expect([await statusOf(app, path), begun]).toEqual([200, 3]);
    // The log has one line for many refusals.
    expect(app.log).toMatchObject([{ level: "warn", message: expect.stringContaining("More than 2 HTTP requests") }]);
  },
);

test("maxRequests of http() counts a stream until its first item, and an abandoned call until its end", async () => {
  await using app = await boot({ maxRequests: 1 });
  const begunStream = await fetch(`${baseOf(app)}/items`);
  expect(await statusOf(app, "/compute")).toBe(200);
  const leaving = connect(Number(new URL(baseOf(app)).port), "127.0.0.1");
  leaving.write("GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await expect.poll(() => begun).toBe(1);
  leaving.destroy();
  await once(leaving, "close");
  expect(await refusalOf(app, "/compute")).toEqual(refused);
  release();
  await expect.poll(() => statusOf(app, "/compute")).toBe(200);
  expect(await begunStream.text()).toBe("1\n");
});

test("HTTP requests that wait longer than maxDelayMs get 503, and the server answers health checks", async () => {
  await using app = await boot({ maxDelayMs: 10 });
  const ask = (path: string) => raw(baseOf(app), `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`, { keepOpen: true });
  const [health, ...others] = await Promise.all(["/health", ...Array<string>(10).fill("/compute")].map(ask));
  expect(health?.status).toBe(200);
  const statuses = others.map(({ status }) => status);
  expect([...new Set(statuses)].sort()).toEqual([200, 503]);
  expect(others.find(({ status }) => status === 503)).toMatchObject({
    headers: { "retry-after": "1" },
    body: expect.stringContaining('"overloaded"'),
  });
  expect((await ask("/compute")).status).toBe(200);
});

test("the HTTP request of a client does not wait behind the many requests of another client", async () => {
  await using app = await boot({ maxDelayMs: 500 });
  const port = Number(new URL(baseOf(app)).port);
  const ask = async (localAddress: string) => {
    const socket = connect({ port, host: "127.0.0.1", localAddress });
    await once(socket, "connect");
    socket.write("GET /compute HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    const [part] = (await once(socket, "data")) as [Buffer];
    socket.destroy();
    return Number(String(part).slice(9, 12));
  };
  const many = Array.from({ length: 40 }, () => ask("127.0.0.2"));
  const [other, ...others] = await Promise.all([ask("127.0.0.3"), ...many]);
  expect([other, [...new Set(others)].sort()]).toEqual([200, [200, 503]]);
});
