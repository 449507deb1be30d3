// The key file: what its keys are for, what stays readable after a rotation, and how instances that serve follow one.

import { copyFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { auditRef } from "quater/audit";
import { storeRef } from "quater/store";
import { principal, type TestApp } from "quater/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { kernelOf } from "../../../core/testing/kernel-of.ts";
import { activateKeys, openKeys, prepareKeys, readKeys, rotateKeys } from "../../../plugins/audit/log/keys.ts";
import { storeSource } from "../../../plugins/audit/verify/source.ts";
import { verifySource } from "../../../plugins/audit/verify/verify-source.ts";
import { type TestPostgres, testPostgres } from "../store/postgres.ts";
import { bootWithTrail, change, tempFolder } from "./kit.ts";

const mkdirOf = (root: string) => mkdirSync(join(root, ".quater"), { mode: 0o700 });
const keysIn = (root: string) => join(root, ".quater/trail-keys.json");
const isFenced = (app: TestApp) => app.services.get(storeRef).isFenced;

test("O2: after a rotation of the trail keys, Quater still finds the keyed digests from before the rotation", async () => {
  using folder = tempFolder();
  const boot = () => bootWithTrail({ root: folder.root, handlers: { change: change() } });
  const seen = async () => {
    await using app = await boot();
    const audit = app.services.get(auditRef);
    expect(audit.tagsOf({ a: 1 })[0]).toBe(audit.tagOf({ a: 1 }));
    expect(audit.deriveSecrets("x")[0]).toEqual(audit.deriveSecret("x"));
    return { tags: audit.tagsOf({ a: 1 }), secrets: audit.deriveSecrets("x").map((secret) => secret.toString("hex")) };
  };
  const before = await seen();
  rotateKeys(keysIn(folder.root));
  const between = await seen();
  rotateKeys(keysIn(folder.root));
  const after = await seen();
  expect([before.tags.length, between.tags.length, after.tags.length]).toEqual([1, 2, 3]);
  expect(after.tags.slice(1)).toEqual(between.tags);
  expect(after.secrets.slice(1)).toEqual(between.secrets);
  expect(between.secrets[1]).toBe(before.secrets[0]);
  expect(new Set(after.secrets).size).toBe(3);
});

test("O2: Quater uses prepared trail keys only after their activation, and refuses a second preparation", () => {
  using folder = tempFolder();
  const file = join(folder.root, "keys.json");
  const before = openKeys(file);
  expect(() => activateKeys(file)).toThrow("has no prepared keys");
  const fingerprint = prepareKeys(file);
  const prepared = readKeys(file);
  expect([prepared.chain.id, prepared.tag.id, prepared.checkpoint.id]).toEqual([
    before.chain.id,
    before.tag.id,
    before.checkpoint.id,
  ]);
  expect([prepared.chainSecrets.size, prepared.publicKeys.size, prepared.tags.length]).toEqual([2, 2, 2]);
  expect(() => prepareKeys(file)).toThrow("already has prepared keys");
  expect(activateKeys(file)).toBe(fingerprint);
  const after = readKeys(file);
  expect(after.checkpoint.fingerprint).toBe(fingerprint);
  expect(after.chain.id).not.toBe(before.chain.id);
  expect(after.chainSecrets.get(before.chain.id)).toEqual(before.chain.secret);
  expect(() => activateKeys(file)).toThrow("has no prepared keys");
  expect(readFileSync(file, "utf8")).not.toContain("isPrepared");
});

let postgres: TestPostgres | string;
beforeAll(async () => {
  postgres = await testPostgres();
});
afterAll(async () => {
  if (typeof postgres !== "string") await postgres.close();
});

describe.each(["sqlite", "postgres"] as const)("two instances of an app with audit() share a store on %s", (dialect) => {
  /** Two instances on one store, each with a key file of its own with the same keys. */
  const withTwo = (title: string, use: (apps: readonly [TestApp, TestApp], roots: readonly [string, string]) => Promise<void>) =>
    test(title, async (context) => {
      if (dialect === "postgres" && typeof postgres === "string") return context.skip(postgres);
      using one = tempFolder();
      using two = tempFolder();
      const url =
        dialect === "postgres" ? await (postgres as TestPostgres).freshUrl() : `file:${join(one.root, ".quater/quater.db")}`;
      const boot = (root: string) => bootWithTrail({ root, store: { url }, handlers: { change: change() } });
      await using first = await boot(one.root);
      mkdirOf(two.root);
      copyFileSync(keysIn(one.root), keysIn(two.root));
      await using second = await boot(two.root);
      await use([first, second], [one.root, two.root]);
    });

  const verified = async (app: TestApp, root: string) => {
    const source = storeSource(await app.services.get(storeRef).open());
    return verifySource(source, { keyFile: keysIn(root) });
  };

  withTwo(
    "O2: a rotation of the trail keys in two steps while two instances write loses no call and fences nobody",
    async (apps, roots) => {
      const before = readKeys(keysIn(roots[0])).chain.id;
      let isOver = false;
      const answers: boolean[] = [];
      const write = async (app: TestApp) => {
        for (let n = 0; !isOver; n++) answers.push((await app.as(principal()).call("change", { id: String(n) })).ok);
      };
      const writing = apps.map(write);
      const pause = () => new Promise((resolve) => setTimeout(resolve, 300));
      const distribute = () => {
        copyFileSync(keysIn(roots[0]), `${keysIn(roots[1])}.copy`);
        renameSync(`${keysIn(roots[1])}.copy`, keysIn(roots[1]));
      };
      await pause();
      prepareKeys(keysIn(roots[0]));
      await pause();
      distribute();
      await pause();
      activateKeys(keysIn(roots[0]));
      await pause();
      activateKeys(keysIn(roots[1]));
      const next = readKeys(keysIn(roots[0])).chain.id;
      // Until both write with the new key.
      const open = await apps[0].services.get(storeRef).open();
      const writers = async () => {
        const rows = await open.read<{ meta: string }>({
          sql: `select meta from audit_event where meta like '%"key":"${next}"%'`,
          parameters: [],
        });
        return new Set(rows.map(({ meta }) => (JSON.parse(meta) as { instance: string }).instance)).size;
      };
      while ((await writers()) < 2) await pause();
      isOver = true;
      await Promise.all(writing);
      expect(answers.length).toBeGreaterThan(10);
      expect(answers.every(Boolean)).toBe(true);
      expect(apps.map(isFenced)).toEqual([false, false]);
      expect(next).not.toBe(before);
      expect(await verified(apps[0], roots[0])).toMatchObject({ damage: [], isWhole: true });
    },
  );

  withTwo(
    "O2: an instance without the trail key of the newest event answers 503 until its key file has the key",
    async (apps, roots) => {
      const [first, second] = apps;
      const call = (app: TestApp) => app.as(principal()).call("change", { id: "a" });
      expect([(await call(first)).ok, (await call(second)).ok]).toEqual([true, true]);
      rotateKeys(keysIn(roots[0]));
      const { chain } = readKeys(keysIn(roots[0]));
      const open = await first.services.get(storeRef).open();
      const isWritten = async () => {
        await call(first);
        const [head] = await open.read<{ mac: string }>({ sql: "select mac from audit_head", parameters: [] });
        return head?.mac.startsWith(chain.id) === true;
      };
      while (!(await isWritten())) await new Promise((resolve) => setTimeout(resolve, 50));
      expect(await call(second)).toMatchObject({ ok: false, error: { code: "audit_unavailable" } });
      while ((await kernelOf(second).unready()).length === 0) await new Promise((resolve) => setTimeout(resolve, 50));
      expect(isFenced(second)).toBe(false);
      copyFileSync(keysIn(roots[0]), keysIn(roots[1]));
      while ((await kernelOf(second).unready()).length > 0) await new Promise((resolve) => setTimeout(resolve, 50));
      expect((await call(second)).ok).toBe(true);
      expect(isFenced(second)).toBe(false);
      expect(await verified(second, roots[1])).toMatchObject({ isWhole: true });
    },
  );

  withTwo("O2: an instance reports a wrong MAC under a trail key that the instance has as damage", async ([first, second]) => {
    expect((await first.as(principal()).call("change", { id: "a" })).ok).toBe(true);
    const open = await first.services.get(storeRef).open();
    await open.apply([{ sql: "update audit_head set seq = seq + 1", parameters: [] }]);
    await second.as(principal()).call("change", { id: "a" });
    expect(isFenced(second)).toBe(true);
  });
});

test("O2: a server continues with the loaded trail keys and logs one warning when the key file is damaged", async () => {
  using folder = tempFolder();
  await using app = await bootWithTrail({ root: folder.root, handlers: { change: change() } });
  writeFileSync(keysIn(folder.root), "half");
  const warned = () =>
    app.log.filter(({ message }) => message.includes("cannot be read. Quater continues with the keys that it read before"));
  while (warned().length === 0) await new Promise((resolve) => setTimeout(resolve, 50));
  await new Promise((resolve) => setTimeout(resolve, 2_200)); // two more ticks
  expect(warned()).toHaveLength(1);
  expect((await app.as(principal()).call("change", { id: "a" })).ok).toBe(true);
});
