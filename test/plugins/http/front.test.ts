// What every answer carries for browsers, how long it took, and where clients see the server.

import { anyone, handler, Type } from "quater";
import { http, httpRef } from "quater/http";
import type { OptionsOf } from "quater/plugin-api";
import { bootTest, type TestApp, tokens } from "quater/testing";
import { describe, expect, test } from "vitest";
import { ana, around, bootShop, mounting } from "./shop.ts";

const ask = (app: Pick<TestApp, "services">, path: string, more: RequestInit = {}) =>
  fetch(`${app.services.get(httpRef).baseUrl}${path}`, { headers: { authorization: "Bearer ana" }, ...more });

const json = "default-src 'none'; frame-ancestors 'none'";

describe.each([
  ["directly", []],
  ["through Koa", [around]],
])("http sends security headers in answers that the server sends %s", (_, plugins) => {
  test.each([
    ["a success", "/orders/o1", 200, json],
    ["a refusal", "/orders/none", 404, json],
    ["a stream", "/export", 200, json],
    ["a path that no route has", "/nowhere", 404, json],
    ["a page of a plugin", "/health", 200, null],
  ])("an HTTP answer for %s has security headers that block pages of other sites", async (_, path, status, policy) => {
    await using app = await bootShop({}, plugins);
    const { headers, status: seen } = await ask(app, path);
    expect(seen).toBe(status);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
    expect(headers.get("cross-origin-resource-policy")).toBe("same-origin");
    expect(headers.get("content-security-policy")).toBe(policy);
    expect(headers.get("strict-transport-security")).toBeNull();
    expect(headers.get("server-timing")).toBeNull();
  });

  test("answers of http() have Strict-Transport-Security when publicUrl is an https URL", async () => {
    await using app = await bootShop({ publicUrl: "https://shop.example" }, plugins);
    for (const path of ["/orders/o1", "/nowhere"])
      expect((await ask(app, path)).headers.get("strict-transport-security")).toBe("max-age=31536000");
  });

  test('with allowedOrigins: "any", other sites may embed answers of exposed routes, and no other answers', async () => {
    await using app = await bootShop({ allowedOrigins: "any" }, plugins);
    const policyOf = async (path: string) => (await ask(app, path)).headers.get("cross-origin-resource-policy");
    expect(await policyOf("/orders/o1")).toBe("cross-origin");
    expect(await policyOf("/health")).toBe("same-origin");
  });
});

test("http() keeps a Content-Security-Policy header that middleware has set", async () => {
  const own = mounting(({ app }) =>
    app.use((ctx, next) => {
      ctx.set("content-security-policy", "default-src 'self'");
      return next();
    }),
  );
  await using app = await bootShop({}, [own]);
  expect((await ask(app, "/orders/o1")).headers.get("content-security-policy")).toBe("default-src 'self'");
});

const home = handler({
  description: "Home.",
  effect: "read",
  input: Type.Object({}),
  auth: anyone,
  handle: () => ({ ok: true }),
});

const booted = (options: OptionsOf<typeof http>, mode: "dev" | "test" = "test") =>
  bootTest({
    mode,
    handlers: { home, one: home },
    expose: { home: { http: "GET /", public: true }, one: { http: "GET /ones", public: true } },
    plugins: [http({ port: 0, authenticate: tokens({ ana }), ...options })],
  });

test("in quater dev, the header Server-Timing contains the duration of the request, directly and through Koa", async () => {
  await using app = await booted({ accessLog: false }, "dev");
  for (const path of ["/ones", "/health", "/nowhere"])
    expect((await ask(app, path)).headers.get("server-timing")).toMatch(/^total;dur=\d+(\.\d)?$/);
  expect(app.log.some(({ message }) => message === "request")).toBe(false);
});

test("the http() option keepAliveTimeoutMs sets how long an idle HTTP connection stays open", async () => {
  await using app = await bootShop({ keepAliveTimeoutMs: 7_000 });
  expect((await ask(app, "/health")).headers.get("keep-alive")).toMatch(/^timeout=7\b/);
});

describe("the http() option prefix changes the paths of routes", () => {
  test("the http() option prefix changes the paths of exposed routes, and does not change the own paths of Quater", async () => {
    await using app = await booted({ prefix: "/api/v1" });
    const statusOf = async (path: string) => (await ask(app, path)).status;
    expect(await statusOf("/api/v1/ones")).toBe(200);
    expect(await statusOf("/api/v1")).toBe(200);
    expect(await statusOf("/ones")).toBe(404);
    expect(await statusOf("/health")).toBe(200);
    expect(await statusOf("/api/v1/health")).toBe(404);
    expect(await app.acrossSurfaces({ handler: "one", input: { json: "{}" } })).toMatchObject({ http: { ok: true } });
  });

  test("the OpenAPI document contains the http() option prefix in its paths", async () => {
    await using app = await booted({ prefix: "/api/v1", publicUrl: "https://shop.example" });
    const document = (await app.services.get(httpRef).openApi(undefined)) as { paths: object; servers: object[] };
    expect(Object.keys(document.paths)).toEqual(["/api/v1", "/api/v1/ones"]);
    expect(document.servers).toEqual([{ url: "https://shop.example" }]);
  });

  test.each([
    ["/api/", "must be"],
    ["api", "must be"],
    ["/docs", 'The http() option prefix is "/docs", a path that Quater itself uses'],
    ["/a/../b", "must be"],
  ])("boot refuses the http() option prefix %s", async (prefix, cause) => {
    const failure = await booted({ prefix }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Error);
    expect(String(failure)).toContain(cause === "must be" ? "prefix" : cause);
  });
});

describe("the http() option publicUrl is an accepted host", () => {
  test("the server accepts an HTTP request with the host of publicUrl in its Host header", async () => {
    await using app = await booted({ publicUrl: "https://shop.example", host: "0.0.0.0" });
    expect(app.services.get(httpRef).publicUrl).toBe("https://shop.example");
  });

  test.each(["http://shop.example", "https://shop.example/api", "shop.example"])(
    "boot refuses the http() option publicUrl %s",
    async (publicUrl) => {
      await expect(booted({ publicUrl })).rejects.toThrow(
        `The http() option publicUrl is "${publicUrl}", which is not an https origin`,
      );
    },
  );
});
