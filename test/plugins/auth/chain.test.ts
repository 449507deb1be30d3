// Which credential of a request decides in firstOf(...), and what the answers of its authenticators mean.

import { anyone, authenticated, authenticator, handler, type Principal, QuaterError, Type } from "quater";
import { httpRef } from "quater/http";
import type { Authentication } from "quater/plugin-api";
import { bearer, firstOf, http, mcp } from "quater/plugins";
import { bootTest, principal, type TestApp } from "quater/testing";
import { describe, expect, test } from "vitest";
import { raw } from "../http/socket.ts";

const who = (value: string | undefined): Principal | undefined =>
  value?.startsWith("good-") === true ? principal({ subject: value.slice(5) }) : undefined;
const about = {
  description: "Say who calls.",
  input: Type.Object({}),
  handle: (_: unknown, context: { readonly principal: Principal }) => ({ subject: context.principal.subject }),
} as const;
const handlers = {
  read: handler({ ...about, effect: "read", auth: anyone }),
  write: handler({ ...about, effect: "write", auth: authenticated }),
};

const boot = (authenticate: Authentication): Promise<TestApp> =>
  bootTest({
    handlers,
    expose: { read: { http: "GET /read", public: true }, write: { http: "POST /write", mcp: true } },
    plugins: [http({ port: 0, authenticate, allowedOrigins: ["https://shop.example"] }), mcp({ authenticate })],
  });

const ask = async (app: TestApp, route: string, lines: readonly string[], body = "{}") => {
  const sized = route.startsWith("GET") ? [] : ["Content-Type: application/json", `Content-Length: ${body.length}`];
  const head = [`${route} HTTP/1.1`, "Host: 127.0.0.1", "Connection: close", ...sized, ...lines].join("\r\n");
  const base = app.services.get(httpRef).baseUrl ?? "";
  const answer = await raw(base, `${head}\r\n\r\n${sized.length === 0 ? "" : body}`, { keepOpen: true });
  const { code, subject } = JSON.parse(answer.body) as { code?: string; subject?: string };
  return { status: answer.status, said: code ?? subject, removed: answer.headers["set-cookie"] };
};

const byHeader = (name: string) =>
  authenticator({ name, reads: { headers: [name] }, authenticate: ({ header }) => who(header(name)) });
const byCookie = authenticator({ name: "c", reads: { cookies: ["sid"] }, authenticate: ({ cookie }) => who(cookie("sid")) });
const byToken = bearer({ verify: who });
const refused = { status: 401, said: "invalid_token", removed: undefined };

describe("S17: Quater checks only the first credential of an HTTP request", () => {
  test.each<[string, Authentication, readonly string[]]>([
    ["header, before a right cookie", firstOf(byHeader("x-a"), byCookie), ["X-A: bad", "Cookie: sid=good-ana"]],
    ["header, behind a right cookie", firstOf(byCookie, byHeader("x-a")), ["X-A: bad", "Cookie: sid=good-ana"]],
    ["empty header, before a right cookie", firstOf(byHeader("x-a"), byCookie), ["X-A:", "Cookie: sid=good-ana"]],
    ["header, before another right header", firstOf(byHeader("x-a"), byHeader("x-b")), ["X-B: good-ana", "X-A: bad"]],
    ["token, behind a right header", firstOf(byHeader("x-a"), byToken), ["X-A: good-ana", "Authorization: Bearer bad"]],
    ["header in a chain of chains", firstOf(firstOf(byHeader("x-a")), byCookie), ["X-A: bad", "Cookie: sid=good-ana"]],
  ])("S17: routes of reads, writes and public handlers refuse an HTTP request with a wrong %s", async (_, door, lines) => {
    await using app = await boot(door);
    const own = [...lines, "Origin: https://shop.example"];
    expect(await ask(app, "GET /read", own)).toEqual(refused);
    expect(await ask(app, "POST /write", own)).toEqual(refused);
    expect(await ask(app, "GET /openapi.json", own)).toEqual(refused);
  });

  test("S17: firstOf calls authenticators that read the same header in the order of the list", async () => {
    const other = authenticator({
      name: "other",
      reads: { headers: ["X-A"] },
      authenticate: ({ header }) => (header("x-a") === "other" ? principal({ subject: "bea" }) : undefined),
    });
    await using app = await boot(firstOf(byHeader("x-a"), other, byCookie));
    expect(await ask(app, "POST /write", ["X-A: good-ana"])).toMatchObject({ status: 200, said: "ana" });
    expect(await ask(app, "POST /write", ["X-A: other"])).toMatchObject({ status: 200, said: "bea" });
    const cookie = ["Cookie: sid=good-cleo", "Origin: https://shop.example"];
    expect(await ask(app, "POST /write", cookie)).toMatchObject({ status: 200, said: "cleo" });
  });
});

