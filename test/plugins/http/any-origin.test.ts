// H17: a public API that pages of all sites may call.

import { anyone, authenticated, authenticator, handler, Type } from "quater";
import { httpRef } from "quater/http";
import { definePlugin, isBootError } from "quater/plugin-api";
import { http, mcp } from "quater/plugins";
import { bootTest, principal, type TestApp, tokens } from "quater/testing";
import { expect, test } from "vitest";

const parts = { description: "Say who calls.", input: Type.Object({}) } as const;
const who = handler({ ...parts, effect: "read", auth: anyone, handle: (_, { principal }) => principal.subject });
const write = handler({ ...parts, effect: "write", auth: authenticated, handle: (_, { principal }) => principal.subject });
const authenticate = tokens({ "t-ana": principal({ subject: "ana" }) });
const expose = { who: { http: "GET /who", public: true }, write: { http: "POST /write", mcp: true } };
const inFront = definePlugin(() => ({
  name: "inFront",
  needs: [httpRef],
  setup: ({ services }) =>
    services.get(httpRef).mount("a page", ({ app, router }) => {
      app.use((_ctx, next) => next());
      router.get("/page", (ctx) => {
        ctx.body = "page";
      });
    }),
}));
const boot = (more: readonly ReturnType<typeof inFront>[] = []): Promise<TestApp> =>
  bootTest({
    handlers: { who, write },
    expose,
    plugins: [http({ port: 0, authenticate, allowedOrigins: "any" }), mcp({ authenticate }), ...more],
  });
const ask = async (app: TestApp, method: string, path: string, headers: Record<string, string> = {}) => {
  const response = await fetch(`${app.services.get(httpRef).baseUrl}${path}`, {
    method,
    headers: { origin: "https://anywhere.example", ...headers },
    ...(method === "POST" ? { body: "{}" } : {}),
  });
  const header = (name: string) => response.headers.get(name);
  return {
    status: response.status,
    origin: header("access-control-allow-origin"),
    credentials: header("access-control-allow-credentials"),
    methods: header("access-control-allow-methods"),
    headers: header("access-control-allow-headers"),
    body: await response.text(),
  };
};
const json = { "content-type": "application/json" };

test.each([
  ["without middleware", []],
  ["with middleware in front", [inFront()]],
])('H17: with allowedOrigins "any", pages of all sites may call exposed routes without cookies, %s', async (_, more) => {
  await using app = await boot(more);
  expect(await ask(app, "GET", "/who")).toMatchObject({ status: 200, origin: "*", credentials: null, body: '"anonymous"' });
  const token = { authorization: "Bearer t-ana" };
  expect(await ask(app, "POST", "/write", { ...json, ...token })).toMatchObject({ status: 200, origin: "*", body: '"ana"' });
  expect(await ask(app, "POST", "/write", json)).toMatchObject({ status: 401, origin: "*", credentials: null });
  const asked = { "access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type" };
  expect(await ask(app, "OPTIONS", "/write", asked)).toMatchObject({
    status: 204,
    origin: "*",
    credentials: null,
    methods: "GET,HEAD,PUT,POST,DELETE,PATCH",
    headers: "authorization,content-type",
  });
});

test.each(["/mcp", "/__quater__/dry-run/write", "/approvals", "/openapi.json", "/page", "/health", "/nowhere"])(
  'H17: with allowedOrigins "any", pages of other sites still may not call %s',
  async (path) => {
    await using app = await boot([inFront()]);
    for (const method of ["GET", "POST"])
      expect(await ask(app, method, path, json)).toMatchObject({
        status: 403,
        origin: null,
        body: expect.stringContaining("origin_not_allowed"),
      });
    const asked = { "access-control-request-method": "POST" };
    expect(await ask(app, "OPTIONS", path, asked)).toMatchObject({ status: 403, origin: null });
  },
);

test('H17: with allowedOrigins "any", http refuses a preflight request for a method that the path does not have', async () => {
  await using app = await boot();
  expect(await ask(app, "OPTIONS", "/who", { "access-control-request-method": "DELETE" })).toMatchObject({
    status: 403,
    origin: null,
  });
});

const problemsOf = async (options: object, exposure: object = {}): Promise<readonly string[]> => {
  const named = handler({
    ...parts,
    input: Type.Object({ theme: Type.Optional(Type.String()) }),
    effect: "read",
    auth: anyone,
    handle: () => 1,
  });
  const refusal = await bootTest({
    handlers: { named },
    expose: { named: { http: { route: "GET /named", ...exposure }, public: true } },
    plugins: [http({ port: 0, allowedOrigins: "any", ...options })],
  }).catch((error: unknown) => error);
  return isBootError(refusal) ? refusal.problems.map(({ cause }) => cause) : [];
};

test('H17: boot refuses allowedOrigins: "any" together with an authenticator that reads cookies', async () => {
  const byCookie = authenticator({ name: "c", reads: { schemes: ["Bearer"], cookies: ["sid"] }, authenticate: () => undefined });
  expect(await problemsOf({ authenticate: byCookie })).toEqual([
    'The http() option allowedOrigins is "any", so pages of any site could send the cookie sid, which the authenticator reads',
  ]);
  expect(await problemsOf({}, { bind: { theme: "cookie:theme" } })).toEqual([
    'The http() option allowedOrigins is "any", so pages of any site could send the cookie theme, which named reads',
  ]);
  expect(await problemsOf({ allowedOrigins: ["any"] })).toEqual([
    expect.stringContaining('The http() option allowedOrigins has "any"'),
  ]);
});
