// S4 across processes: a race for shared subjects, a process that is killed, and one that stands still past its lease.

import { setTimeout as pause } from "node:timers/promises";
import type { Principal } from "quater";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RequestRow } from "../../../plugins/approval/requests/tables.ts";
import { tempFolder } from "../audit/kit.ts";
import { type BuiltChild, builtChild } from "../audit/load.ts";
import { type TestPgbouncer, testPgbouncer } from "../store/pgbouncer.ts";
import { type TestPostgres, testPostgres } from "../store/postgres.ts";
import { startChild, startChildren } from "./child.ts";
import { approvers, codeOf } from "./crowd.ts";
import { expectSoon, figures } from "./figures.ts";
import type { Done, LockSaid } from "./lock-child.ts";
import { bootLockCrowd, type Change, effectsOf, type LockCrowd } from "./lock-crowd.ts";

/** `QUATER_SOAK_LOCKS=200` is the whole race. */
const calls = Number(process.env["QUATER_SOAK_LOCKS"] ?? 60);
const subjects = 20;
const callers = 64;
const processes = 2;
const hour = 3_600_000;

let child: BuiltChild;
let postgres: TestPostgres | string;
let pooler: TestPgbouncer | string = "not started";
beforeAll(async () => {
  [child, postgres] = await Promise.all([builtChild("test/plugins/approval/lock-child.ts"), testPostgres()]);
  if (typeof postgres !== "string") pooler = await testPgbouncer(await postgres.freshUrl());
});
afterAll(async () => {
  child.dispose();
  if (typeof pooler !== "string") await pooler.close();
  if (typeof postgres !== "string") await postgres.close();
});

/** Every run began with the version that people had agreed to, and no two runs with the same. */
const expectNoStaleRun = async (crowd: LockCrowd, root: string): Promise<void> => {
  const effects = effectsOf(root);
  const sql = "select used_call, preview from approval_request where used_call is not null";
  const rows = await (await crowd.open()).read<Pick<RequestRow, "used_call" | "preview">>({ sql, parameters: [] });
  const approved = new Map(rows.map(({ used_call, preview }) => [used_call, preview]));
  expect(effects.filter(({ callId, version }) => approved.get(callId) !== JSON.stringify({ version }))).toEqual([]);
  expect(new Set(effects.map(({ subject, version }) => `${subject} ${version}`)).size).toBe(effects.length);
};

const raced = async (root: string, url: string, how: string): Promise<void> => {
  await using crowd = await bootLockCrowd({ root, url });
  const changes = Array.from({ length: calls }, (_, n): Change => ({ subject: `s${n % subjects}`, n, slowMs: 5 + (n % 3) * 10 }));
  for (const change of changes) await crowd.approved(change);
  await using children = await startChildren<LockSaid>(
    child.file,
    Array.from({ length: processes }, () => [root, url]),
  );
  const begun = performance.now();
  const heard = children.all.map(({ next }) => next(({ done }) => done !== undefined, 120_000));
  for (const [index, { tell }] of children.all.entries())
    tell({ changes: changes.filter((_, n) => n % processes === index), callers: callers / processes });
  const said = await Promise.all(heard);
  const done = said.flatMap((each): readonly Done[] => each.done ?? []);
  const lagMs = Math.max(...said.map((each) => each.lagMs ?? 0));
  const ms = Math.round(performance.now() - begun);
  for (const { stop } of children.all) expect(await stop()).toBe(0);

  expect(done).toHaveLength(calls);
  const byCode: Record<string, number> = {};
  for (const { code } of done) byCode[code] = (byCode[code] ?? 0) + 1;
  const answers = new Set(["ok", "approval_stale", "lock_busy", "audit_unavailable", "approval_unavailable"]);
  expect(Object.keys(byCode).filter((code) => !answers.has(code))).toEqual([]);
  await expectNoStaleRun(crowd, root);
  expect(byCode["ok"] ?? 0).toBeGreaterThan(0);
  const waited = Math.max(...done.map(({ waitedMs }) => waitedMs));
  // The promise is two seconds. A process that gets no processor time cannot answer earlier.
  expectSoon(`longest wait for locks on ${how}`, waited - lagMs, 2_500);
  figures(`locks on ${how}`, {
    calls,
    subjects,
    callers,
    byCode,
    longestWaitMs: Math.round(waited),
    lagMs: Math.round(lagMs),
    longestCallMs: Math.round(Math.max(...done.map((each) => each.ms))),
    ms,
  });
};

