// What authenticators read: they get it and nothing else, and a request that carries any of it is never anonymous.

import { anyone, authenticated, authenticator, handler, type Principal, Type } from "quater";
import { httpRef } from "quater/http";
import type { Authentication } from "quater/plugin-api";
import { bearer, firstOf, http, localUser, mcp } from "quater/plugins";
import { bootTest, principal, type TestApp, tokens } from "quater/testing";
import { describe, expect, test } from "vitest";
import { raw } from "../http/socket.ts";

const ana = principal({ subject: "ana" });
const whoParts = {
  description: "Say who calls.",
  effect: "read",
  auth: anyone,
  handle: (_: unknown, context: { readonly principal: Principal }) => ({ subject: context.principal.subject }),
} as const;
const who = handler({ ...whoParts, input: Type.Object({}) });
const write = handler({
  description: "Change something.",
  effect: "write",
  input: Type.Object({ n: Type.Optional(Type.Integer()) }),
  auth: authenticated,
  handle: () => ({ done: true }),
});

const boot = (authenticate: Authentication, more: { readonly mcp?: boolean } = {}): Promise<TestApp> =>
  bootTest({
    handlers: { who, write },
    expose: {
      who: { http: "GET /who", public: true },
      write: { http: "POST /write", ...(more.mcp === true ? { mcp: true } : {}) },
    },
    plugins: [
      http({ port: 0, authenticate, allowedOrigins: ["https://shop.example"] }),
      ...(more.mcp === true ? [mcp({ authenticate })] : []),
    ],
  });
const urlOf = (app: TestApp): string => app.services.get(httpRef).baseUrl ?? "";

const get = async (app: TestApp, lines: readonly string[], path = "/who") => {
  const head = [`GET ${path} HTTP/1.1`, "Host: 127.0.0.1", "Connection: close", ...lines].join("\r\n");
  const { status, headers, body } = await raw(urlOf(app), `${head}\r\n\r\n`, { keepOpen: true });
  const { code, subject, detail } = JSON.parse(body) as Record<string, string>;
  return { status, said: code ?? subject, detail, challenge: headers["www-authenticate"], cookie: headers["set-cookie"] };
};

const known = (value: string | undefined): Principal | undefined => (value === "good" ? ana : undefined);
const byHeader = authenticator({
  name: "h",
  reads: { headers: ["X-Session"] },
  authenticate: ({ header }) => known(header("x-session")),
});
const byToken = authenticator({ name: "t", reads: { schemes: ["Token"] }, authenticate: ({ token }) => known(token) });
const byBasic = authenticator({
  name: "b",
  reads: { schemes: ["Basic"] },
  authenticate: ({ token, scheme }) => (scheme === "Basic" ? known(Buffer.from(token ?? "", "base64").toString()) : undefined),
});
const byCookie = authenticator({ name: "c", reads: { cookies: ["sid"] }, authenticate: ({ cookie }) => known(cookie("sid")) });
const byBearer = bearer({ verify: known });
const basicGood = `Authorization: Basic ${Buffer.from("good").toString("base64")}`;

