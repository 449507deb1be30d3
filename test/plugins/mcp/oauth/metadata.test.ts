// The documents and challenges with which OAuth clients find the authorization server, and the checks of the option at boot.

import { authenticator, can, defineConfig, expose, handler, type Principal, Type } from "quater";
import { bearer, firstOf, jwt } from "quater/auth";
import { http, httpRef } from "quater/http";
import { mcp } from "quater/mcp";
import { definePlugin, type OptionsOf } from "quater/plugin-api";
import { bootTest, gateSuite, principal, type TestApp, tokens } from "quater/testing";
import { expect, test } from "vitest";
import { callText, post } from "../shop.ts";

const login = "https://login.shop.example";
const publicUrl = "https://shop.example";
const root = "/.well-known/oauth-protected-resource";
const metadata = `${publicUrl}${root}/mcp`;

const tool = (effect: "read" | "write", ...scopes: string[]) =>
  handler({
    description: "A tool.",
    effect,
    input: Type.Object({}),
    auth: scopes.map((scope) => can(scope)),
    handle: () => null,
  });
const handlers = {
  list: tool("read", "orders:read"),
  show: tool("read", "orders:read", "people:read"),
  change: tool("write", "orders:write"),
  notATool: tool("read", "other"),
};
const exposure = {
  list: { mcp: true },
  show: { mcp: true },
  change: { mcp: true },
  notATool: { http: "GET /other" },
} as const;

const ofLogin = (given: Partial<Principal> = {}): Principal =>
  principal({ issuer: login, claims: { aud: `${publicUrl}/mcp` }, ...given });
const people = {
  ana: ofLogin({ scopes: ["orders:read", "openid"] }),
  both: ofLogin({ claims: { aud: ["https://api.example", `${publicUrl}/mcp`] } }),
  otherAudience: ofLogin({ claims: { aud: publicUrl } }),
  noAudience: ofLogin({ claims: {} }),
  noClaims: ofLogin({ claims: undefined as never }), // An authenticator in JavaScript may forget the claims.
  key: principal({ issuer: "keys", scopes: ["orders:read"] }),
};
/** Middleware in front of all routes, so that Koa answers every request. */
const inFront = definePlugin(() => ({
  name: "front",
  needs: [httpRef],
  setup: ({ services }) => services.get(httpRef).mount("middleware", ({ app }) => void app.use((_ctx, next) => next())),
}));
type Options = OptionsOf<typeof mcp>;
type HttpOptions = OptionsOf<typeof http>;
const boot = (
  more: Options["authorization"] = { servers: [login] },
  web: HttpOptions = {},
  front: readonly ReturnType<typeof inFront>[] = [],
) =>
  bootTest({
    handlers,
    expose: exposure,
    plugins: [
      ...front,
      http({ port: 0, publicUrl, authenticate: tokens(people), ...web }),
      mcp({ authenticate: tokens(people), authorization: more, title: "The shop" }),
    ],
  });
const urlOf = (app: TestApp, path: string): string => `${app.services.get(httpRef).baseUrl}${path}`;
const challengeOf = (response: Response) => [response.status, response.headers.get("www-authenticate")];

test.each([root, `${root}/mcp`])(
  "the metadata document %s describes the MCP server as a resource, with the scopes of the tools that only read",
  async (path) => {
    await using app = await boot();
    const response = await fetch(urlOf(app, path));
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(await response.json()).toEqual({
      resource: "https://shop.example/mcp",
      resource_name: "The shop",
      authorization_servers: [login],
      scopes_supported: ["orders:read", "people:read"],
      bearer_methods_supported: ["header"],
    });
  },
);

test.each<[string, HttpOptions, ReturnType<typeof inFront>[]?]>([
  ["no origins", {}],
  ["no origins and middleware", {}, [inFront()]],
  ["listed origins and middleware", { allowedOrigins: ["https://app.example"] }, [inFront()]],
  ["listed origins", { allowedOrigins: ["https://app.example"] }],
  ["any origin", { allowedOrigins: "any" }],
])("with %s, pages of all sites may read only the OAuth metadata of the MCP server", async (_name, web, front) => {
  await using app = await boot(undefined, web, front);
  const origin = "https://inspector.example";
  const ask = async (path: string, method = "GET", more: Record<string, string> = {}) => {
    const { status, headers } = await fetch(urlOf(app, path), { method, headers: { origin, ...more } });
    return [status, headers.get("access-control-allow-origin"), headers.get("cross-origin-resource-policy")];
  };
  for (const path of [root, `${root}/mcp`]) {
    expect(await ask(path)).toEqual([200, "*", "cross-origin"]);
    const asked = { "access-control-request-method": "GET", "access-control-request-headers": "mcp-protocol-version" };
    expect((await ask(path, "OPTIONS", asked)).slice(0, 2)).toEqual([204, "*"]);
    expect((await ask(path, "POST"))[0]).toBe(403);
    expect((await ask(path, "OPTIONS", { "access-control-request-method": "POST" }))[0]).toBe(403);
  }
  expect(await ask("/mcp", "POST")).toEqual([403, null, "same-origin"]);
  expect(await ask("/health")).toEqual([403, null, "same-origin"]);
});