const title = `${callers} callers in ${processes} processes make ${calls} approved calls on ${subjects} subjects`;

test(
  `S4: ${title} on SQLite, and no call runs with a stale preview`,
  async () => {
    using folder = tempFolder();
    await raced(folder.root, "-", "SQLite");
  },
  hour,
);

test(
  `S4: ${title} on PostgreSQL through PgBouncer, and no call runs with a stale preview`,
  async (context) => {
    if (typeof postgres === "string") return context.skip(postgres);
    if (typeof pooler === "string") return context.skip(pooler);
    using folder = tempFolder();
    await raced(folder.root, pooler.through(await postgres.freshUrl()), "PostgreSQL through PgBouncer");
  },
  hour,
);

const leaseMs = 1_000;

const untilNotBusy = async (act: () => Promise<string>): Promise<string> => {
  for (;;) {
    const code = await act();
    if (code !== "lock_busy") return code;
  }
};

const killed = async (root: string, url: string): Promise<void> => {
  await using crowd = await bootLockCrowd({ root, url, lockLeaseMs: leaseMs });
  const [slow, quick] = [
    { subject: "a", n: 1, slowMs: 60_000 },
    { subject: "a", n: 2, slowMs: 0 },
  ];
  await crowd.approved(slow);
  await crowd.approved(quick);
  const other = await startChild<LockSaid>(child.file, [root, url, String(leaseMs)]);
  other.tell({ changes: [slow], callers: 1 });
  while (effectsOf(root).length === 0) await pause(10);
  // It renews its lease while it runs.
  await pause(leaseMs);
  expect(codeOf(await crowd.change(quick))).toBe("lock_busy");
  await other.kill();
  expect(await untilNotBusy(async () => codeOf(await crowd.change(quick)))).toBe("ok");
};

const frozen = async (root: string, url: string): Promise<void> => {
  await using crowd = await bootLockCrowd({ root, url, lockLeaseMs: leaseMs });
  const [late, quick] = [
    { subject: "a", n: 1, slowMs: 0, isFrozen: true },
    { subject: "a", n: 2, slowMs: 0 },
  ];
  const id = await crowd.approved(late);
  await crowd.approved(quick);
  const other = await startChild<LockSaid>(child.file, [root, url, String(leaseMs)]);
  try {
    const freezing = other.next(({ isFreezing }) => isFreezing === true, 60_000);
    const answered = other.next(({ done }) => done !== undefined, 120_000);
    other.tell({ changes: [late], callers: 1 });
    await freezing;
    expect(await untilNotBusy(async () => codeOf(await crowd.change(quick)))).toBe("ok");
    other.wake();
    expect((await answered).done?.map(({ code }) => code)).toEqual(["lock_lost"]);
    expect(effectsOf(root)).toHaveLength(1);
    expect((await crowd.approvals.show(approvers[0] as Principal, id)).state).toBe("approved");
    expect(codeOf(await crowd.change(late))).toBe("approval_stale");
    await expectNoStaleRun(crowd, root);
  } finally {
    await other.kill();
  }
};

test.each([
  ["the lock of a process that was killed is free after its lease", killed],
  ["a process that stood still past its lease does not use an approval with a stale preview", frozen],
])("S4: on PostgreSQL through PgBouncer, %s", async (_, prove) => {
  using onSqlite = tempFolder();
  await prove(onSqlite.root, "-");
  if (typeof postgres === "string") return;
  using onPostgres = tempFolder();
  await prove(onPostgres.root, await postgres.freshUrl());
});
