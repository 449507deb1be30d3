// The whole way, as it is lived: somebody calls, is told to wait for people, a person opens the link on a phone, reads and
// agrees; the same call then runs once. With a real browser, a real MCP client and a server in a process of its own.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testBrowser } from "./chromium.ts";
import { mcpClient, openShop, phoneOf, signIn, violationsOn, type Walk } from "./walk.ts";

const found = await testBrowser();

interface Asked {
  readonly isDone: boolean;
  readonly id: string | undefined;
  readonly url: string | undefined;
}

/** For docs/images: `QUATER_TEST_SCREENSHOTS=1 npx vitest run test/plugins/approval/walk.long.test.ts`. */
const picture = async (page: Page, name: string): Promise<void> => {
  if (process.env["QUATER_TEST_SCREENSHOTS"] !== "1") return;
  const folder = fileURLToPath(new URL("../../../docs/images/", import.meta.url));
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: `${folder}${name}.png`, fullPage: true, scale: "css" });
};

/** One refund of the shop, over one surface; the same every time. */
type Ask = () => Promise<Asked>;

describe.skipIf(typeof found === "string")("approvers use the approvals page in a real browser", () => {
  const browser = found as Browser;
  let shop: Walk;
  beforeAll(async () => {
    shop = await openShop();
  });
  afterAll(async () => {
    await browser.close();
    await shop?.[Symbol.asyncDispose]();
  });

  const overMcp = async (orderId: string): Promise<Ask & AsyncDisposable> => {
    const client = await mcpClient(shop.baseUrl, shop.keys.agent);
    const ask = async (): Promise<Asked> => {
      const arguments_ = { orderId, amountCents: 500, reason: "broken on arrival" };
      const answer = await client.callTool({ name: "refundOrder", arguments: arguments_ });
      const approval = Object(answer._meta?.["quater/approval"]) as { id?: string; url?: string };
      return { isDone: answer.isError !== true, id: approval.id, url: approval.url };
    };
    return Object.assign(ask, { [Symbol.asyncDispose]: () => client.close() });
  };
  const overHttp =
    (orderId: string): Ask =>
    async () => {
      const answer = await fetch(`${shop.baseUrl}/orders/${orderId}/refunds`, {
        method: "POST",
        headers: { authorization: `Bearer ${shop.keys.service}`, "content-type": "application/json" },
        body: JSON.stringify({ amountCents: 500, reason: "broken on arrival" }),
      });
      const text = await answer.text();
      if (!answer.ok) expect(answer.status, text).toBe(428);
      const { approval } = JSON.parse(text) as { approval?: { id: string; url: string } };
      return { isDone: answer.ok, id: approval?.id, url: approval?.url };
    };
  const overCli =
    (orderId: string): Ask =>
    async () => {
      const flags = ["--order-id", orderId, "--amount-cents", "500", "--reason", "broken on arrival"];
      const { code, err } = await shop.type("run", "refund-order", ...flags, "--json");
      if (code === 0) return { isDone: true, id: undefined, url: undefined };
      expect(code, err).toBe(75);
      const { error } = JSON.parse(err) as { error: { details: { approval: { id: string; url: string } } } };
      const { id, url } = error.details.approval;
      return { isDone: false, id, url };
    };

  const openLink = async (page: Page, url: string | undefined): Promise<void> => {
    await page.goto(url ?? "");
    await signIn(page, shop.keys.bea);
    expect(page.url(), await page.locator("main").innerText()).toBe(url);
  };

  /** What a person has to see before agreeing. @returns Its text. */
  const read = async (page: Page, orderId: string, asker: readonly string[]): Promise<string> => {
    const text = await page.locator("main").innerText();
    for (const shown of ["refundOrder", orderId, "/amountCents", "500", "broken on arrival", "Preview", "EUR", ...asker])
      expect(text).toContain(shown);
    return text;
  };

  const agree = async (page: Page): Promise<void> => {
    const button = page.getByRole("button", { name: "Approve" });
    await expect(button.evaluate((element) => element === element.ownerDocument.activeElement)).resolves.toBe(false);
    await button.click();
    await page.getByText("bea approved", { exact: false }).waitFor();
  };

  const walk = async (ask: Ask, orderId: string, asker: readonly string[]): Promise<void> => {
    await using phone = await phoneOf(browser);
    const { page } = phone;
    const first = await ask();
    expect(first).toMatchObject({ isDone: false, url: `${shop.baseUrl}/approvals/${first.id}` });
    expect((await ask()).id).toBe(first.id);
    await openLink(page, first.url);
    expect(await read(page, orderId, asker)).toMatch(/Identical requests of the last 24 hours\s+None\./);
    await agree(page);
    expect(await ask()).toMatchObject({ isDone: true });
    const second = await ask();
    expect(second).toMatchObject({ isDone: false });
    expect(second.id).not.toBe(first.id);
    await page.goto(second.url ?? "");
    expect(await read(page, orderId, asker)).toMatch(new RegExp(`${first.id}, .*: used, succeeded`));
  };

  test("a refund over MCP waits for an approval on a phone, and the next approval request shows this refund", async () => {
    await using ask = await overMcp("ord_1002");
    await walk(ask, "ord_1002", ["ana", "assistant", "agent", "mcp"]);
  });

  test("a sign-in code from the terminal signs in an approver once on a phone", async () => {
    const file = join(shop.folder, "bea.key");
    writeFileSync(file, shop.keys.bea, { mode: 0o600 });
    const { code, out, err } = await shop.type("approvals", "code", "--key-file", file, "--no-json");
    expect(code, err).toBe(0);
    expect(out).toMatch(/^[0-9A-Z]{4}-[0-9A-Z]{4}\n$/);
    const typeIn = async (page: Page) => {
      await page.goto(`${shop.baseUrl}/approvals`);
      await page.getByLabel("One-time code").fill(out.trim().toLowerCase().replace("-", " "));
      await page.getByRole("button", { name: "Sign in with the code" }).click();
    };
    await using phone = await phoneOf(browser);
    await typeIn(phone.page);
    await phone.page.getByText("Signed in as bea").waitFor();
    await using another = await phoneOf(browser);
    await typeIn(another.page);
    await another.page.getByText("sign_in_code_wrong").waitFor();
  });

  test("a visitor who comes from another site to the approvals page needs one click, and then is signed in", async () => {
    const { url } = await overHttp("ord_1010")();
    await using phone = await phoneOf(browser);
    const { page } = phone;
    await page.goto(`${shop.baseUrl}/approvals`);
    await signIn(page, shop.keys.bea);
    await page.route("http://chat.example/**", (route) =>
      route.fulfill({ contentType: "text/html", body: `<a href="${url}">decide</a>` }),
    );
    await page.goto("http://chat.example/");
    await page.getByRole("link", { name: "decide" }).click();
    await page.getByRole("link", { name: "Open the page" }).click();
    await page.getByText("Signed in as bea").waitFor();
    expect(await page.locator("h1").innerText()).toContain("refundOrder");
  });

  test("the approvals pages fit the screen of a phone, and axe finds no serious accessibility problem", async () => {
    await using phone = await phoneOf(browser);
    const { page } = phone;
    const ask = overHttp("ord_1009");
    const { url } = await ask();
    const seen: string[] = [];
    const look = async (name: string) => {
      for (const width of [320, 375, 390]) {
        await page.setViewportSize({ width, height: 844 });
        expect(await page.evaluate("document.documentElement.scrollWidth"), name).toBeLessThanOrEqual(width);
      }
      const found = await violationsOn(page);
      expect(found, name).toEqual([]);
      await picture(page, `approvals-${name}`);
      seen.push(name);
    };
    await page.goto(url ?? "");
    await look("sign-in");
    await signIn(page, shop.keys.bea);
    await look("request");
    await page.getByRole("link", { name: "Approvals" }).click();
    await look("list");
    await page.goto(`${shop.baseUrl}/approvals/apr_${"a".repeat(20)}`);
    await look("refused");
    expect(seen).toHaveLength(4);
  });

  test("a refund over HTTP waits for an approval on a phone, and the next approval request shows this refund", () =>
    walk(overHttp("ord_1004"), "ord_1004", ["ana", "desk", "user", "http"]));

  test("a refund at the terminal waits for an approval on a phone, and the next approval request shows this refund", () =>
    walk(overCli("ord_1006"), "ord_1006", ["olga", "operator", "cli"]));
});
