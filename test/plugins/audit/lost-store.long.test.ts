// A store that is deleted, replaced or made anew while its keys are still there.

import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { storeRef } from "quater/store";
import { principal, type TestApp } from "quater/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { kernelOf } from "../../../core/testing/kernel-of.ts";
import { quater } from "../cli/kit.ts";
import { type TestPostgres, testPostgres } from "../store/postgres.ts";
import { bootWithTrail, change, tempFolder } from "./kit.ts";

let postgres: TestPostgres | string;
beforeAll(async () => {
  postgres = await testPostgres();
});
afterAll(async () => {
  if (typeof postgres !== "string") await postgres.close();
});

const databaseIn = (root: string) => join(root, ".quater/quater.db");
const keysIn = (root: string) => join(root, ".quater/trail-keys.json");
const isFenced = (app: TestApp) => app.services.get(storeRef).isFenced;

const untilFenced = async (app: TestApp): Promise<void> => {
  const end = Date.now() + 20_000;
  while (!isFenced(app)) {
    if (Date.now() > end) throw new Error("The instance was not fenced within 20 s");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

const removals: Record<string, (path: string) => void> = {
  "the deletion of all database files": (path) => {
    for (const part of ["", "-wal", "-shm"]) rmSync(path + part);
  },
  "the deletion of the write-ahead log": (path) => rmSync(`${path}-wal`),
  "the replacement of the database file by a copy": (path) => {
    copyFileSync(path, `${path}.copy`);
    renameSync(`${path}.copy`, path);
  },
  "the move of the database file to another path": (path) => renameSync(path, `${path}.away`),
};

for (const [title, remove] of Object.entries(removals)) {
  test(`S9: after ${title} while the app serves, the instance is fenced without any call, and calls get 503`, async () => {
    using folder = tempFolder();
    await using app = await bootWithTrail({ root: folder.root, handlers: { change: change() } });
    expect(await app.as(principal()).call("change", { id: "a" })).toMatchObject({ ok: true });
    remove(databaseIn(folder.root));
    await untilFenced(app);
    expect(await kernelOf(app).unready()).toEqual(["store"]);
    expect(await app.as(principal()).call("change", { id: "b" })).toMatchObject({ error: { code: "audit_unavailable" } });
    expect(app.log.map(({ message }) => message)).toContain(
      "The store failed or is damaged, so the server accepts no more calls. Find the cause in the log, run `quater audit verify`, then restart the server",
    );
  });
}

test("S9: Quater acknowledges no write after the deletion of the database file, even before the next check", async () => {
  using folder = tempFolder();
  const handled: unknown[] = [];
  await using app = await bootWithTrail({ root: folder.root, handlers: { change: change((input) => handled.push(input)) } });
  await app.as(principal()).call("change", { id: "a" });
  rmSync(databaseIn(folder.root));
  expect(await app.as(principal()).call("change", { id: "b" })).toMatchObject({ error: { code: "audit_unavailable" } });
  expect(handled).toEqual([{ id: "a" }]);
});

const serving = (root: string, act: string): void => {
  const repository = fileURLToPath(new URL("../../..", import.meta.url));
  writeFileSync(join(root, "package.json"), '{"type":"module"}');
  mkdirSync(join(root, "node_modules"));
  symlinkSync(repository, join(root, "node_modules/quater"), "dir");
  writeFileSync(
    join(root, "quater.config.ts"),
    `import { rmSync } from "node:fs";
import { defineConfig } from "quater";
import { definePlugin } from "quater/plugin-api";
import { audit, store } from "quater/plugins";
const acts = definePlugin(() => ({ name: "acts", setup: () => ({ start: () => void setTimeout(() => { ${act} }, 10) }) }));
export default defineConfig({ name: "t", handlers: [], plugins: [store(), audit(), acts()] });
`,
  );
};

test("S9: quater serve exits with 74 when its store file is deleted", async () => {
  using folder = tempFolder();
  serving(folder.root, `rmSync(${JSON.stringify(databaseIn(folder.root))})`);
  const { code, err } = await quater(["serve"], { cwd: folder.root });
  expect([code, err]).toEqual([74, expect.stringContaining("quater.db was deleted while the file was open")]);
});

test("S9: a start of an app with trail keys but without a trail fails with a remedy, and creates no new trail", async () => {
  using folder = tempFolder();
  const boot = () => bootWithTrail({ root: folder.root, handlers: { change: change() } });
  const first = await boot();
  await first.as(principal()).call("change", { id: "a" });
  await first.stop();
  for (const part of ["", "-wal", "-shm"]) rmSync(databaseIn(folder.root) + part, { force: true });
  for (let n = 0; n < 2; n++) {
    await expect(boot()).rejects.toThrow(
      `The store has no trail, but the key file says that a trail was started. The store was deleted, replaced or not mounted. Restore the store. To start a new trail on purpose, move ${keysIn(folder.root)} away`,
    );
  }
  renameSync(keysIn(folder.root), join(folder.root, "old-keys.json"));
  const again = await boot();
  expect(await again.as(principal()).call("change", { id: "a" })).toMatchObject({ ok: true });
  await again.stop();
});

test("S9: an app starts for the first time with trail keys that exist only to print their fingerprint", async () => {
  using folder = tempFolder();
  serving(folder.root, "");
  const { code, out } = await quater(["audit", "fingerprint"], { cwd: folder.root });
  expect([code, out]).toEqual([0, expect.stringMatching(/^SHA256:/)]);
  expect(existsSync(databaseIn(folder.root))).toBe(false);
  const app = await bootWithTrail({ root: folder.root, handlers: { change: change() } });
  await app.stop();
  expect(JSON.parse(readFileSync(keysIn(folder.root), "utf8"))).toMatchObject({ trail: expect.stringMatching(/^[0-9a-f]{64}$/) });
});

test("S9: the next start records in the key file of an older version of Quater that the trail has started", async () => {
  using folder = tempFolder();
  const boot = () => bootWithTrail({ root: folder.root, handlers: { change: change() } });
  await (await boot()).stop();
  const { trail, ...content } = JSON.parse(readFileSync(keysIn(folder.root), "utf8"));
  writeFileSync(keysIn(folder.root), JSON.stringify(content));
  await (await boot()).stop();
  expect(JSON.parse(readFileSync(keysIn(folder.root), "utf8")).trail).toBe(trail);
});

test("S9: quater audit verify reports a lost store as lost and not as a new project without a trail", async () => {
  using folder = tempFolder();
  serving(folder.root, "");
  const app = await bootWithTrail({ root: folder.root, handlers: { change: change() } });
  await app.stop();
  rmSync(databaseIn(folder.root));
  const { code, err } = await quater(["audit", "verify"], { cwd: folder.root });
  expect([code, err]).toEqual([
    1,
    expect.stringContaining("The store has no trail, but the key file says that a trail was started"),
  ]);
});

test("S9: a running instance notices a PostgreSQL schema that is dropped or created again, and the next start fails", async (context) => {
  if (typeof postgres === "string") return context.skip(postgres);
  for (const sql of ["drop schema quater cascade", "alter schema quater rename to gone; create schema quater"]) {
    using folder = tempFolder();
    const url = await postgres.freshUrl();
    const boot = () => bootWithTrail({ root: folder.root, store: { url }, handlers: { change: change() } });
    await using app = await boot();
    expect(await app.as(principal()).call("change", { id: "a" })).toMatchObject({ ok: true });
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query(sql).finally(() => client.end());
    await untilFenced(app);
    expect(await kernelOf(app).unready()).toEqual(["store"]);
    expect(await app.as(principal()).call("change", { id: "b" })).toMatchObject({ error: { code: "audit_unavailable" } });
    await expect(boot()).rejects.toThrow("The store has no trail, but the key file says that a trail was started");
  }
});

test("S9: a running instance notices a PostgreSQL database that is created again", async (context) => {
  if (typeof postgres === "string") return context.skip(postgres);
  using folder = tempFolder();
  const [url, other] = [await postgres.freshUrl(), await postgres.freshUrl()];
  await using app = await bootWithTrail({ root: folder.root, store: { url }, handlers: { change: change() } });
  const name = new URL(url).pathname.slice(1);
  const client = new pg.Client({ connectionString: other });
  await client.connect();
  await client.query(`drop database ${name} with (force)`);
  expect(await app.as(principal()).call("change", { id: "b" })).toMatchObject({ error: { code: "audit_unavailable" } });
  expect(isFenced(app)).toBe(false); // it may be being restored
  await client.query(`create database ${name}`);
  await client.end();
  await untilFenced(app);
});
