// What handlers say of their answers beside the value: headers, cookies, redirects.

import { anyone, authenticated, authenticator, handler, type Reply, stream, Type } from "quater";
import { http, httpRef } from "quater/http";
import { definePlugin, type OptionsOf } from "quater/plugin-api";
import { bootTest, direct, principal, type TestApp, tokens } from "quater/testing";
import { describe, expect, test } from "vitest";

const keys = ["first key of 32 bytes or more ........", "second key of 32 bytes or more ......."];

/** A handler that does this with its reply. */
const replying = (act: (reply: Reply) => void, effect: "read" | "write" = "read") =>
  handler({
    description: "Replies.",
    effect,
    input: Type.Object({}),
    output: Type.Object({ ok: Type.Boolean() }),
    auth: anyone,
    handle: (_, { reply }) => {
      act(reply);
      return { ok: true };
    },
  });

const around = definePlugin(() => ({
  name: "around",
  needs: [httpRef],
  setup: ({ services }) => services.get(httpRef).mount("around", ({ app }) => void app.use((_ctx, next) => next())),
}))();

const booted = (act: (reply: Reply) => void, options: OptionsOf<typeof http> = {}, isMounted = false) =>
  bootTest({
    handlers: { replies: replying(act) },
    expose: { replies: { http: "GET /replies", public: true, direct: true } },
    plugins: [http({ port: 0, authenticate: tokens({}), ...options }), direct(), ...(isMounted ? [around] : [])],
  });

const ask = (app: Pick<TestApp, "services">, path = "/replies", headers: Record<string, string> = {}) =>
  fetch(`${app.services.get(httpRef).baseUrl}${path}`, { redirect: "manual", headers });

describe.each([
  ["directly", false],
  ["through Koa", true],
])("the server sends %s what a handler sets on reply", (_, isMounted) => {
  test("an HTTP answer has the headers, the location and the cookies that the handler set on reply", async () => {
    const act = (reply: Reply) => {
      reply.header("X-Revision", "1");
      reply.header("x-revision", "2");
      reply.location("/orders/7?a=b#c");
      reply.cookie("theme", "dark; blue");
      reply.cookie("sid", "s1", { maxAgeSeconds: 60, path: "/app", sameSite: "Strict" });
      reply.clearCookie("old");
    };
    await using app = await booted(act, {}, isMounted);
    const { headers, status } = await ask(app);
    expect(status).toBe(200);
    expect(headers.get("x-revision")).toBe("2");
    expect(headers.get("location")).toBe("/orders/7?a=b#c");
    expect(headers.getSetCookie()).toEqual([
      "theme=dark%3B%20blue; Path=/; HttpOnly; SameSite=Lax",
      "sid=s1; Path=/app; Max-Age=60; HttpOnly; SameSite=Strict",
      "old=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax",
    ]);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
  });

  test("reply.redirect answers with 303, or with the status that the handler chose", async () => {
    await using other = await booted((reply) => reply.redirect("/login"), {}, isMounted);
    const answer = await ask(other);
    expect([answer.status, answer.headers.get("location")]).toEqual([303, "/login"]);
    await using moved = await booted((reply) => reply.redirect("/new", 308), {}, isMounted);
    expect((await ask(moved)).status).toBe(308);
  });

  test("the answer to a failed call has no headers and cookies that the handler set on reply", async () => {
    const act = (reply: Reply) => {
      reply.header("x-revision", "1");
      throw new Error("broken");
    };
    await using app = await booted(act, {}, isMounted);
    const { headers, status } = await ask(app);
    expect([status, headers.get("x-revision")]).toEqual([500, null]);
  });
});

test("reply.cookie sends Secure when publicUrl is an https URL, or when the prefix of the cookie's name needs Secure", async () => {
  const act = (reply: Reply) => reply.cookie("__Host-sid", "s1");
  const answers = async (options: OptionsOf<typeof http>, write = act) => {
    await using app = await booted(write, options);
    return (await ask(app)).headers.getSetCookie();
  };
  expect(await answers({})).toEqual(["__Host-sid=s1; Path=/; HttpOnly; Secure; SameSite=Lax"]);
  const plain = (reply: Reply) => reply.cookie("sid", "s1");
  expect(await answers({ publicUrl: "https://shop.example" }, plain)).toEqual(["sid=s1; Path=/; HttpOnly; Secure; SameSite=Lax"]);
});

