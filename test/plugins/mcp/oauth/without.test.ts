// OAuth clients at a server without an authorization server.

import { anyone, handler, Type } from "quater";
import { http, httpRef } from "quater/http";
import { mcp } from "quater/mcp";
import { definePlugin } from "quater/plugin-api";
import { bootTest, tokens } from "quater/testing";
import { expect, test } from "vitest";
import { boot, urlOf } from "../shop.ts";
import { connectionOf, person } from "./person.ts";

const sentence = "This server does not support OAuth. To call its tools, send Authorization: Bearer <key>";

test("M7: a server without OAuth answers an OAuth client that tries to register with an error and an explanation", async () => {
  await using app = await boot();
  await expect(connectionOf(urlOf(app), person()).connect()).rejects.toMatchObject({ message: sentence });
});

test("M7: a server without OAuth answers an authorization request with a page that explains the error", async () => {
  await using app = await boot();
  const ana = person("registered");
  await expect(connectionOf(urlOf(app), ana).connect()).rejects.toThrow("Unauthorized");
  expect(ana.page()).toEqual({ status: 404, text: `${sentence}\n` });
});

test("M7: a server without OAuth answers a token request with an error that has an explanation", async () => {
  await using app = await boot();
  const ana = person("registered");
  const { connect, transport } = connectionOf(urlOf(app), ana);
  await expect(connect()).rejects.toThrow("Unauthorized");
  await expect(transport.finishAuth("code")).rejects.toMatchObject({ message: sentence });
  await ana.provider.saveTokens({
    access_token: "old",
    token_type: "Bearer",
    refresh_token: "r",
    issuer: new URL("/", urlOf(app)).href,
  });
  await expect(connectionOf(urlOf(app), ana).connect()).rejects.toMatchObject({ message: sentence });
  const program = {
    ...ana.provider,
    redirectUrl: undefined,
    prepareTokenRequest: () => new URLSearchParams({ grant_type: "client_credentials" }),
  };
  await ana.provider.saveTokens({ access_token: "old", token_type: "Bearer" });
  await expect(connectionOf(urlOf(app), { ...ana, provider: program }).connect()).rejects.toMatchObject({ message: sentence });
});

const pages = definePlugin(() => ({
  name: "pages",
  needs: [httpRef],
  setup: ({ services }) => {
    services.get(httpRef).mount("GET /authorize", ({ router }) => {
      router.get("/authorize", (ctx) => {
        ctx.body = "own page";
      });
    });
  },
}));

test("the answers of Quater for OAuth clients do not replace routes of the app and other answers", async () => {
  const signUp = handler({
    description: "Signs up.",
    effect: "write",
    input: Type.Object({}),
    auth: anyone,
    handle: () => "welcome",
  });
  await using app = await bootTest({
    handlers: { signUp },
    expose: { signUp: { http: "POST /register", public: true, mcp: true } },
    plugins: [http({ port: 0 }), mcp({ authenticate: tokens({}) }), pages()],
  });
  const ask = async (path: string, method: string) => {
    const response = await fetch(`${app.services.get(httpRef).baseUrl}${path}`, { method });
    return [response.status, await response.text()];
  };
  expect(await ask("/register", "POST")).toEqual([200, '"welcome"']);
  expect(await ask("/authorize", "GET")).toEqual([200, "own page"]);
  expect((await ask("/register", "GET"))[0]).toBe(405);
  expect(await ask("/token", "GET")).toEqual([404, expect.stringContaining("route_not_found")]);
  expect(await ask("/.well-known/oauth-protected-resource", "GET")).toEqual([404, expect.stringContaining("route_not_found")]);
});
