// The functions that the tests of the sample shop share. Each test gets its own shop, and a few tests start a second process.

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Outcome } from "quater/plugin-api";
import { bootTest, principal, type TestApp } from "quater/testing";
import { onTestFinished } from "vitest";
import * as customers from "../../app/customers.ts";
import * as orders from "../../app/orders.ts";
import * as reports from "../../app/reports.ts";
import { status } from "../../app/status.ts";

export const handlers = { ...orders, ...customers, ...reports, status };

/** Exposures of all handlers of the sample shop on the surface `direct`, which only tests have. Callers may see previews. */
const exposures = Object.fromEntries(Object.keys(handlers).map((name) => [name, { direct: true, preview: "caller" }]));

/** A principal that has every scope and role of the sample shop. */
export const staff = principal({
  subject: "staff",
  scopes: ["orders:read", "orders:write", "orders:refund", "customers:read", "customers:write", "reports:read"],
  roles: ["admin"],
});

/** Returns a file name in a new folder. The function deletes the folder when the test ends. */
export const newFile = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), "quater-shop-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return join(folder, "shop.db");
};

/**
 * Boots all handlers of the sample shop with the database in `file`. The function sets SHOP_DB before the boot, because the
 * resource of the shop opens this file at the first call.
 */
export const bootShop = async (file: string): Promise<TestApp<typeof handlers>> => {
  const before = process.env["SHOP_DB"];
  process.env["SHOP_DB"] = file;
  onTestFinished(() => {
    if (before === undefined) delete process.env["SHOP_DB"];
    else process.env["SHOP_DB"] = before;
  });
  return bootTest({ handlers, expose: exposures });
};

export const collected = async <Item>(stream: AsyncIterable<Item>): Promise<Item[]> => {
  const items: Item[] = [];
  for await (const item of stream) items.push(item);
  return items;
};

export const codeOf = (outcome: Outcome): string => (outcome.ok ? "ok" : outcome.error.code);

const repository = fileURLToPath(new URL("../..", import.meta.url));

/**
 * Runs the text of a module in a separate process, with the database in `file`. @returns The standard output of the separate
 * process.
 */
export const inOtherProcess = (file: string, script: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["-C", "quater-source", "--import", "tsx", "--input-type=module", "-e", script], {
      cwd: repository,
      env: { ...process.env, SHOP_DB: file },
    });
    const out: Buffer[] = [];
    const problems: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => problems.push(chunk));
    child.on("error", reject);
    child.on("close", (code, signal) =>
      code === 0
        ? resolve(Buffer.concat(out).toString())
        : reject(new Error(`The process ended with ${code ?? signal}: ${Buffer.concat(problems)}`)),
    );
  });
