// The forms of bodies and answers that a route chooses: envelopes, fields that are dropped, and what caches may keep.

import { anyone, authenticated, authenticator, can, defineConfig, expose, handler, stream, Type } from "quater";
import { httpRef } from "quater/http";
import { definePlugin, isBootError } from "quater/plugin-api";
import { http } from "quater/plugins";
import { bootTest, gateSuite, principal, type TestApp, tokens } from "quater/testing";
import { describe, expect, test } from "vitest";

const parts = { description: "Change an article.", effect: "write", auth: anyone } as const;
const Article = Type.Object({ slug: Type.String(), title: Type.String() });
const save = handler({ ...parts, input: Article, output: Article, handle: (input) => input });
const drop = handler({
  ...parts,
  input: Type.Object({ slug: Type.String() }),
  output: Type.Null(),
  handle: () => null,
});
const list = handler({
  ...parts,
  effect: "read",
  input: Type.Object({ tag: Type.Optional(Type.String()) }),
  handle: ({ tag }, { principal }) => ({ tag: tag ?? "", caller: principal.subject }),
});
const ana = principal({ subject: "ana" });
const authenticate = tokens({ "t-ana": ana });

const boot = (expose: Record<string, object>, more: object = {}): Promise<TestApp> =>
  bootTest({
    handlers: { save, drop, list },
    expose: expose as Record<string, Record<string, unknown>>,
    plugins: [http({ port: 0, authenticate, ...more })],
  });