test("a page of an origin in allowedOrigins gets CORS headers for its origin also from paths without metadata", async () => {
  await using app = await boot(undefined, { allowedOrigins: ["https://app.example"] });
  const headers = { origin: "https://app.example" };
  const health = (await fetch(urlOf(app, "/health"), { headers })).headers;
  expect([health.get("access-control-allow-origin"), health.get("vary")]).toEqual(["https://app.example", "Origin"]);
  expect(health.get("cross-origin-resource-policy")).toBe("same-origin");
  const document = (await fetch(urlOf(app, root), { headers })).headers;
  expect([document.get("access-control-allow-origin"), document.get("vary")]).toEqual(["*", null]);
});

test("a page of an origin in allowedOrigins can read the challenge of a refused MCP request", async () => {
  await using app = await boot(undefined, { allowedOrigins: ["https://app.example"] });
  const { response } = await post(app, callText("list"), { origin: "https://app.example" });
  expect(response.status).toBe(401);
  expect(response.headers.get("access-control-expose-headers")?.split(",")).toContain("www-authenticate");
});

test("the OAuth metadata documents of the MCP server allow only GET and HEAD", async () => {
  await using app = await boot();
  for (const method of ["POST", "PUT", "DELETE"]) {
    const response = await fetch(urlOf(app, root), { method });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  }
  expect((await fetch(urlOf(app, root), { method: "HEAD" })).status).toBe(200);
});

test("the 401 of the MCP server names the OAuth metadata and scopes, and an error only if the request had a token", async () => {
  await using app = await boot();
  const named = `resource_metadata="${metadata}", scope="orders:read people:read"`;
  expect(challengeOf((await post(app, callText("list"), {})).response)).toEqual([401, `Bearer ${named}`]);
  const wrong = { authorization: "Bearer nobody" };
  expect(challengeOf((await post(app, callText("list"), wrong)).response)).toEqual([
    401,
    `Bearer error="invalid_token", ${named}`,
  ]);
});

test("the 403 of the MCP server names the missing scopes, and the scopes of tools that the caller already has", async () => {
  await using app = await boot();
  const { response, rpc } = await post(app, callText("change"), { authorization: "Bearer ana" });
  expect(challengeOf(response)).toEqual([
    403,
    `Bearer error="insufficient_scope", scope="orders:read orders:write", resource_metadata="${metadata}"`,
  ]);
  expect(rpc.result).toMatchObject({ isError: true, _meta: { "quater/error": { code: "missing_scope" } } });
});

test("M6: an API key without the scope gets a tool error even if mcp() has an authorization server", async () => {
  await using app = await boot();
  const key = { authorization: "Bearer key" };
  const { response, rpc } = await post(app, callText("change"), key);
  expect(challengeOf(response)).toEqual([200, null]);
  expect(rpc.result).toMatchObject({ isError: true, _meta: { "quater/error": { code: "missing_scope" } } });
  const list = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';
  const namesFor = async (token: string) =>
    (await post(app, list, { authorization: `Bearer ${token}` })).rpc.result?.tools?.map(({ name }) => name);
  expect(await namesFor("key")).toEqual(["list"]);
  expect(await namesFor("ana")).toEqual(["list", "show", "change"]);
});

test("the MCP server refuses a token for another audience, even if the authenticator accepts the token", async () => {
  await using app = await boot();
  const statusOf = async (token: string) =>
    (await post(app, callText("nothing"), { authorization: `Bearer ${token}` })).response.status;
  expect(await statusOf("both")).toBe(200);
  expect(await statusOf("otherAudience")).toBe(401);
  expect(await statusOf("noAudience")).toBe(401);
  expect(await statusOf("noClaims")).toBe(401);
  // The other surfaces of the app keep their own audience.
  const other = await fetch(urlOf(app, "/other"), { headers: { authorization: "Bearer otherAudience" } });
  expect(other.status).toBe(403);
});

