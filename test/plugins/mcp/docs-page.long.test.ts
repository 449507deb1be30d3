// `/mcp/docs` in a headless Chromium: on a phone and a desktop, in light and dark mode, without scripts and other hosts.

import { readFileSync } from "node:fs";
import { authenticated, authenticator, handler, Type } from "quater";
import { http, httpRef } from "quater/http";
import { mcp } from "quater/mcp";
import { bootTest, principal } from "quater/testing";
import { expect, test } from "vitest";
import { phone, testBrowser } from "../approval/chromium.ts";

const long = "aVeryLongPropertyName".repeat(3);
const showItem = handler({
  description: `Show one item. ${"Use this tool before the other tools. ".repeat(6)}`,
  effect: "read",
  input: Type.Object({ id: Type.String(), [long.slice(0, 60)]: Type.Optional(Type.String({ description: "x".repeat(300) })) }),
  output: Type.Object({ id: Type.String() }),
  auth: authenticated,
  handle: ({ id }) => ({ id: String(id) }),
});
const byCookie = authenticator({
  name: "sessions",
  reads: { cookies: ["sid"] },
  authenticate: ({ cookie }) => (cookie("sid") === "s1" ? principal({ subject: "ana" }) : undefined),
});

const desktop = { viewport: { width: 1280, height: 900 } };
const looks = [
  ["a desktop, light", { ...desktop, colorScheme: "light" }],
  ["a desktop, dark", { ...desktop, colorScheme: "dark" }],
  ["a phone, light", { ...phone, javaScriptEnabled: true, colorScheme: "light" }],
  ["a phone, dark", { ...phone, javaScriptEnabled: true, colorScheme: "dark" }],
] as const;

test("the page /mcp/docs fits phones and desktops, is accessible, and obeys its content security policy", async ({ skip }) => {
  const browser = await testBrowser();
  if (typeof browser === "string") return skip(browser);
  await using app = await bootTest({
    handlers: { showItem },
    expose: { showItem: { mcp: { title: "One item" } } },
    plugins: [http({ port: 0, authenticate: byCookie }), mcp({ authenticate: byCookie, instructions: "Line one.\nLine two." })],
  });
  const base = app.services.get(httpRef).baseUrl ?? "";
  try {
    for (const [name, look] of looks) {
      const context = await browser.newContext(look);
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
      await page.goto(`${base}/mcp/docs`);
      expect(await page.locator("article h3").textContent(), name).toBe("One item showItem");
      expect(await page.locator("pre").first().isVisible(), name).toBe(false);
      for (const summary of await page.locator("summary").all()) await summary.click();
      expect(await page.locator("pre").first().isVisible(), name).toBe(true);
      expect(await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name).toBe(true);
      const ground = await page.evaluate("getComputedStyle(document.body).backgroundColor");
      expect(ground, name).toBe(look.colorScheme === "dark" ? "rgb(22, 22, 22)" : "rgb(255, 255, 255)");
      expect(await page.evaluate("window.violations"), name).toEqual([]);
      expect(faults, name).toEqual([]);
      expect(
        asked.filter((url) => !url.startsWith("data:")),
        name,
      ).toEqual([`${base}/mcp/docs`, `${base}/mcp/docs/style.css`]);
      await context.close();
      expect(await problemsOf(browser, look, base), name).toEqual([]);
    }
  } finally {
    await browser.close();
  }
});

/** Runs axe in a context that allows its script. */
const problemsOf = async (
  browser: Exclude<Awaited<ReturnType<typeof testBrowser>>, string>,
  look: (typeof looks)[number][1],
  base: string,
): Promise<readonly string[]> => {
  const context = await browser.newContext({ ...look, bypassCSP: true });
  await context.addCookies([{ name: "sid", value: "s1", url: base }]);
  const page = await context.newPage();
  await page.goto(`${base}/mcp/docs`);
  for (const summary of await page.locator("summary").all()) await summary.click();
  await page.addScriptTag({
    content: readFileSync(new URL("../../../node_modules/axe-core/axe.min.js", import.meta.url), "utf8"),
  });
  const { violations } = (await page.evaluate("axe.run()")) as { violations: { id: string; nodes: { html: string }[] }[] };
  await context.close();
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
};
