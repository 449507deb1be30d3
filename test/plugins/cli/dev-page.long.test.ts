// The page of `quater dev` in a headless Chromium: on a phone and a desktop, in light and dark mode.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { expect, test } from "vitest";
import { phone, testBrowser } from "../approval/chromium.ts";
import { devServer } from "./dev-kit.ts";

const desktop = { viewport: { width: 900, height: 900 } };
const looks = [
  ["a desktop, light", { ...desktop, colorScheme: "light" }],
  ["a desktop, dark", { ...desktop, colorScheme: "dark" }],
  ["a phone, light", { ...phone, javaScriptEnabled: true, colorScheme: "light" }],
  ["a phone, dark", { ...phone, javaScriptEnabled: true, colorScheme: "dark" }],
] as const;
type Look = (typeof looks)[number][1];

/** For docs/images: `QUATER_TEST_SCREENSHOTS=1 npx vitest run test/plugins/cli/dev-page.long.test.ts`. */
const picture = async (page: Page, name: string): Promise<void> => {
  if (process.env["QUATER_TEST_SCREENSHOTS"] !== "1") return;
  const folder = fileURLToPath(new URL("../../../docs/images/", import.meta.url));
  await page.screenshot({ path: `${folder}${name}.png`, scale: "css" });
};

test("the page that quater dev serves fits phones and desktops, is accessible, and loads no other file", async ({ skip }) => {
  const browser = await testBrowser();
  if (typeof browser === "string") return skip(browser);
  try {
    await using server = await devServer();
    for (const [name, look] of looks) {
      const context = await browser.newContext(look);
      const page = await context.newPage();
      const faults: string[] = [];
      const asked: string[] = [];
      page.on("pageerror", ({ message }) => faults.push(message));
      page.on("console", (message) => {
        if (["error", "warning"].includes(message.type())) faults.push(message.text());
      });
      page.on("request", (request) => asked.push(request.url()));
      await page.goto(`${server.url}/`);
      expect(await page.locator("article").count(), name).toBe(4);
      expect(await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name).toBe(true);
      const ground = await page.evaluate("getComputedStyle(document.body).backgroundColor");
      expect(ground, name).toBe(look.colorScheme === "dark" ? "rgb(22, 22, 22)" : "rgb(255, 255, 255)");
      expect(faults, name).toEqual([]);
      expect(
        asked.filter((url) => !url.startsWith("data:")),
        name,
      ).toEqual([`${server.url}/`]);
      for (const link of ["/docs", "/openapi.json", "/mcp/docs", "/approvals", "/health", "/ready"])
        expect((await fetch(`${server.url}${link}`)).status, link).toBe(200);
      if (name === "a desktop, light") await picture(page, "dev-page");
      if (name === "a phone, dark") await picture(page, "dev-page-phone");
      await context.close();
      expect(await problemsOf(browser, look, server.url), name).toEqual([]);
    }
  } finally {
    await browser.close();
  }
});

/** Runs axe in a context that allows its script. */
const problemsOf = async (browser: Browser, look: Look, url: string): Promise<readonly string[]> => {
  const context = await browser.newContext({ ...look, bypassCSP: true });
  const page = await context.newPage();
  await page.goto(`${url}/`);
  await page.addScriptTag({
    content: readFileSync(new URL("../../../node_modules/axe-core/axe.min.js", import.meta.url), "utf8"),
  });
  const { violations } = (await page.evaluate("axe.run()")) as { violations: { id: string; nodes: { html: string }[] }[] };
  await context.close();
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
};