describe("S17: a public route checks credentials", () => {
  test.each([
    ["a header", byHeader, "X-Session: good", "X-Session: bad", 'Header name="x-session"'],
    ["a scheme", byToken, "Authorization: Token good", "Authorization: Token bad", "Token"],
    ["Basic", byBasic, basicGood, "Authorization: Basic YmFk", 'Basic realm="restricted", charset="UTF-8"'],
    ["Bearer", byBearer, "Authorization: Bearer good", "Authorization: Bearer bad", 'Bearer error="invalid_token"'],
    ["a cookie", byCookie, "Cookie: a=1; sid=good", "Cookie: a=1; sid=bad", 'Cookie name="sid"'],
  ])(
    "S17: a public route accepts a valid credential in %s, refuses an invalid credential, and treats a caller without credential as anonymous",
    async (_, door, good, bad, challenge) => {
      await using app = await boot(door);
      expect(await get(app, [good])).toMatchObject({ status: 200, said: "ana" });
      expect(await get(app, [bad])).toMatchObject({ status: 401, said: "invalid_token", challenge });
      expect(await get(app, [])).toMatchObject({ status: 200, said: "anonymous" });
    },
  );

  test.each([
    ["two words after Bearer", ["Authorization: Bearer a b"], "invalid_token"],
    ["a scheme alone", ["Authorization: Bearer"], "invalid_token"],
    ["an empty Authorization", ["Authorization: "], "invalid_token"],
    ["two tokens with a comma", ["Authorization: Bearer good, Bearer good"], "invalid_token"],
    ["a scheme that is not read", [basicGood], "unauthenticated"],
  ])("S17: a public route refuses a request with %s", async (_, lines, code) => {
    await using app = await boot(byBearer);
    expect(await get(app, lines)).toMatchObject({ status: 401, said: code });
  });

  test("S17: schemes of Authorization are compared without letter case, and an authenticator receives a list of name=value unchanged", async () => {
    const seen: unknown[] = [];
    const door = authenticator({
      name: "digest",
      reads: { schemes: ["Digest", "Bearer"] },
      authenticate: ({ scheme, token }) => {
        seen.push([scheme, token]);
        return ana;
      },
    });
    await using app = await boot(door);
    await get(app, ['Authorization: DIGEST username="ana", realm="a b", nc=1']);
    await get(app, ["Authorization: bearer  abc"]);
    expect(seen).toEqual([
      ["Digest", 'username="ana", realm="a b", nc=1'],
      ["Bearer", "abc"],
    ]);
  });

  test("S17: http refuses a request that repeats a header of an authenticator, even when both values are right", async () => {
    await using app = await boot(byHeader);
    expect(await get(app, ["X-Session: good", "x-session: good"])).toMatchObject({ status: 401, said: "invalid_token" });
  });

  test("S17: http refuses a request with two cookies of the same name when the authenticator reads this cookie", async () => {
    await using app = await boot(byCookie);
    expect(await get(app, ["Cookie: sid=good; sid=good"])).toMatchObject({ status: 401, said: "invalid_token" });
    expect(await get(app, ["Cookie: sid=good", "Cookie: sid=good"])).toMatchObject({ status: 401, said: "invalid_token" });
    expect(await get(app, ['Cookie: xsid=bad; sid="good"; sidx=bad'])).toMatchObject({ status: 200, said: "ana" });
  });

  test("S17: firstOf reads all credentials of its authenticators, and each authenticator receives only the credentials that it declares", async () => {
    const seen: unknown[] = [];
    const nosy = authenticator({
      name: "nosy",
      reads: { headers: ["x-a"] },
      authenticate: ({ header, cookie, token, scheme }) => {
        seen.push([header("x-a"), header("x-session"), header("authorization"), header("cookie"), cookie("sid"), token, scheme]);
        return undefined;
      },
    });
    await using app = await boot(firstOf(nosy, byCookie, byHeader, byToken, localUser()));
    expect(await get(app, ["X-Session: good"])).toMatchObject({ status: 200, said: "ana" });
    expect(await get(app, ["Cookie: sid=good"])).toMatchObject({ status: 200, said: "ana" });
    expect(await get(app, ["Authorization: Token good"])).toMatchObject({ status: 200, said: "ana" });
    expect(await get(app, ["X-A: 1", "X-Session: good", "Cookie: sid=bad"])).toMatchObject({
      status: 401,
      challenge: 'Token, Bearer error="invalid_token"',
    });
    expect(await get(app, [])).toMatchObject({ status: 200, said: "anonymous" });
    const none = [undefined, undefined, undefined, undefined, undefined, undefined];
    expect(seen).toEqual([
      [undefined, ...none],
      ["1", ...none],
    ]);
  });

  test("S17: http refuses a request with a wrong bearer token, even with a right cookie or header", async () => {
    await using app = await boot(firstOf(byCookie, byHeader, byToken));
    for (const right of ["Cookie: sid=good", "X-Session: good"]) {
      expect(await get(app, [right, "Authorization: Token bad"])).toMatchObject({ status: 401, said: "invalid_token" });
      expect(await get(app, [right, "Authorization: Token good"])).toMatchObject({ status: 200, said: "ana" });
    }
  });

  test("S17: a plain function as authenticator receives bearer tokens and no other credential", async () => {
    const seen: unknown[] = [];
    await using app = await boot(({ header, cookie, token }) => {
      seen.push([header("x-session"), header("user-agent"), cookie("sid"), token]);
      return known(token);
    });
    expect(await get(app, ["X-Session: good", "Cookie: sid=good"])).toMatchObject({ status: 200, said: "anonymous" });
    expect(await get(app, ["X-Session: good", "Cookie: sid=good", "User-Agent: x", "Authorization: Bearer good"])).toMatchObject({
      said: "ana",
    });
    expect(seen).toEqual([[undefined, undefined, undefined, "good"]]);
  });
});