test("the mcp() options audience, scopes and scopePrefix replace the defaults of the OAuth metadata", async () => {
  const more = { servers: [login], audience: publicUrl, scopes: ["orders:read"], scopePrefix: "api://shop/" };
  await using app = await boot(more);
  expect(await (await fetch(urlOf(app, root))).json()).toMatchObject({
    resource: "https://shop.example/mcp",
    scopes_supported: ["api://shop/orders:read"],
  });
  expect((await post(app, callText("list"), { authorization: "Bearer ana" })).response.status).toBe(401);
  const { response } = await post(app, callText("change"), { authorization: "Bearer otherAudience" });
  expect(response.headers.get("www-authenticate")).toContain('scope="api://shop/orders:write"');
});

test("if no tool that reads has a scope, the first challenge and the OAuth metadata name no scopes", async () => {
  await using app = await boot({ servers: [login], scopes: [] });
  expect(await (await fetch(urlOf(app, root))).json()).not.toHaveProperty("scopes_supported");
  const { response } = await post(app, callText("list"), {});
  expect(response.headers.get("www-authenticate")).toBe(`Bearer resource_metadata="${metadata}"`);
});

const jwtFor = (audience: string, issuer = login) => jwt({ issuer, audience, jwks: `${login}/keys` });
const custom = authenticator({ name: "custom", authenticate: () => undefined });

test.each<[string, Options, HttpOptions | undefined, RegExp]>([
  [
    "http() is missing",
    { authorization: { servers: [login] } },
    undefined,
    /http\(\) is not configured, so clients cannot find it/,
  ],
  ["http() has no publicUrl", { authorization: { servers: [login] } }, {}, /http\(\) has no publicUrl/],
  ["a server is not a URL", { authorization: { servers: ["shop"] } }, { publicUrl }, /server "shop" is not an https URL/],
  ["a server has http", { authorization: { servers: ["http://a.example"] } }, { publicUrl }, /is not an https URL/],
  ["there are no servers", { authorization: { servers: [] } }, { publicUrl }, /authorization/],
  [
    "the authenticator accepts another audience",
    { authenticate: jwtFor(publicUrl), authorization: { servers: [login] } },
    { publicUrl },
    /have the audience "https:\/\/shop.example\/mcp", but .* accepts only the audience "https:\/\/shop.example"/,
  ],
  [
    "an authenticator in firstOf accepts another audience",
    { authenticate: firstOf(custom, jwtFor("https://api.shop.example")), authorization: { servers: [login] } },
    { publicUrl },
    /accepts only the audience "https:\/\/api.shop.example"/,
  ],
  [
    "an own authenticator declares another audience",
    {
      authenticate: authenticator({
        name: "own",
        accepts: [{ issuer: login, audience: "shop" }],
        authenticate: () => undefined,
      }),
      authorization: { servers: [login] },
    },
    { publicUrl },
    /accepts only the audience "shop"/,
  ],
  [
    "the authenticator accepts another issuer",
    { authenticate: jwtFor(`${publicUrl}/mcp`, `${login}/`), authorization: { servers: [login] } },
    { publicUrl },
    /is not an issuer that the authenticator of mcp\(\) accepts/,
  ],
])("boot refuses an authorization server in mcp() if %s", async (_name, options, web, problem) => {
  const plugins = [...(web === undefined ? [] : [http({ port: 0, ...web })]), mcp({ authenticate: custom, ...options })];
  await expect(bootTest({ handlers: { list: handlers.list }, expose: { list: exposure.list }, plugins })).rejects.toThrow(
    problem,
  );
});

test("the gate suite passes for a manifest with an authorization server", async () => {
  const { list, change } = handlers;
  const manifest = defineConfig({
    name: "test",
    handlers: [expose(async () => ({ list, change }), { list: { mcp: true }, change: { mcp: true } })],
    plugins: [
      http({ port: 0, publicUrl }),
      mcp({ authenticate: jwtFor(`${publicUrl}/mcp`), authorization: { servers: [login] } }),
    ],
  });
  const report = await gateSuite(manifest);
  expect(report.holes).toEqual([]);
  expect(report.isGreen).toBe(true);
});

test.each<[string, NonNullable<Options["authenticate"]>]>([
  ["jwt() with the right audience", jwtFor(`${publicUrl}/mcp`)],
  ["an own function", bearer({ verify: () => undefined })],
])("boot accepts an authorization server in mcp() with %s", async (_name, authenticate) => {
  const plugins = [http({ port: 0, publicUrl }), mcp({ authenticate, authorization: { servers: [login] } })];
  await using app = await bootTest({ handlers: { list: handlers.list }, expose: { list: exposure.list }, plugins });
  expect(app.services.get(httpRef).mounted).toEqual([`GET ${root}`, `GET ${root}/mcp`, "POST /mcp", "GET /mcp/docs"]);
});
