// The typed client in a headless Chromium, on a page of the same server.

import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { expect, test } from "vitest";
import { testBrowser } from "../../approval/chromium.ts";
import { bootShop } from "./kit.ts";

/** Runs in the page. */
const script = `
import { createClient } from "quater/client";
const client = createClient({ baseUrl: "", token: () => "ana" });
const plain = (value) => JSON.parse(JSON.stringify(value));
window.tried = {
  read: async () => plain(await client("GET /orders/:orderId", { orderId: "a/b ü", tags: ["x", "y"] })),
  refused: async () => plain(await client("POST /orders", { items: [] })),
  streamed: async () => {
    const seen = [];
    for await (const { n } of client("GET /numbers", { to: 50 })) seen.push(n);
    return seen;
  },
  left: async () => {
    for await (const { n } of client("GET /numbers", { to: 1000000 })) if (n === 2) return n;
  },
  aborted: async () => {
    const controller = new AbortController();
    const waiting = client("GET /waits", {}, { signal: controller.signal });
    controller.abort();
    return plain(await waiting);
  },
  foreign: async () => plain(await client("GET /gateway")),
  away: async () => plain(await createClient({ baseUrl: "http://127.0.0.1:9" })("GET /orders/:orderId", { orderId: "a" })),
  asked: async () => {
    window.pending = await client("POST /payments", { cents: 5 });
    window.waiting = window.pending.wait({ everyMs: 10 });
    return window.pending.approval.id;
  },
  paid: async () => plain(await window.waiting),
};
`;

test("the typed client calls a Quater server from a browser", async ({ skip }) => {
  const browser = await testBrowser();
  if (typeof browser === "string") return skip(browser);
  const root = fileURLToPath(new URL("../../../..", import.meta.url));
  const { outputFiles } = await build({
    stdin: { contents: script, resolveDir: root },
    bundle: true,
    write: false,
    format: "esm",
    platform: "browser",
    conditions: ["quater-source"],
  });
  await using shop = await bootShop(`<!doctype html><script type="module">${outputFiles[0]?.text}</script>`);
  try {
    const page = await browser.newPage();
    const faults: string[] = [];
    page.on("pageerror", ({ message }) => faults.push(message));
    await page.goto(`${shop.baseUrl}/page`);
    await page.waitForFunction("window.tried !== undefined");
    const tried = (name: string) => page.evaluate(`window.tried.${name}()`);
    expect(await tried("read")).toMatchObject({ ok: true, value: { orderId: "a/b ü", tags: ["x", "y"], limit: 3 } });
    expect(await tried("refused")).toMatchObject({ ok: false, code: "order_closed", status: 409 });
    expect(await tried("streamed")).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
    expect(await tried("left")).toBe(2);
    expect(await tried("aborted")).toMatchObject({ ok: false, code: "aborted" });
    expect(await tried("foreign")).toMatchObject({ ok: false, code: "unexpected_answer", status: 502 });
    expect(await tried("away")).toMatchObject({ ok: false, code: "network_error" });
    await shop.decide(String(await tried("asked")), "approve");
    expect(await tried("paid")).toMatchObject({ ok: true, value: { paid: 5 } });
    expect(faults).toEqual([]);
  } finally {
    await browser.close();
  }
});