const send = async (app: TestApp, method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
  const response = await fetch(`${app.services.get(httpRef).baseUrl}${path}`, {
    method,
    headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const header = (name: string) => response.headers.get(name);
  return {
    status: response.status,
    said: text === "" ? null : JSON.parse(text),
    cache: header("cache-control"),
    vary: header("vary"),
  };
};

describe("a route reads inputs and sends results in an envelope", () => {
  const exposed = { save: { http: { route: "PUT /articles/:slug", body: "article", answer: "article" }, public: true } };

  test("a route with the options body and answer reads inputs under the key of body, and returns the result under the key of answer", async () => {
    await using app = await boot(exposed);
    expect(await send(app, "PUT", "/articles/a", { article: { title: "A" } })).toMatchObject({
      status: 200,
      said: { article: { slug: "a", title: "A" } },
    });
  });

  test.each([
    [{ article: { title: "A" }, draft: true }, "/draft", "is not a known field: put every input under the key article"],
    [{ title: "A" }, "/title", "is not a known field: put every input under the key article"],
    [{}, "/article", "must be an object with the inputs"],
    [{ article: [] }, "/article", "must be an object with the inputs"],
    [{ article: null }, "/article", "must be an object with the inputs"],
    [[], "/", "must be an object with the key article"],
  ])("a route with an envelope answers the body %j with 422", async (body, path, message) => {
    await using app = await boot(exposed);
    expect(await send(app, "PUT", "/articles/a", body)).toMatchObject({
      status: 422,
      said: { code: "invalid_input", errors: [{ path, message }] },
    });
  });

  test("the OpenAPI document, probes and the gate suite use the envelope of a route", async () => {
    const plugins = [http({ port: 0, authenticate })];
    await using app = await bootTest({ handlers: { save }, expose: exposed as never, plugins });
    const { paths } = (await app.services.get(httpRef).openApi(undefined)) as { paths: Record<string, Record<string, never>> };
    expect(paths["/articles/{slug}"]?.["put"]).toMatchObject({
      requestBody: { content: { "application/json": { schema: { required: ["article"], additionalProperties: false } } } },
      responses: { 200: { content: { "application/json": { schema: { required: ["article"] } } } } },
    });
    const input = { json: JSON.stringify({ slug: "a", title: "A" }) };
    expect(await app.acrossSurfaces({ handler: "save", input })).toEqual({
      http: { ok: true, value: { slug: "a", title: "A" } },
    });
  });
});

describe('a route with extra: "drop" ignores unknown fields', () => {
  const exposed = {
    save: { http: { route: "POST /articles", extra: "drop", body: "article" }, public: true },
    list: { http: { route: "GET /articles", extra: "drop" }, public: true },
  };

  test('with extra: "drop" a route ignores unknown top-level fields of its body and its query', async () => {
    await using app = await boot(exposed);
    const article = { slug: "a", title: "A", html: "<p>", __proto__: { title: "no" } };
    expect(await send(app, "POST", "/articles", { article })).toMatchObject({ status: 200, said: { slug: "a", title: "A" } });
    expect(await send(app, "POST", "/articles", { article, beside: 1 })).toMatchObject({ status: 422 });
    expect(await send(app, "GET", "/articles?utm_source=x&tag=t")).toMatchObject({ status: 200, said: { tag: "t" } });
  });

  test('without extra: "drop" a route refuses unknown query parameters', async () => {
    await using app = await boot({ list: { http: "GET /articles", public: true } });
    expect(await send(app, "GET", "/articles?utm_source=x")).toMatchObject({ status: 422 });
  });
});

test.each<[string, object, Record<string, object>, string]>([
  [
    'extra: "drop" on a destructive handler',
    { effect: "destructive" },
    { http: { route: "POST /x", extra: "drop" } },
    'In the route of run, extra: "drop" is not allowed for a destructive handler',
  ],
  [
    'extra: "drop" on an input that is a record',
    { input: Type.Record(Type.String(), Type.String()) },
    { http: { route: "POST /x", extra: "drop" } },
    'In the route of run, extra: "drop" needs a list of inputs, but the input schema accepts any field',
  ],
  [
    "a GET with an envelope",
    { effect: "read" },
    { http: { route: "GET /x", body: "a" } },
    'In the route of run, body: "a" needs a request body, but GET takes no body',
  ],
  [
    "a stream with an envelope",
    { output: stream(Type.String()), handle: async function* () {} },
    { http: { route: "POST /x", answer: "a" } },
    'In the route of run, answer: "a" needs one value, but the handler returns a stream',
  ],
  [
    "204 with an envelope",
    { output: Type.Null() },
    { http: { route: "POST /x", answer: "a", status: 204 } },
    'In the route of run, answer: "a" needs one value, but the status 204 has no body',
  ],
  [
    "a shared cache for callers with a credential",
    { effect: "read", auth: authenticated },
    { http: { route: "GET /x", cache: "public, max-age=60" } },
    'In the route of run, cache: "public, max-age=60" lets shared caches send the response of one caller to other callers',
  ],
])("boot refuses an exposure with %s", async (_, more, exposure, cause) => {
  const run = handler({ ...parts, input: Type.Object({}), handle: () => null, ...more } as never);
  const refusal = await bootTest({
    handlers: { run },
    expose: { run: exposure },
    plugins: [http({ port: 0, authenticate })],
  }).catch((error: unknown) => error);
  expect(isBootError(refusal) && refusal.problems.map((problem) => problem.cause)).toEqual([cause]);
});

describe("http sends Cache-Control and Vary in answers", () => {
  const withCookie = authenticator({
    name: "both",
    reads: { schemes: ["Bearer"], headers: ["x-session"], cookies: ["sid"] },
    authenticate: ({ token }) => (token === "t-ana" ? ana : undefined),
  });
  const known = { authorization: "Bearer t-ana" };

  test("an answer to a caller with a credential has Cache-Control: no-store, and Vary names the header of an optional credential", async () => {
    await using app = await boot({ list: { http: "GET /list", public: true } }, { authenticate: withCookie });
    const vary = "Authorization, x-session, Cookie";
    expect(await send(app, "GET", "/list")).toMatchObject({ status: 200, cache: null, vary });
    expect(await send(app, "GET", "/list", undefined, known)).toMatchObject({
      said: { caller: "ana" },
      cache: "no-store",
      vary,
    });
  });

  test("an answer of a route that needs a credential has Cache-Control: no-store and no Vary", async () => {
    await using app = await boot({ list: { http: "GET /list" } });
    expect(await send(app, "GET", "/list", undefined, known)).toMatchObject({ status: 200, cache: "no-store", vary: null });
  });

  test("an exposure can set Cache-Control, but http sends the value public only to anonymous callers", async () => {
    await using own = await boot({ list: { http: { route: "GET /list", cache: "private, max-age=60" } } });
    expect(await send(own, "GET", "/list", undefined, known)).toMatchObject({ cache: "private, max-age=60" });
    await using open = await boot({ list: { http: { route: "GET /list", cache: "public, max-age=60" }, public: true } });
    expect(await send(open, "GET", "/list")).toMatchObject({ cache: "public, max-age=60", vary: "Authorization" });
    expect(await send(open, "GET", "/list", undefined, known)).toMatchObject({ cache: "no-store", vary: "Authorization" });
  });

  test("Vary contains Origin when allowedOrigins lists other sites, with and without middleware in front of the route", async () => {
    const inFront = definePlugin(() => ({
      name: "inFront",
      needs: [httpRef],
      setup: ({ services }) => services.get(httpRef).mount("nothing", ({ app }) => void app.use((_ctx, next) => next())),
    }));
    for (const more of [[], [inFront()]]) {
      await using app = await bootTest({
        handlers: { list },
        expose: { list: { http: "GET /list", public: true } },
        plugins: [http({ port: 0, authenticate, allowedOrigins: ["https://a.example"] }), ...more],
      });
      expect((await send(app, "GET", "/list", undefined, { origin: "https://a.example" })).vary).toBe("Origin, Authorization");
    }
  });
});

test("H3: a 204 answer has no body, and neither probes nor the OpenAPI document expect one", async () => {
  const plugins = [http({ port: 0, authenticate })];
  const boots = {
    handlers: { drop },
    expose: { drop: { http: { route: "DELETE /articles/:slug", status: 204 }, public: true } },
    plugins,
  };
  await using app = await bootTest(boots as never);
  expect(await send(app, "DELETE", "/articles/a")).toMatchObject({ status: 204, said: null });
  expect(await app.acrossSurfaces({ handler: "drop", input: { text: { slug: "a" } } })).toEqual({
    http: { ok: true, value: null },
  });
  const { paths } = (await app.services.get(httpRef).openApi(undefined)) as { paths: Record<string, Record<string, never>> };
  expect(paths["/articles/{slug}"]?.["delete"]?.["responses"]?.["204"]).not.toHaveProperty("content");
});

test("H3: a probe can read answers and refusals of middleware that are not JSON", async () => {
  let status = 200;
  const text = definePlugin(() => ({
    name: "text",
    needs: [httpRef],
    setup: ({ services }) =>
      services.get(httpRef).mount(
        "text",
        ({ app }) =>
          void app.use((ctx) => {
            ctx.status = status;
            ctx.body = "plain words";
          }),
      ),
  }));
  await using app = await bootTest({
    handlers: { list },
    expose: { list: { http: "GET /list", public: true } },
    plugins: [http({ port: 0, authenticate }), text()],
  });
  const call = { handler: "list", input: { text: {} } };
  expect(await app.acrossSurfaces(call)).toEqual({ http: { ok: true, value: "plain words" } });
  status = 409;
  expect(await app.acrossSurfaces(call)).toEqual({
    http: { ok: false, code: "status_409", message: "plain words", errors: [] },
  });
});

test("H3: the gate suite finds no hole in handlers that answer 204 or in an envelope", async () => {
  const mayWrite = can("articles:write");
  const manifest = defineConfig({
    name: "articles",
    handlers: [
      expose(
        async () => ({
          drop: handler({
            ...parts,
            auth: mayWrite,
            input: Type.Object({ slug: Type.String() }),
            output: Type.Null(),
            handle: () => null,
          }),
          save: handler({ ...parts, auth: mayWrite, input: Article, output: Article, handle: (input) => input }),
        }),
        {
          drop: { http: { route: "DELETE /articles/:slug", status: 204 } },
          save: { http: { route: "PUT /articles/:slug", body: "article", answer: "article" } },
        },
      ),
    ],
    plugins: [http({ port: 0, authenticate })],
  });
  const report = await gateSuite(manifest);
  expect(report.holes).toEqual([]);
  expect(report.isGreen).toBe(true);
});
