// What users put into Koa stands around every route, and sees of it what Koa shows.

import { EventEmitter, once } from "node:events";
import { request } from "node:http";
import { connect } from "node:net";
import { setTimeout as later } from "node:timers/promises";
import { anyone, authenticated, handler, stream, Type } from "quater";
import { http, httpRef } from "quater/http";
import { mcp } from "quater/mcp";
import { definePlugin } from "quater/plugin-api";
import { bootTest, principal, type TestApp, tokens } from "quater/testing";
import { expect, test } from "vitest";
import type { KoaMiddleware } from "../../../plugins/http/koa.ts";
import type { Mounting } from "../../../plugins/http/service.ts";

const echo = handler({
  description: "Echo.",
  effect: "write",
  input: Type.Object({ text: Type.String() }),
  auth: anyone,
  handle: ({ text }) => ({ text }),
});
const count = handler({
  description: "Count.",
  effect: "read",
  input: Type.Object({}),
  output: stream(Type.Integer()),
  auth: anyone,
  async *handle() {
    yield 1;
    yield 2;
  },
});

const peek = handler({ description: "Reads.", effect: "read", input: Type.Object({}), auth: anyone, handle: () => 1 });
const slow = handler({
  description: "Answers later.",
  effect: "read",
  input: Type.Object({}),
  auth: anyone,
  handle: async () => {
    await later(20);
    return 1;
  },
});
let ended = false;
const endless = handler({
  description: "Begins later, and does not end by itself.",
  effect: "read",
  input: Type.Object({}),
  output: stream(Type.Integer()),
  auth: anyone,
  async *handle() {
    await later(20);
    try {
      for (;;) yield 1;
    } finally {
      ended = true;
    }
  },
});
const closed = handler({ description: "For few.", effect: "read", input: Type.Object({}), auth: authenticated, handle: () => 1 });
const fill = handler({
  description: "Writes while it is read.",
  effect: "write",
  input: Type.Object({}),
  output: stream(Type.Integer()),
  auth: anyone,
  async *handle() {
    yield 1;
  },
});

const bootWith = (middleware: KoaMiddleware, inside: Mounting = () => {}): Promise<TestApp> =>
  bootTest({
    handlers: { echo, fill, peek, count, slow, endless, closed },
    expose: {
      echo: { http: { route: "POST /echo", status: 201 }, mcp: true, public: true },
      peek: { http: "POST /peek", mcp: true, public: true },
      fill: { http: "POST /fill", mcp: true, public: true },
      count: { http: "GET /count", public: true },
      slow: { http: "GET /slow", public: true },
      endless: { http: "GET /endless", public: true },
      closed: { http: "GET /closed" },
    },
    plugins: [
      http({ port: 0, authenticate: tokens({}) }),
      mcp({ authenticate: tokens({ ana: principal() }) }),
      definePlugin(() => ({
        name: "around",
        needs: [httpRef],
        setup: ({ services }) => {
          services.get(httpRef).mount("around everything", ({ app }) => void app.use(middleware));
          services.get(httpRef).mount("inside of it", inside);
        },
      }))(),
    ],
  });