test("S17: the 401 response for an expired or unknown cookie removes the cookie, with the attributes of the cookie", async () => {
  const door = authenticator({
    name: "sessions",
    reads: { cookies: [{ name: "__Host-sid" }, { name: "app", path: "/app", domain: "shop.example" }], schemes: ["Bearer"] },
    authenticate: ({ cookie, token }) => known(token ?? cookie("__Host-sid")),
  });
  await using app = await boot(door);
  expect(await get(app, ["Cookie: __Host-sid=old"])).toMatchObject({
    status: 401,
    cookie: "__Host-sid=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure",
  });
  expect(await get(app, ["Cookie: app=old"])).toMatchObject({
    status: 401,
    cookie: "app=; Path=/app; Domain=shop.example; Max-Age=0; HttpOnly; SameSite=Lax",
  });
  // A wrong token says nothing about the cookie.
  const both = await get(app, ["Cookie: __Host-sid=good", "Authorization: Bearer bad"]);
  expect([both.status, both.cookie]).toEqual([401, undefined]);
});

test("S17: a 401 response names the schemes, headers and cookies that the authenticator reads", async () => {
  await using app = await boot(firstOf(byToken, byHeader, byCookie));
  const { status, detail, challenge } = await get(app, [], "/openapi.json");
  expect([status, challenge]).toEqual([401, "Token"]);
  expect(detail).toBe(
    "This call over http needs a credential: send Authorization: Token <credential> or the header x-session or the cookie sid",
  );
});

describe("S17: http checks cookies on writes (threat T16)", () => {
  const post = async (app: TestApp, lines: readonly string[], body = "{}") => {
    const head = ["POST /write HTTP/1.1", "Host: 127.0.0.1", "Connection: close", `Content-Length: ${body.length}`, ...lines];
    const { status, body: text } = await raw(urlOf(app), `${head.join("\r\n")}\r\n\r\n${body}`, { keepOpen: true });
    return [status, (JSON.parse(text) as { code?: string }).code ?? "done"];
  };
  const cookie = "Cookie: sid=good";
  const json = "Content-Type: application/json";

  test.each([
    ["without Origin and Sec-Fetch-Site", [cookie, json], [403, "origin_not_allowed"]],
    ["from another site", [cookie, json, "Sec-Fetch-Site: cross-site"], [403, "origin_not_allowed"]],
    ["from a sibling domain", [cookie, json, "Sec-Fetch-Site: same-site"], [403, "origin_not_allowed"]],
    ["with a foreign Origin", [cookie, json, "Origin: https://evil.example"], [403, "origin_not_allowed"]],
    ["with an opaque Origin", [cookie, json, "Origin: null"], [403, "origin_not_allowed"]],
    ["from a form", [cookie, "Content-Type: text/plain", "Sec-Fetch-Site: same-origin"], [415, "unsupported_media_type"]],
    ["from an own page", [cookie, json, "Sec-Fetch-Site: same-origin"], [200, "done"]],
    ["with the app's own Origin", [cookie, json, "Origin: http://127.0.0.1"], [200, "done"]],
    ["with an allowed Origin", [cookie, json, "Origin: https://shop.example"], [200, "done"]],
    ["with a header that only own pages can send", [cookie, json, "X-Session: good"], [200, "done"]],
  ])("S17: http accepts a write with a cookie only from pages of the app and allowed pages: %s", async (_, lines, answer) => {
    await using app = await boot(firstOf(byCookie, byHeader));
    expect(await post(app, lines)).toEqual(answer);
  });

  test("S17: MCP accepts a cookie only from pages of the app and allowed pages", async () => {
    await using app = await boot(byCookie, { mcp: true });
    const call = (more: Record<string, string>) =>
      fetch(`${urlOf(app)}/mcp`, {
        method: "POST",
        headers: {
          cookie: "sid=good",
          "content-type": "application/json",
          accept: "application/json, text/event-stream",
          ...more,
        },
        body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
      });
    expect((await call({})).status).toBe(403);
    expect((await call({ origin: "https://shop.example" })).status).toBe(200);
    const expired = await call({ origin: "https://shop.example", cookie: "sid=old" });
    expect([expired.status, expired.headers.get("set-cookie")]).toEqual([401, "sid=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"]);
  });
});

