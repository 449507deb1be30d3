// The shop as it would run: a server in a process of its own on one store, keys for an agent and for people, the program
// beside it, and a phone. What the walk's tests share.

import { cpSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Browser, Page } from "playwright-core";
import { createKey } from "../../../plugins/auth/commands.ts";
import { freePort, repository } from "../../packaging/kit.ts";
import { builtProject, quater, type Seen, start } from "../cli/kit.ts";
import { phone } from "./chromium.ts";

const manifest = (port: number): string => `
import { defineConfig, expose } from "quater";
import { apiKeys, approval, audit, cli, http, localUser, mcp, store } from "quater/plugins";

export default defineConfig({
  name: "shop",
  handlers: [
    expose(() => import("./app/orders.ts"), {
      getOrder: { http: "GET /orders/:orderId", mcp: true, cli: true },
      refundOrder: { http: "POST /orders/:orderId/refunds", mcp: true, cli: true, approval: "finance" },
    }),
  ],
  plugins: [
    http({ port: ${port}, authenticate: apiKeys() }),
    mcp({ authenticate: apiKeys() }),
    cli({ authenticate: localUser({ person: "olga", scopes: ["orders:read", "orders:refund"] }) }),
    store(),
    audit(),
    approval({
      authenticate: apiKeys(),
      publicUrl: "http://127.0.0.1:${port}",
      policies: { finance: { approvers: [{ role: "finance", need: 1 }] } },
    }),
  ],
});
`;

export interface Walk extends AsyncDisposable {
  readonly folder: string;
  readonly baseUrl: string;
  readonly keys: { readonly agent: string; readonly service: string; readonly bea: string };
  /** Types a command line in the project's folder. */
  readonly type: (...argv: readonly string[]) => Promise<Seen>;
}

export const openShop = async (): Promise<Walk> => {
  const port = await freePort();
  const { folder, remove } = builtProject({ "quater.config.ts": manifest(port) });
  cpSync(join(repository, "app"), join(folder, "app"), { recursive: true });
  symlinkSync(join(repository, "node_modules/libsql"), join(folder, "node_modules/libsql"), "dir");
  const keyFile = join(folder, ".quater/keys.json");
  const scopes = ["orders:read", "orders:refund"];
  const keys = {
    agent: createKey(keyFile, { name: "assistant", kind: "agent", actsFor: "ana", scopes, roles: [] }).key,
    service: createKey(keyFile, { name: "desk", kind: "user", person: "ana", scopes, roles: [] }).key,
    bea: createKey(keyFile, { name: "bea", kind: "user", person: "bea", scopes: [], roles: ["finance"] }).key,
  };
  const env = { SHOP_DB: join(folder, "shop.db") };
  const server = start(["serve"], { cwd: folder, env });
  const before = process.env["SHOP_DB"];
  process.env["SHOP_DB"] = env.SHOP_DB; // what is typed runs in this process
  const baseUrl = `http://127.0.0.1:${port}`;
  await server.said(new RegExp(`${baseUrl}`));
  return {
    folder,
    baseUrl,
    keys,
    type: (...argv) => quater(argv, { cwd: folder }),
    [Symbol.asyncDispose]: async () => {
      server.process.kill("SIGTERM");
      await server.ended;
      if (before === undefined) delete process.env["SHOP_DB"];
      else process.env["SHOP_DB"] = before;
      remove();
    },
  };
};

export interface Phone extends AsyncDisposable {
  readonly page: Page;
}

export const phoneOf = async (browser: Browser): Promise<Phone> => {
  const context = await browser.newContext(phone);
  return { page: await context.newPage(), [Symbol.asyncDispose]: () => context.close() };
};

/** As the people who sign in do: by the key, on the page that the link led to. */
export const signIn = async (page: Page, key: string): Promise<void> => {
  await page.getByLabel("Approver key").fill(key);
  await page.getByRole("button", { name: "Sign in with the key" }).click();
};

export interface Violation {
  readonly id: string;
  readonly impact: string;
  readonly at: readonly string[];
}

/**
 * What axe finds wrong with the page as it stands, in light and dark. Pages here run no scripts, so that it looks at a copy
 * in a tab that does.
 */
export const violationsOn = async (page: Page): Promise<readonly Violation[]> =>
  (await Promise.all([violationsIn("light", page), violationsIn("dark", page)])).flat();

const violationsIn = async (colorScheme: "light" | "dark", page: Page): Promise<readonly Violation[]> => {
  const browser = page.context().browser();
  if (browser === null) throw new Error("The page has no browser");
  const { javaScriptEnabled: _off, ...looks } = phone;
  const context = await browser.newContext({ ...looks, bypassCSP: true, colorScheme });
  try {
    const copy = await context.newPage();
    const style = await (await page.request.get(new URL("/approvals/style.css", page.url()).href)).text();
    const text = (await page.content()).replace(/<link rel="stylesheet"[^>]*>/, `<style>${style}</style>`);
    await copy.setContent(text);
    await copy.addScriptTag({
      content: readFileSync(new URL("../../../node_modules/axe-core/axe.min.js", import.meta.url), "utf8"),
    });
    const found = (await copy.evaluate("axe.run()")) as {
      violations: { id: string; impact: string | null; nodes: { html: string }[] }[];
    };
    return found.violations.map(({ id, impact, nodes }) => ({
      id,
      impact: impact ?? "minor",
      at: nodes.map(({ html }) => html),
    }));
  } finally {
    await context.close();
  }
};

export const mcpClient = async (baseUrl: string, key: string): Promise<Client> => {
  const client = new Client({ name: "assistant", version: "1" });
  const requestInit = { headers: { authorization: `Bearer ${key}` } };
  await client.connect(new StreamableHTTPClientTransport(new URL(`${baseUrl}/mcp`), { requestInit }) as never);
  return client;
};