const ask = (app: TestApp, path: string, body?: object) =>
  fetch(`${app.services.get(httpRef).baseUrl}${path}`, {
    signal: AbortSignal.timeout(5_000),
    ...(body === undefined
      ? {}
      : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
  });

test("Koa middleware sees status, headers and body of the answer of an exposed route, and can change all three", async () => {
  const seen: unknown[] = [];
  await using app = await bootWith(async (ctx, next) => {
    await next();
    seen.push([ctx.status, ctx.type, ctx.body]);
    ctx.set("server-timing", "total;dur=1");
    if (ctx.status === 201) ctx.body = { changed: true };
  });
  const changed = await ask(app, "/echo", { text: "a" });
  expect([changed.status, changed.headers.get("server-timing"), await changed.json()]).toEqual([
    201,
    "total;dur=1",
    { changed: true },
  ]);
  const refused = await ask(app, "/echo", { text: 1 });
  expect([refused.status, refused.headers.get("server-timing")]).toEqual([422, "total;dur=1"]);
  const streamed = await ask(app, "/count");
  expect([streamed.headers.get("server-timing"), await streamed.text()]).toEqual(["total;dur=1", "1\n2\n"]);
  expect(seen).toEqual([
    [201, "application/json", '{"text":"a"}'],
    [422, "application/problem+json", expect.stringContaining('"code":"invalid_input"')],
    [200, "application/x-ndjson", expect.anything()],
  ]);
});

const fail = () => {
  throw new Error("a defect");
};

test("errors of exposed routes become HTTP answers, so middleware code after next() runs", async () => {
  await using app = await bootWith(
    async (ctx, next) => {
      await next();
      ctx.set("x-after", String(ctx.status));
    },
    ({ at }) => at("/failing", fail),
  );
  const expected = {
    "/nowhere": 404,
    "/echo": 405,
    "/count?to=%zz": 400,
    "/closed": 401,
    "/__quater__/dry-run/echo": 405,
    "/openapi.json": 401,
    "/health": 200,
    "/failing": 500,
  };
  for (const [path, status] of Object.entries(expected)) {
    const answer = await ask(app, path);
    expect([path, answer.status, answer.headers.get("x-after")]).toEqual([path, status, String(status)]);
  }
});

test("errors of other Koa middleware and of mounted routes reach outer middleware, as in Koa", async () => {
  await using app = await bootWith(
    async (ctx, next) => {
      try {
        await next();
      } catch (error) {
        ctx.status = 418;
        ctx.body = `caught: ${(error as Error).message}`;
      }
    },
    ({ app: koa, router }) => {
      koa.use((ctx, next) => (ctx.path === "/by-a-middleware" ? fail() : next()));
      router.get("/by-a-route", async () => {
        await later(1);
        fail();
      });
    },
  );
  for (const path of ["/by-a-middleware", "/by-a-route"]) expect(await (await ask(app, path)).text()).toBe("caught: a defect");
});

test("Koa middleware can refuse a request with ctx.throw, and the caller gets the status and the message", async () => {
  const refusals: Mounting = ({ router }) => {
    router.get("/refused/:status", (ctx) => {
      const headers: Record<string, string> = ctx.path.endsWith("401") ? { "www-authenticate": "Basic" } : {};
      ctx.throw(Number(ctx.path.slice(-3)), "Not on Sundays", { headers });
    });
    router.get("/exposed-failure", () => {
      throw Object.assign(new Error("the secret inside"), { status: 502, expose: true });
    });
    router.get("/hidden-refusal", () => {
      throw Object.assign(new Error("the secret inside"), { status: 403 });
    });
    router.get("/no-header", (ctx) => ctx.throw(401, "Not told", { headers: { "www-authenticate": "a\nb" } }));
  };
  await using app = await bootWith((_ctx, next) => next(), refusals);
  const problem = async (path: string) => {
    const answer = await ask(app, path);
    const { status, code, detail, callId } = (await answer.json()) as Record<string, string | number>;
    expect([answer.headers.get("content-type"), status, callId]).toEqual([
      "application/problem+json",
      answer.status,
      answer.headers.get("x-request-id"),
    ]);
    return [status, code, detail];
  };
  const told = Object.entries({
    400: "bad_request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    409: "conflict",
    410: "bad_request",
    415: "unsupported_media_type",
    422: "invalid_input",
    428: "bad_request", // a middleware files no approval
    429: "rate_limited",
  });
  for (const [status, code] of told)
    expect(await problem(`/refused/${status}`)).toEqual([Number(status), code, "Not on Sundays"]);
  expect((await ask(app, "/refused/401")).headers.get("www-authenticate")).toBe("Basic");
  expect(app.log).toEqual([]);
  const failed = "The call failed because of an error inside the server";
  for (const path of ["/refused/500", "/exposed-failure", "/hidden-refusal", "/no-header"])
    expect(await problem(path)).toEqual([500, "internal", failed]);
  expect(app.log).toHaveLength(4);
});

const failures: readonly (readonly [string, KoaMiddleware, string])[] = [
  ["sets a header that is not valid", (ctx) => ctx.set("x-name", "bad\nvalue"), "Invalid character"],
  ["throws an error", fail, "a defect"],
  ["refuses", (ctx) => ctx.throw(403, "Not on Sundays"), "Not on Sundays"],
];
test.each(failures)(
  "M12: a write over HTTP gets outcome_unknown when a middleware %s after next()",
  async (_, failing, reason) => {
    await using app = await bootWith(async (ctx, next) => {
      await next();
      Object.assign(ctx, { state: {} });
      await failing(ctx, async () => undefined);
    });
    const answer = await ask(app, "/echo", { text: "a" });
    expect([answer.status, await answer.json()]).toEqual([
      500,
      expect.objectContaining({
        code: "outcome_unknown",
        detail: "echo finished, but the call failed after that. The call may have taken effect, so do not repeat it",
      }),
    ]);
    expect(app.log).toMatchObject([{ level: "error", fields: { error: expect.stringContaining(reason) } }]);
    // A refused write and a read changed nothing.
    const refused = await ask(app, "/echo", { text: 1 });
    const read = await ask(app, "/slow");
    const expected = reason === "Not on Sundays" ? "forbidden" : "internal";
    for (const other of [refused, read]) expect(await other.json()).toMatchObject({ code: expected });
  },
);

test.each([
  ["echo", { text: "a" }, "outcome_unknown"],
  ["fill", {}, "outcome_unknown"],
  ["echo", { text: 1 }, "internal"],
  ["peek", {}, "internal"],
])("M12: when a middleware fails after next(), a tool call of %s with %j gets the answer %s", async (name, input, code) => {
  await using app = await bootWith(async (_ctx, next) => {
    await next();
    fail();
  });
  const answer = await fetch(`${app.services.get(httpRef).baseUrl}/mcp`, {
    method: "POST",
    headers: {
      authorization: "Bearer ana",
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: input } }),
  });
  expect(await answer.json()).toMatchObject({ status: 500, code });
});

