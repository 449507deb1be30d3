// Failing closed: no record, no handler. And what the trail does by itself: unknown ends, retention, the fence.

import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Type } from "quater";
import { auditRef } from "quater/audit";
import { definePlugin, exposureKey } from "quater/plugin-api";
import { audit, store } from "quater/plugins";
import { storeRef } from "quater/store";
import { bootTest, principal } from "quater/testing";
import { expect, test } from "vitest";
import { kernelOf } from "../../../core/testing/kernel-of.ts";
import { KeyRing } from "../../../plugins/audit/log/key-ring.ts";
import { prune } from "../../../plugins/audit/log/prune.ts";
import { sweepUnknown } from "../../../plugins/audit/log/sweep.ts";
import { recordWithinMs } from "../../../plugins/audit/log/writer.ts";
import { storeSource } from "../../../plugins/audit/verify/source.ts";
import { verifySource } from "../../../plugins/audit/verify/verify-source.ts";
import { openSqlite } from "../../../plugins/store/sqlite.ts";
import { quater } from "../cli/kit.ts";
import { bootWithTrail, change, eventsIn, look, tempFolder } from "./kit.ts";
import { trailOn } from "./maintenance-kit.ts";

const databaseIn = (root: string) => join(root, ".quater/quater.db");

test("while the store of the trail is locked, writes get 503 within 3 s, reads work, and later writes work again", async () => {
  using folder = tempFolder();
  const handled: unknown[] = [];
  const app = await bootWithTrail({
    root: folder.root,
    handlers: { change: change((input) => handled.push(input)), look: look() },
  });
  const locker = openSqlite(databaseIn(folder.root));
  locker.run([{ sql: "BEGIN IMMEDIATE", parameters: [] }]);
  const outcome = await app.as(principal()).call("change", { id: "a" });
  expect(recordWithinMs).toBeLessThan(3_000); // and without it the call would wait until the lock is gone, that is for ever
  expect(outcome).toMatchObject({ ok: false, error: { code: "audit_unavailable", kind: "unavailable", retryAfterSeconds: 1 } });
  expect(handled).toEqual([]);
  expect(await app.as(principal()).call("look", { id: "a" })).toMatchObject({ ok: true });
  locker.run([{ sql: "ROLLBACK", parameters: [] }]);
  locker.close();
  expect(await app.as(principal()).call("change", { id: "b" })).toMatchObject({ ok: true });
  await app.stop();
  // An attempt that was under way when the wait ended may still have written the start: then its end says "refused".
  const own = eventsIn(folder.root).filter(({ meta }) => meta.callId === outcome.callId);
  expect(own.at(-1)?.meta).toMatchObject({ outcome: "refused", errorCode: "audit_unavailable" });
});

test("quater audit tail --follow prints new events of the trail until an operator interrupts the command", async () => {
  using folder = tempFolder();
  await using app = await bootWithTrail({ root: folder.root, handlers: { change: change() } });
  const tail = kernelOf(app).commands.find(({ path }) => path.join(" ") === "audit tail");
  const interrupt = new AbortController();
  const lines: { type: string }[] = [];
  let told: () => unknown = () => undefined;
  const io = {
    write: (text: string) => {
      lines.push(JSON.parse(text) as { type: string });
      told();
    },
    show: () => undefined,
    say: () => undefined,
    isTerminal: false,
    isJson: true,
    signal: interrupt.signal,
  };
  const until = (type: string) =>
    new Promise<void>((resolve) => {
      told = () => lines.at(-1)?.type === type && resolve();
    });
  const first = until("call.ended");
  await app.as(principal()).call("change", { id: "a" });
  const following = tail?.run({ lines: 1, follow: true } as never, io as never);
  await first;
  const next = until("call.ended");
  await app.as(principal()).call("change", { id: "b" });
  await next;
  interrupt.abort();
  expect(await following).toBe(0);
  expect(lines.map(({ type }) => type)).toEqual(["call.ended", "call.started", "call.ended"]);
});

test("after a change of the row audit_head, Quater fences the store, refuses calls and answers /ready with 503", async () => {
  using folder = tempFolder();
  const app = await bootWithTrail({ root: folder.root, handlers: { change: change(), look: look() } });
  await app.as(principal()).call("change", { id: "a" });
  const file = openSqlite(databaseIn(folder.root));
  file.run([{ sql: "update audit_head set seq = 2", parameters: [] }]);
  file.close();
  const outcome = await app.as(principal()).call("change", { id: "b" });
  expect(outcome).toMatchObject({ ok: false, error: { code: "audit_unavailable" } });
  expect(await app.as(principal()).call("look", { id: "b" })).toMatchObject({ ok: false, error: { code: "audit_unavailable" } });
  expect(await kernelOf(app).unready()).toEqual(["store"]);
  expect(app.log.at(-1)?.message).toMatch(/fenced|failed/);
  await app.stop();
});

