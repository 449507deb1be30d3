// Middleware, routes and checks read one path, however its client spelled it.

import { anyone, handler, Type } from "quater";
import { http, httpRef } from "quater/http";
import { definePlugin } from "quater/plugin-api";
import { bootTest } from "quater/testing";
import { expect, test } from "vitest";
import type { KoaMiddleware } from "../../../plugins/http/service.ts";
import { raw } from "./socket.ts";

const ran: unknown[] = [];
const paths: string[] = [];

const item = handler({
  description: "Takes an item.",
  effect: "destructive",
  input: Type.Object({ id: Type.String() }),
  auth: anyone,
  handle: ({ id }) => void ran.push(id),
});

const subItem = handler({
  description: "Takes a part of an item.",
  effect: "destructive",
  input: Type.Object({ id: Type.String() }),
  auth: anyone,
  handle: ({ id }) => void ran.push(`sub of ${id}`),
});

/** Serves `/items/:id` and `/items/:id/sub`, and a route of the user's own, behind a middleware. */
const serving = async (middleware: KoaMiddleware = (_ctx, next) => next()) => {
  ran.splice(0);
  paths.splice(0);
  const mounts = definePlugin(() => ({
    name: "mounts",
    needs: [httpRef],
    setup: ({ services }) =>
      services.get(httpRef).mount("own", ({ app, router, at }) => {
        app.use((ctx, next) => {
          const { url, originalUrl, URL } = ctx as typeof ctx & { url: string; originalUrl: string; URL: URL };
          paths.push(ctx.path);
          const { pathname } = URL;
          expect([ctx.req.url, url, originalUrl, pathname]).toEqual([url, url, url, ctx.path]);
          return middleware(ctx, next);
        });
        router.get("/own/page", (ctx) => void ran.push(ctx.path));
        at("/fixed", (ctx) => void ran.push(ctx.path));
      }),
  }));
  const app = await bootTest({
    handlers: { item, subItem },
    expose: {
      item: { http: "DELETE /items/:id", public: true },
      subItem: { http: "DELETE /items/:id/sub", public: true },
    },
    plugins: [mounts(), http({ port: 0 })],
  });
  const base = app.services.get(httpRef).baseUrl ?? "";
  const ask = async (method: string, path: string) => {
    const { status, body } = await raw(base, `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    return [status, (body === "" || status === 200 ? {} : (JSON.parse(body) as { code: string })).code];
  };
  return { app, ask };
};

const closed: KoaMiddleware = (ctx, next) => {
  if (ctx.path.startsWith("/items") || ctx.path === "/own/page" || ctx.path === "/fixed") ctx.throw(403, "Closed");
  return next();
};

test.each(["/items/5", "/%69tems/5", "/%49tems/../items/5", "/it%65m%73/5", "/%69%74%65%6D%73/5", "/%69%74%65%6d%73/5/sub"])(
  "S15: middleware that blocks /items also blocks DELETE %s",
  async (path) => {
    const { app, ask } = await serving(closed);
    await using _stopping = app;
    const [status] = await ask("DELETE", path);
    expect([403, 400]).toContain(status);
    expect(ran).toEqual([]);
  },
);

test.each([
  "/own/page",
  "/%6fwn/page",
  "/own/%70age",
  "/own/page/",
  "/OWN/page",
  "/Own/Page",
  "/fixed",
  "/%66ixed",
  "/Fixed",
  "/fixed/",
])("S15: middleware that blocks a route of the app's own Koa router also blocks GET %s", async (path) => {
  const { app, ask } = await serving(closed);
  await using _stopping = app;
  const [status] = await ask("GET", path);
  expect([403, 404]).toContain(status);
  expect(ran).toEqual([]);
});

test.each([
  ["/%69tems/5", "/items/5", "5"],
  ["/items/%7ea%2db%5f%2E", "/items/~a-b_.", "~a-b_."],
  ["/items/a%2fb", "/items/a%2Fb", "a/b"],
  ["/items/a%5cb", "/items/a%5Cb", "a\\b"],
  ["/items/%c3%a9", "/items/%C3%A9", "é"],
  ["/items/%2569", "/items/%2569", "%69"],
  ["/items/%21%27%28%29%2a", "/items/!'()*", "!'()*"],
  ["/items/%3a%40", "/items/:@", ":@"],
  ["/items/%24%26%2b%2C%3b%3d", "/items/$&+,;=", "$&+,;="],
  ["/items/a@b:c;d=e,f", "/items/a@b:c;d=e,f", "a@b:c;d=e,f"],
  ["/items/a|b", "/items/a%7Cb", "a|b"],
  ["/items/...", "/items/...", "..."],
  ["/items/.a", "/items/.a", ".a"],
  ["/items/a%20b", "/items/a%20b", "a b"],
])("S15: middleware, routes and logs see the request path %s as %s", async (sent, seen, id) => {
  const { app, ask } = await serving();
  await using _stopping = app;
  expect((await ask("DELETE", sent))[0]).toBe(200);
  expect([paths, ran]).toEqual([[seen], [id]]);
});

test.each([
  "/items/.",
  "/items/..",
  "/a/../items/5",
  "/a/%2e%2E/items/5",
  "/%2e/items/5",
  "/items/.%2e",
  "/./items/5",
  "/items/%",
  "/items/%5",
  "/items/%zz",
  "/items/%ff",
  "/items/%E0%A4%A",
  "/items/a\\b",
  "/\\items/5",
  "/items/5#/../x",
  "//localhost/items/5",
  "/%2569tems/%u0035",
])("S15: http refuses DELETE %s with 400 before any middleware", async (path) => {
  const { app, ask } = await serving();
  await using _stopping = app;
  expect(await ask("DELETE", path)).toEqual([400, "bad_request"]);
  expect([paths, ran]).toEqual([[], []]);
});

test("S15: http refuses a request with a whole URL as its target, and does not encode a query again", async () => {
  const { app, ask } = await serving((ctx, next) => {
    paths.push(ctx.req.url ?? "");
    return next();
  });
  await using _stopping = app;
  expect(await ask("DELETE", "http://localhost/items/5")).toEqual([421, "host_not_allowed"]);
  await ask("GET", "/%6eone?a=%2e%2e/%69&b=//%2f");
  expect(paths).toEqual(["/none", "/none?a=%2e%2e/%69&b=//%2f"]);
});

test.each(["/items/", "/items//sub", "/items//", "//", "/items/%2F/", "/Items/5", "/items/5/"])(
  "S16: DELETE %s matches no route",
  async (path) => {
    const { app, ask } = await serving();
    await using _stopping = app;
    expect((await ask("DELETE", path))[0]).toBe(path === "//" ? 400 : 404);
    expect((await ask("OPTIONS", path))[0]).toBe(path === "//" ? 400 : 404);
    expect(ran).toEqual([]);
  },
);

test.each(["GET /a%62", "GET /a//b", "GET /a/../b", "GET /."])(
  "S15: boot refuses the route %s, which no request can match",
  async (route) => {
    const get = handler({ description: "Gets.", effect: "read", input: Type.Object({}), auth: anyone, handle: () => 1 });
    const booting = bootTest({ handlers: { get }, expose: { get: { http: route, public: true } }, plugins: [http({ port: 0 })] });
    await expect(booting).rejects.toThrow("because the server normalises the path of each request");
  },
);

test("S6: a 404 answer repeats only the beginning of a long request path", async () => {
  await using app = await bootTest({ handlers: {}, expose: {}, plugins: [http({ port: 0 })] });
  const base = app.services.get(httpRef).baseUrl ?? "";
  const { status, text } = await raw(base, `GET /${"%01".repeat(4_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  expect(status).toBe(404);
  expect(text.length).toBeLessThan(1_000);
});