test("M12: a stream of a write is not reported as failed when middleware throws after next()", async () => {
  await using app = await bootWith(async (_ctx, next) => {
    await next();
    fail();
  });
  expect(await (await ask(app, "/fill", {})).json()).toMatchObject({ status: 500, code: "outcome_unknown" });
});

test("S6: when a large answer is dropped after middleware changed it, the error code depends on the handler's effect", async () => {
  const count = 40;
  let arrived = 0;
  let letGo = () => {};
  const all = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  await using app = await bootWith(async (ctx, next) => {
    await next();
    if (++arrived === count) letGo();
    await all;
    ctx.body = "x".repeat(7_000_000);
  });
  const codes = await Promise.all(
    Array.from({ length: count }, async (_, n) => {
      const path = n % 2 === 0 ? "/peek" : "/echo";
      const answer = await ask(app, path, n % 2 === 0 ? {} : { text: "a" });
      const text = await answer.text();
      return [path, answer.ok ? "sent" : (JSON.parse(text) as { code: string }).code].join(" ");
    }),
  );
  expect([...new Set(codes)].filter((one) => !one.endsWith("sent")).sort()).toEqual([
    "/echo output_undelivered",
    "/peek rate_limited",
  ]);
});

test("Quater logs an error of middleware with the call id that the answer to the caller contains", async () => {
  await using app = await bootWith((ctx, next) => (ctx.path === "/failing" ? fail() : next()));
  const answer = await ask(app, "/failing");
  const { code, callId, detail } = (await answer.json()) as Record<string, string>;
  expect([code, callId, detail]).toEqual(["internal", answer.headers.get("x-request-id"), expect.not.stringContaining("defect")]);
  expect(app.log).toMatchObject([{ level: "error", fields: { callId, error: expect.stringContaining("Error: a defect") } }]);
});