test.each<readonly [string, (reply: Reply) => void, string]>([
  ["a header that frames the message", (r) => r.header("Content-Length", "1"), 'reply.header cannot set "Content-Length"'],
  ["a transfer encoding", (r) => r.header("transfer-encoding", "chunked"), 'reply.header cannot set "transfer-encoding"'],
  ["a header of the connection", (r) => r.header("connection", "close"), 'reply.header cannot set "connection"'],
  ["who may read", (r) => r.header("Access-Control-Allow-Origin", "*"), 'reply.header cannot set "Access-Control-Allow-Origin"'],
  ["what a page may do", (r) => r.header("content-security-policy", "x"), 'reply.header cannot set "content-security-policy"'],
  ["who may frame it", (r) => r.header("X-Frame-Options", "x"), 'reply.header cannot set "X-Frame-Options"'],
  ["a cookie as header", (r) => r.header("set-cookie", "a=b"), "call reply.cookie"],
  ["the cache", (r) => r.header("cache-control", "public"), "write cache in the exposure"],
  ["two lines", (r) => r.header("x-a", "b\r\nset-cookie: c=d"), "Invalid character in header content"],
  ["a name that no header has", (r) => r.header("x a", "b"), "must be a valid HTTP token"],
  ["the cookie of approvals", (r) => r.cookie("quater-approvals", "x"), 'reply cannot set the cookie "quater-approvals"'],
  ["the same over https", (r) => r.clearCookie("__Host-quater-approvals"), "__Host-quater-approvals"],
  ["a cookie with an attribute in its name", (r) => r.cookie("a; Path=/x", "b"), "reply.cookie got an invalid name"],
  [
    "a cookie with an attribute in its path",
    (r) => r.cookie("a", "b", { path: "/; Domain=x" }),
    "reply.cookie got an invalid path",
  ],
  ["SameSite=None without Secure", (r) => r.cookie("a", "b", { sameSite: "None" }), "SameSite=None"],
  ["an unknown SameSite", (r) => r.cookie("a", "b", { sameSite: "x; Domain=y" as "Lax" }), "sameSite"],
  ["a signed cookie without keys", (r) => r.cookie("a", "b", { signed: true }), "add http({ cookieKeys"],
  ["another origin", (r) => r.redirect("https://evil.example/"), 'add "https://evil.example" to http({ redirectOrigins })'],
  ["another host", (r) => r.redirect("//evil.example"), "browsers would take this path for the URL of another host"],
  [
    "another host, by backslashes",
    (r) => r.redirect("/\\evil.example"),
    "browsers would take this path for the URL of another host",
  ],
  [
    "another host, behind a dot segment",
    (r) => r.redirect("/.//evil.example"),
    "browsers would take this path for the URL of another host",
  ],
  [
    "another host, behind a tab",
    (r) => r.redirect("/\t/evil.example"),
    "browsers would take this path for the URL of another host",
  ],
  ["a script", (r) => r.redirect("javascript:alert(1)"), 'write a path: "/orders/7"'],
  ["a location elsewhere", (r) => r.location("https://evil.example/"), 'write a path: "/orders/7"'],
  ["a status of a success", (r) => r.redirect("/a", 200 as 303), "write 301, 302, 303, 307 or 308"],
])("a call ends with internal when its handler sets %s on reply, and the log contains the reason", async (_, act, reason) => {
  await using app = await booted(act);
  const answer = await ask(app);
  expect(answer.status).toBe(500);
  expect(await answer.json()).toMatchObject({ code: "internal" });
  expect(answer.headers.getSetCookie()).toEqual([]);
  const line = app.log.find(({ level }) => level === "error");
  expect(line?.fields["error"]).toContain("TypeError");
  expect(line?.fields["error"]).toContain(reason);
});

test("reply.redirect accepts only targets in redirectOrigins, on publicUrl and on the server itself", async () => {
  const options = { redirectOrigins: ["https://login.example"], publicUrl: "https://shop.example" };
  for (const target of ["https://login.example/in?a=b", "https://shop.example/"]) {
    await using app = await booted((reply) => reply.redirect(target), options);
    expect((await ask(app)).headers.get("location")).toBe(target);
  }
});