describe("S17: Quater asks authenticators that read a header and a cookie", () => {
  /** Would fall back from its header to its cookie. */
  const both = authenticator({
    name: "both",
    reads: { headers: ["x-a"], cookies: ["sid"] },
    authenticate: ({ header, cookie }) => who(header("x-a")) ?? who(cookie("sid")),
  });
  const later = authenticator({
    name: "later",
    reads: { headers: ["x-a"], cookies: ["sid"] },
    authenticate: async ({ header, cookie }) => {
      await undefined;
      return who(header("x-a")) ?? who(cookie("sid"));
    },
  });

  /** Reads the token as well: a wrong token must hide the cookie, too. */
  const all = authenticator({
    name: "all",
    reads: { headers: ["x-a"], schemes: ["Bearer"], cookies: ["sid"] },
    authenticate: ({ header, cookie, token }) => who(cookie("sid")) ?? who(header("x-a")) ?? who(token),
  });
  const cookie = "Cookie: sid=good-ana";
  const origin = "Origin: https://shop.example";
  const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
  const accept = "Accept: application/json, text/event-stream";

  describe.each([
    ["alone", both],
    ["that is asynchronous", later],
    ["inside firstOf", firstOf(byToken, both)],
    ["inside firstOf, after one that reads only the cookie", firstOf(byCookie, both)],
    ["that reads a token, a header and a cookie", all],
  ])("S17: an authenticator that reads a header and a cookie, %s", (_, door) => {
    test("S17: http refuses a request with a wrong credential in a header, even when the cookie is right", async () => {
      await using app = await boot(door);
      expect(await ask(app, "POST /write", ["X-A: bad", cookie, origin])).toEqual(refused);
      expect(await ask(app, "GET /read", ["X-A: bad", cookie])).toEqual(refused);
      expect(await ask(app, "POST /write", ["X-A: bad", cookie, "Sec-Fetch-Site: cross-site"])).toEqual(refused);
      expect(await ask(app, "POST /mcp", ["X-A: bad", cookie, origin, accept], ping)).toMatchObject({ status: 401 });
      expect(await ask(app, "POST /write", ["X-A: good-bea", cookie])).toMatchObject({ status: 200, said: "bea" });
    });

    test("S17: http refuses a write with only a cookie from a page that is not allowed (threat T16)", async () => {
      await using app = await boot(door);
      expect(await ask(app, "POST /write", [cookie])).toMatchObject({ status: 403, said: "origin_not_allowed" });
      expect(await ask(app, "POST /mcp", [cookie, accept], ping)).toMatchObject({ status: 403 });
      expect(await ask(app, "POST /write", [cookie, origin])).toMatchObject({ status: 200, said: "ana" });
    });
  });

  test("S17: http refuses a request with a wrong bearer token, even when the cookie is right", async () => {
    await using app = await boot(all);
    expect(await ask(app, "POST /write", ["Authorization: Bearer bad", cookie, origin])).toEqual(refused);
  });
});

describe("S17: firstOf reads the results of its authenticators", () => {
  const saying = (answer: () => unknown) =>
    authenticator({ name: "first", reads: { schemes: ["Bearer"] }, authenticate: answer as () => undefined });
  const token = ["Authorization: Bearer good-ana"];

  test.each<[string, () => unknown]>([
    ["undefined", () => undefined],
    ["null", () => null],
    ["false", () => false],
    ["a promise of null", async () => null],
  ])("S17: when an authenticator returns %s, firstOf calls the next authenticator", async (_, answer) => {
    await using app = await boot(firstOf(saying(answer), byToken));
    expect(await ask(app, "POST /write", token)).toMatchObject({ status: 200, said: "ana" });
    await using alone = await boot(firstOf(saying(answer)));
    expect(await ask(alone, "POST /write", token)).toEqual(refused);
  });

  const own = new QuaterError({ code: "invalid_token", kind: "unauthenticated", message: "This key was stolen" });
  test.each<[string, () => unknown, number, string]>([
    ["throws an error", () => JSON.parse("{"), 503, "authenticator_failed"],
    ["rejects", () => Promise.reject(new Error("no database")), 503, "authenticator_failed"],
    ["throws a QuaterError", () => Promise.reject(own), 401, "invalid_token"],
    ["returns no principal", () => true, 503, "authenticator_failed"],
  ])("S17: when an authenticator %s, firstOf calls no other authenticator", async (_, answer, status, said) => {
    await using app = await boot(firstOf(saying(answer), byToken));
    expect(await ask(app, "POST /write", token)).toMatchObject({ status, said });
  });
});