test("Koa middleware that forgets to await next() leaves no unhandled rejection", async () => {
  const rejected: unknown[] = [];
  const notice = (reason: unknown) => void rejected.push(reason);
  process.on("unhandledRejection", notice);
  try {
    await using app = await bootWith(
      async (_ctx, next) => void next(),
      ({ at }) => at("/failing", fail),
    );
    for (const path of ["/nowhere", "/echo", "/count?to=%zz", "/closed", "/openapi.json", "/slow", "/endless", "/failing"])
      await ask(app, path);
    // What was not waited for ends after its answer.
    const missing = () =>
      app.log.filter(({ fields }) => String(fields["error"]).includes("Write await next() in the middleware"));
    await expect.poll(missing).toHaveLength(2);
    await expect.poll(() => JSON.stringify(app.log)).toContain("a defect");
    await expect.poll(() => ended).toBe(true); // a stream that nobody reads
  } finally {
    process.off("unhandledRejection", notice);
  }
  expect(rejected).toEqual([]);
});

test("no handler runs when a middleware answers a request itself", async () => {
  await using app = await bootWith(async (ctx, next) => {
    if (ctx.path !== "/echo") return next();
    ctx.status = 503;
    ctx.body = "closed for today";
    return undefined;
  });
  const answer = await ask(app, "/echo", { text: "a" });
  expect([answer.status, await answer.text()]).toEqual([503, "closed for today"]);
  expect((await ask(app, "/count")).status).toBe(200);
});

test("a route can read the request body after a middleware that waits before next()", async () => {
  await using app = await bootWith(async (_ctx, next) => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    await next();
  });
  const long = "x".repeat(200_000);
  expect(await (await ask(app, "/echo", { text: long })).json()).toEqual({ text: long });
});

test("a route answers 500 and Quater logs the reason when middleware has read the request body", async () => {
  await using app = await bootWith(async (ctx, next) => {
    for await (const _part of ctx.req);
    await next();
  });
  const whole = await ask(app, "/echo", { text: "a" });
  expect([whole.status, ((await whole.json()) as { code: string }).code]).toEqual([500, "internal"]);
  // A body without a byte is one, too: nothing comes but its end.
  const headers = { "content-type": "application/json", "transfer-encoding": "chunked" };
  const empty = await new Promise<number | undefined>((resolve, reject) => {
    const asked = request(`${app.services.get(httpRef).baseUrl}/echo`, { method: "POST", headers, timeout: 5_000 });
    asked.once("response", (answer) => resolve(answer.resume().statusCode)).once("error", reject);
    asked.once("timeout", () => asked.destroy(new Error("No answer"))).end();
  });
  expect(empty).toBe(500);
  expect(app.log.map(({ fields }) => String(fields["error"])).join()).toContain("A middleware has read the request body");
});

test("a call over HTTP ends when its client left before the server had read the request body", async () => {
  const seen = new EventEmitter();
  const [arrived, left] = [once(seen, "arrived"), once(seen, "left")];
  await using app = await bootWith(async (ctx, next) => {
    ctx.req.once("close", () => seen.emit("left"));
    seen.emit("arrived");
    await left;
    await next();
  });
  const { port } = new URL(app.services.get(httpRef).baseUrl ?? "");
  const socket = connect(Number(port), "127.0.0.1");
  socket.write("POST /echo HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 20\r\n\r\n{");
  await arrived;
  socket.destroy();
  await left;
  await app.stop();
  expect(app.log.filter(({ message }) => message.startsWith("Cancelling"))).toEqual([]);
});

test.each([true, false])(
  "middleware wraps only middleware that later plugins mount in front of the routes (own middleware first: %s)",
  async (isFirst) => {
    const mounting = (name: string, middleware: KoaMiddleware) =>
      definePlugin(() => ({
        name,
        needs: [httpRef],
        setup: ({ services }) => services.get(httpRef).mount(name, ({ app }) => void app.use(middleware)),
      }))();
    const page = mounting("page", (ctx, next) => {
      if (ctx.path !== "/page") return next();
      ctx.body = "a page";
      return undefined;
    });
    const around = mounting("around", async (ctx, next) => {
      await next();
      ctx.set("x-after", "1");
    });
    await using app = await bootTest({
      handlers: {},
      plugins: [http({ port: 0, authenticate: tokens({}) }), ...(isFirst ? [around, page] : [page, around])],
    });
    const answer = await ask(app, "/page");
    expect([await answer.text(), answer.headers.get("x-after")]).toEqual(["a page", isFirst ? "1" : null]);
  },
);