test.each([
  [{ redirectOrigins: ["https://login.example/in"] }, 'The http() option redirectOrigins has "https://login.example/in"'],
  [{ cookieKeys: ["short"] }, "The http() option cookieKeys has a key of fewer than 32 bytes"],
])("boot refuses %j in the options of http()", async (options, cause) => {
  await expect(booted(() => {}, options)).rejects.toThrow(cause);
});

test("http accepts a signed cookie after a rotation of cookieKeys, but refuses another name and a wrong signature", async () => {
  const ana = principal();
  const whoAmI = handler({
    description: "Tells who calls.",
    effect: "read",
    input: Type.Object({}),
    auth: authenticated,
    handle: (_, { principal: { subject } }) => subject,
  });
  const sessions = authenticator({
    name: "sessions",
    reads: { cookies: ["sid", "other"] },
    authenticate: ({ cookie }) => {
      const session = cookie("sid", { signed: true }) ?? cookie("other", { signed: true });
      return session === "session; 1" ? ana : undefined;
    },
  });
  const bootWith = (cookieKeys: string[]) =>
    bootTest({
      handlers: { signIn: replying((reply) => reply.cookie("sid", "session; 1", { signed: true })), whoAmI },
      expose: { signIn: { http: "GET /sign-in", public: true }, whoAmI: { http: "GET /me" } },
      plugins: [http({ port: 0, authenticate: sessions, cookieKeys })],
    });
  const [first = "", second = ""] = keys;
  await using app = await bootWith([first]);
  const [line = ""] = (await ask(app, "/sign-in")).headers.getSetCookie();
  const sent = line.split(";", 1)[0] ?? "";
  expect(sent).toMatch(/^sid=session%3B%201\.[\w-]{43}$/);
  const statusOf = async (on: Pick<TestApp, "services">, cookie: string) => (await ask(on, "/me", { cookie })).status;
  expect(await statusOf(app, sent)).toBe(200);
  expect(await statusOf(app, "sid=session%3B%201")).toBe(401);
  expect(await statusOf(app, sent.replace("%201", "%202"))).toBe(401);
  expect(await statusOf(app, sent.replace(/^sid/, "other"))).toBe(401);
  await using rotated = await bootWith([second, first]);
  expect(await statusOf(rotated, sent)).toBe(200);
  await using after = await bootWith([second]);
  expect(await statusOf(after, sent)).toBe(401);
});

test("a handler with a stream can set headers on reply only before the first item", async () => {
  const numbers = handler({
    description: "Streams.",
    effect: "read",
    input: Type.Object({}),
    output: stream(Type.Integer()),
    auth: anyone,
    async *handle(_, { reply }) {
      reply.header("x-revision", "1");
      yield 1;
      reply.header("x-revision", "2");
      yield 2;
    },
  });
  await using app = await bootTest({
    handlers: { numbers },
    expose: { numbers: { http: "GET /numbers", public: true } },
    plugins: [http({ port: 0, authenticate: tokens({}) })],
  });
  const answer = await ask(app, "/numbers");
  expect(answer.headers.get("x-revision")).toBe("1");
  expect(await answer.text()).toMatch(/^1\n\{"error":\{.*"internal"/);
  expect(app.log.find(({ level }) => level === "error")?.fields["error"]).toContain("The response has already started");
});

test("surfaces other than http ignore headers and cookies that a handler sets on reply", async () => {
  await using app = await booted((reply) => reply.redirect("https://evil.example/"));
  expect(await app.as(principal()).send("replies", {}, { surface: "direct" })).toMatchObject({ ok: true, value: { ok: true } });
});

test("boot refuses a resource of a handler with the name reply", async () => {
  const use = { reply: {} } as never;
  const taken = handler({ description: "Taken.", effect: "read", input: Type.Object({}), auth: anyone, use, handle: () => 1 });
  await expect(bootTest({ handlers: { taken } })).rejects.toThrow(
    'has a resource with the name "reply" in use, but Quater itself uses this name',
  );
});
