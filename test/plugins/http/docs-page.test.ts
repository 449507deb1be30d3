// `/docs`: who gets the page, and what it may load.

import { authenticated, handler, Type } from "quater";
import { http, httpRef } from "quater/http";
import { bootTest, principal, tokens } from "quater/testing";
import { expect, test } from "vitest";

const show = handler({
  description: "Shows one.",
  effect: "read",
  input: Type.Object({}),
  auth: authenticated,
  handle: () => null,
});

test("H14: the page /docs and its files need a credential, and load files only from the origin of the server", async () => {
  await using app = await bootTest({
    handlers: { show },
    expose: { show: { http: "GET /show" } },
    plugins: [http({ port: 0, authenticate: tokens({ ana: principal({ subject: "ana" }) }) })],
  });
  const base = app.services.get(httpRef).baseUrl ?? "";
  const get = (path: string, headers: Record<string, string> = { authorization: "Bearer ana" }) =>
    fetch(base + path, { headers });
  const files = {
    "/docs": "text/html",
    "/docs/start.js": "text/javascript",
    "/docs/swagger-ui-bundle.js": "text/javascript",
    "/docs/swagger-ui.css": "text/css",
  };
  for (const [path, type] of Object.entries(files)) {
    expect((await get(path, {})).status, path).toBe(401);
    const answer = await get(path);
    expect(answer.status, path).toBe(200);
    expect(Object.fromEntries(answer.headers), path).toMatchObject({
      "content-type": `${type}; charset=utf-8`,
      "x-content-type-options": "nosniff",
      "content-security-policy":
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    });
  }
  const page = await (await get("/docs")).text();
  expect(page).not.toMatch(/<script(?![^>]* src="docs\/)|<style|\son\w+=|style=|https?:/);
  expect((await get("/docs/")).status).toBe(404);
  expect((await get("/docs/index.html")).status).toBe(404);
});