describe("S17: boot refuses wrong `reads` of an authenticator", () => {
  test.each([
    [{ headers: ["Host"] }, "the header host is listed, but cannot identify a caller"],
    [{ headers: ["content-length"] }, "the header content-length is listed, but cannot identify a caller"],
    [{ headers: ["X-Forwarded-User"] }, "the header x-forwarded-user is listed, but cannot identify a caller"],
    [{ headers: ["forwarded"] }, "the header forwarded is listed, but cannot identify a caller"],
    [{ headers: ["origin"] }, "the header origin is listed, but cannot identify a caller"],
    [{ headers: ["sec-fetch-site"] }, "the header sec-fetch-site is listed, but cannot identify a caller"],
    [{ headers: ["quater-approval"] }, "the header quater-approval is listed, but cannot identify a caller"],
    [{ headers: ["authorization"] }, "the header authorization is listed in headers"],
    [{ headers: ["Cookie"] }, "the header cookie is listed in headers"],
    [{ headers: ["x session"] }, '"x session" is not the name of a header'],
    [{ schemes: ["Bearer token"] }, '"Bearer token" is not the name of a scheme'],
    [{ cookies: [{ name: "sid", path: "/; Secure" }] }, "the cookie sid has a wrong attribute"],
  ])("S17: boot refuses an authenticator with the option reads: %j", async (reads, cause) => {
    const door = firstOf(authenticator({ name: "mine", reads: reads as never, authenticate: () => ana }), tokens({}));
    await expect(boot(door)).rejects.toMatchObject({
      problems: [{ cause: `In the option reads of the authenticator mine, ${cause}` }],
    });
  });

  test.each([
    [["x-session"], "The option reads of the authenticator mine is a list, but must be an object"],
    [{ header: ["x-session"] }, 'The option reads of the authenticator mine has an unknown field "header"'],
    [{ headers: "x-session" }, "The option reads.headers of the authenticator mine is not a list"],
  ])("S17: boot refuses an authenticator whose option reads has the wrong form: %j", async (reads, cause) => {
    const door = authenticator({ name: "mine", reads: reads as never, authenticate: () => ana });
    await expect(boot(door)).rejects.toMatchObject({ problems: [{ cause }] });
  });
});

test("S17: boot refuses an input that is bound to a header or cookie that the authenticator reads", async () => {
  const causesWith = (bind: string) =>
    bootTest({
      handlers: { who: handler({ ...whoParts, input: Type.Object({ id: Type.String() }) }) },
      expose: { who: { http: { route: "GET /who", bind: { id: bind } } } },
      plugins: [http({ port: 0, authenticate: firstOf(byHeader, byCookie) })],
    });
  await expect(causesWith("header:X-Session")).rejects.toMatchObject({
    problems: [
      {
        cause:
          "In the route of who, bind.id reads the header X-Session, but the authenticator of http() reads this header as a credential",
      },
    ],
  });
  await expect(causesWith("cookie:sid")).rejects.toMatchObject({
    problems: [
      {
        cause:
          "In the route of who, bind.id reads the cookie sid, but the authenticator of http() reads this cookie as a credential",
      },
    ],
  });
  await using app = await causesWith("cookie:theme");
  expect(urlOf(app)).not.toBe("");
});
