// `/docs` in a headless Chromium: it shows the routes, sends a request, breaks no rule of its policy and asks no other host.

import { authenticated, authenticator, handler, Type } from "quater";
import { http, httpRef } from "quater/http";
import { bootTest, principal } from "quater/testing";
import { expect, test } from "vitest";
import { testBrowser } from "../approval/chromium.ts";

const Item = Type.Object({ id: Type.String(), kind: Type.Enum(["a", "b"]) }, { title: "Item" });
const showItem = handler({
  description: "Show one item.",
  effect: "read",
  input: Type.Object({ id: Type.String({ examples: ["i1"] }) }),
  output: Item,
  auth: authenticated,
  handle: ({ id }) => ({ id, kind: "a" as const }),
});
const saveItem = handler({
  description: "Save one item.",
  effect: "write",
  input: Type.Object({ item: Item, tree: Type.Cyclic({ Node: Type.Object({ next: Type.Optional(Type.Ref("Node")) }) }, "Node") }),
  auth: authenticated,
  handle: () => null,
});

const byCookie = authenticator({
  name: "sessions",
  reads: { cookies: ["sid"] },
  authenticate: ({ cookie }) => (cookie("sid") === "s1" ? principal({ subject: "ana" }) : undefined),
});

test("H14: the page /docs renders without a violation of its content security policy or a request to another host", async ({
  skip,
}) => {
  const browser = await testBrowser();
  if (typeof browser === "string") return skip(browser);
  await using app = await bootTest({
    handlers: { showItem, saveItem },
    expose: { showItem: { http: "GET /items/:id" }, saveItem: { http: "POST /items" } },
    plugins: [http({ port: 0, authenticate: byCookie })],
  });
  const base = app.services.get(httpRef).baseUrl ?? "";
  try {
    const context = await browser.newContext();
    await context.addCookies([{ name: "sid", value: "s1", url: base }]);
    const page = await context.newPage();
    const faults: string[] = [];
    const asked: string[] = [];
    page.on("pageerror", ({ message }) => faults.push(message));
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) faults.push(message.text());
    });
    page.on("request", (request) => asked.push(request.url()));
    await page.addInitScript(`
      window.violations = [];
      document.addEventListener("securitypolicyviolation", (event) => window.violations.push(event.violatedDirective + " " + event.blockedURI));
    `);
    await page.goto(`${base}/docs`);
    await page.waitForSelector("#operations-default-saveItem, [id$=saveItem]");
    expect(await page.locator(".opblock-summary-path").allTextContents()).toEqual(
      ["/items/{id}", "/items"].map((path) => expect.stringContaining(path.slice(0, 6))),
    );
    for (const summary of await page.locator(".opblock-summary-control").all()) await summary.click();
    await page.locator("[id$=showItem] .try-out__btn").click();
    await page.locator("[id$=showItem] input[placeholder=id]").fill("i7");
    await page.locator("[id$=showItem] .execute").click();
    await page.waitForSelector("[id$=showItem] .live-responses-table");
    expect(await page.locator("[id$=showItem] .live-responses-table").first().textContent()).toContain('"i7"');
    expect(await page.evaluate("window.violations")).toEqual([]);
    expect(faults).toEqual([]);
    expect(asked.filter((url) => !url.startsWith(`${base}/`) && !url.startsWith("data:"))).toEqual([]);
    expect(asked).toEqual(expect.arrayContaining([`${base}/openapi.json`, `${base}/items/i7`]));
  } finally {
    await browser.close();
  }
});