test("an app does not start when another program changed the row audit_head in the store", async () => {
  using folder = tempFolder();
  const boot = () => bootWithTrail({ root: folder.root, handlers: { change: change() } });
  await (await boot()).stop();
  const file = openSqlite(databaseIn(folder.root));
  file.run([{ sql: "update audit_head set seq = 1", parameters: [] }]);
  file.close();
  await expect(boot()).rejects.toThrow(
    /The record of the trail's end \(audit_head\) was not written by Quater: its MAC is wrong/,
  );
});

test("a call whose end the trail cannot record gets outcome_unrecorded", async () => {
  using folder = tempFolder();
  let locker: ReturnType<typeof openSqlite> | undefined;
  const app = await bootWithTrail({
    root: folder.root,
    handlers: {
      change: change((input) => {
        locker = openSqlite(databaseIn(folder.root));
        locker.run([{ sql: "BEGIN IMMEDIATE", parameters: [] }]);
        return input;
      }),
    },
  });
  const outcome = await app.as(principal()).call("change", { id: "a" });
  expect(outcome).toMatchObject({ ok: false, error: { code: "outcome_unrecorded", kind: "outcome_unknown" } });
  locker?.run([{ sql: "ROLLBACK", parameters: [] }]);
  locker?.close();
  await app.stop();
  // It was written as soon as that was possible again.
  expect(eventsIn(folder.root).map(({ meta }) => meta.type)).toContain("call.ended");
});

test("Quater commits a change of the state of an approval and the event about the change together or not at all", async () => {
  using folder = tempFolder();
  await using app = await bootWithTrail({ root: folder.root, handlers: { change: change() } });
  const service = app.services.get(auditRef);
  const open = await app.services.get(storeRef).open();
  const row = { sql: "insert into audit_sink values (?, 1, 1)", parameters: ["x"], expects: 1 };
  const event = { fields: { type: "approval.filed" as const, approvalId: "apr_1" }, body: { args: { id: "a" } } };
  const both = await Promise.all([service.commit([event], [row]), service.commit([event], [row]), service.commit([event], [])]);
  expect(both.filter((each) => "refused" in each)).toHaveLength(1);
  const filed = await open.read<{ n: number }>({
    sql: "select count(*) n from audit_event where type = 'approval.filed'",
    parameters: [],
  });
  expect(filed).toEqual([{ n: 2 }]);
});

test("Quater writes the start of an approved call and the use of the approval in one transaction", async () => {
  using folder = tempFolder();
  const approves = definePlugin(() => ({
    name: "approves",
    needs: [auditRef],
    exposure: [exposureKey("approval", Type.String(), { means: "approval" })],
    setup: ({ services }) => ({
      hooks: {
        approve: ({ callId, input }) => ({
          allow: true,
          by: "approves",
          consume: async () => {
            const isUsed = (input as { id: string }).id === "used";
            const row = { sql: "insert into audit_sink values ('once', 1, 1)", parameters: [], expects: 1 };
            const used = { fields: { type: "approval.used" as const, approvalId: "apr_1", callId } };
            const done = await services.get(auditRef).commitStart(callId, [used], isUsed ? [row, row] : [row]);
            return "seq" in done ? { allow: true, by: "approves" } : { allow: false, by: "approves", reason: "used" };
          },
        }),
      },
    }),
  }));
  const app = await bootWithTrail({
    root: folder.root,
    handlers: { change: change() },
    expose: { change: { direct: true, approval: "x" } },
    plugins: [approves()],
  });
  await app.as(principal()).call("change", { id: "a" });
  await app.as(principal()).call("change", { id: "used" });
  await app.stop();
  const said = eventsIn(folder.root).filter(({ meta }) => meta.callId !== undefined);
  expect(said.map(({ meta }) => [meta.type, meta.outcome ?? meta.errorCode])).toEqual([
    ["approval.used", undefined],
    ["call.started", undefined],
    ["call.ended", "succeeded"],
    ["call.refused", "refused"],
  ]);
});

