// Inputs that a route takes from headers and cookies, when the request repeats their name.

import { can, handler, Type } from "quater";
import { http, httpRef } from "quater/http";
import { bootTest, principal, tokens } from "quater/testing";
import { afterAll, expect, test } from "vitest";
import { raw } from "./socket.ts";

const show = handler({
  description: "Shows its inputs.",
  effect: "read",
  input: Type.Object({
    theme: Type.Optional(Type.String()),
    version: Type.Optional(Type.String()),
    tags: Type.Optional(Type.Array(Type.String())),
  }),
  auth: can("show"),
  handle: (input) => input,
});
const app = await bootTest({
  handlers: { show },
  expose: {
    show: { http: { route: "GET /show", bind: { theme: "cookie:theme", version: "header:x-version", tags: "header:x-tag" } } },
  },
  plugins: [http({ port: 0, authenticate: tokens({ ana: principal({ scopes: ["show"] }) }) })],
});
afterAll(() => app.stop());
const { baseUrl = "" } = app.services.get(httpRef);

const shown = async (...lines: string[]) => {
  const head = ["GET /show HTTP/1.1", "Host: localhost", "Authorization: Bearer ana", ...lines, "Connection: close"];
  const { status, body } = await raw(baseUrl, `${head.join("\r\n")}\r\n\r\n`);
  return { status, body: JSON.parse(body) as unknown };
};

test.each([
  ["one cookie", ["Cookie: theme=dark; other=theme"], { theme: "dark" }],
  ["a cookie in quotes", ['Cookie: theme="dark"'], { theme: "dark" }],
  ["one header", ["X-Version: 1, 2"], { version: "1, 2" }],
  ["a repeated header that is a list", ["X-Tag: a", "X-Tag: b"], { tags: ["a", "b"] }],
])("http binds %s to an input field", async (_, lines, input) => {
  expect(await shown(...lines)).toEqual({ status: 200, body: input });
});

test.each([
  ["a repeated cookie", ["Cookie: theme=dark; theme=light"], "/theme"],
  ["a cookie that two lines repeat", ["Cookie: theme=dark", "Cookie: theme=dark"], "/theme"],
  ["a repeated header", ["X-Version: 1", "x-version: 2"], "/version"],
])("http refuses an input from %s with 422", async (_, lines, path) => {
  expect(await shown(...lines)).toMatchObject({
    status: 422,
    body: { code: "invalid_input", errors: [{ path, message: "is given more than once" }] },
  });
});