test("after the death of a process, each open call of the process gets exactly one event with the outcome unknown", async () => {
  using folder = tempFolder();
  let release: (() => void) | undefined;
  const app = await bootWithTrail({
    root: folder.root,
    handlers: {
      change: change(({ id }) => {
        if (id !== "hangs") return { id };
        return new Promise((resolve) => {
          release = () => resolve({ id });
        });
      }),
    },
  });
  const hanging = app.as(principal()).call("change", { id: "hangs" });
  await app.as(principal()).call("change", { id: "a" });
  const open = await app.services.get(storeRef).open();
  await open.apply([{ sql: "update audit_instance set lease_until = 0", parameters: [] }]);
  const other = trailOn(app, folder.root);
  await other.open();
  const parts = { trail: other, store: open, keys: new KeyRing(join(folder.root, ".quater/trail-keys.json")).current };
  const swept = [await sweepUnknown(parts), await sweepUnknown(parts)];
  expect(swept).toEqual([1, 0]);
  release?.();
  const { callId } = await hanging;
  await other.stop(false);
  await app.stop();
  const own = eventsIn(folder.root).filter(({ meta }) => meta.callId === callId);
  expect(own.map(({ meta }) => [meta.type, meta.outcome])).toEqual([
    ["call.started", undefined],
    ["call.unknown", "unknown"],
    ["call.ended", "succeeded"], // it was not gone after all
  ]);
});

test("pruning removes only old events that every sink attests, and the trail records the removal and stays whole", async () => {
  using folder = tempFolder();
  const boot = () =>
    bootWithTrail({ root: folder.root, handlers: { change: change() }, audit: { sinks: [{ file: "held.jsonl" }] } });
  const first = await boot();
  for (let n = 0; n < 20; n++) await first.as(principal()).call("change", { id: String(n) });
  await first.stop(); // its checkpoint is the last that the sink holds
  const app = await boot();
  await app.as(principal()).call("change", { id: "kept" });
  const open = await app.services.get(storeRef).open();
  const trail = trailOn(app, folder.root);
  const [held, empty] = [join(folder.root, "held.jsonl"), join(folder.root, "empty.jsonl")];
  writeFileSync(empty, "");
  const keys = new KeyRing(join(folder.root, ".quater/trail-keys.json")).current;
  const removed = (beforeMs: number, sinkFiles: readonly string[]) => prune({ trail, store: open, keys, sinkFiles }, beforeMs);
  expect(await removed(Date.now() + 1_000, [held, empty])).toBe(0);
  expect(await removed(Date.now() - 3_600_000, [held])).toBe(0);
  expect(await removed(Date.now() + 1_000, [held])).toBe(42);
  await trail.stop(false);
  await app.stop();
  const events = eventsIn(folder.root);
  expect(events[0]?.meta).toMatchObject({ seq: 43, type: "audit.checkpoint" });
  const again = await boot();
  const source = storeSource(await again.services.get(storeRef).open());
  const report = await verifySource(source, {
    keyFile: join(folder.root, ".quater/trail-keys.json"),
    against: [join(folder.root, "held.jsonl")],
  });
  expect(report).toMatchObject({ damage: [], prunedEvents: 42, first: 43 });
  await again.stop();
});

test("Quater creates the private key file of a trail once, and a project with a trail needs this key file", async () => {
  using folder = tempFolder();
  const file = join(folder.root, ".quater/trail-keys.json");
  const boot = () => bootWithTrail({ root: folder.root, handlers: { change: change() } });
  await (await boot()).stop();
  const text = readFileSync(file, "utf8");
  chmodSync(file, 0o644);
  await expect(boot()).rejects.toThrow(/can be read by other users/);
  rmSync(file);
  await expect(boot()).rejects.toThrow(/the key file does not have/);
  writeFileSync(file, text, { mode: 0o600 });
  chmodSync(file, 0o600);
  await (await boot()).stop();
});

test("a quater command that records no event creates no store file", async () => {
  using folder = tempFolder();
  const app = await bootTest({
    root: folder.root,
    mode: "inspect",
    handlers: { change: change() },
    plugins: [store(), audit()],
  });
  await app.stop();
  expect(existsSync(join(folder.root, ".quater"))).toBe(false);
});

test("quater serve waits for running calls and exits with 74 when the store is fenced", async () => {
  using folder = tempFolder();
  const repository = fileURLToPath(new URL("../../..", import.meta.url));
  writeFileSync(join(folder.root, "package.json"), '{"type":"module"}');
  mkdirSync(join(folder.root, "node_modules"));
  symlinkSync(repository, join(folder.root, "node_modules/quater"), "dir");
  writeFileSync(
    join(folder.root, "quater.config.ts"),
    `import { defineConfig } from "quater";
import { definePlugin } from "quater/plugin-api";
import { storeRef } from "quater/store";
import { audit, store } from "quater/plugins";
const breaks = definePlugin(() => ({
  name: "breaks",
  needs: [storeRef],
  setup: ({ services }) => ({ start: () => void setTimeout(() => services.get(storeRef).fence(new Error("disk I/O error")), 10) }),
}));
export default defineConfig({ name: "t", handlers: [], plugins: [store(), audit(), breaks()] });
`,
  );
  const { code, err } = await quater(["serve"], { cwd: folder.root });
  expect([code, err]).toEqual([74, expect.stringContaining("The store failed or is damaged")]);
});
