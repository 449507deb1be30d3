// Every `call.started` in the trail gets an end, or a `call.unknown` once its process is gone. A process stays registered, with a floor
// below its oldest start without an end, for as long as such a start may exist.

import { execFileSync } from "node:child_process";
import { closeSync, open, openSync } from "node:fs";
import { join } from "node:path";
import { Type } from "quater";
import { auditRef } from "quater/audit";
import { type ConfiguredPlugin, definePlugin, exposureKey } from "quater/plugin-api";
import { storeRef } from "quater/store";
import { principal, type TestApp } from "quater/testing";
import { expect } from "vitest";
import type { EventMeta } from "../../../plugins/audit/log/event.ts";
import { KeyRing } from "../../../plugins/audit/log/key-ring.ts";
import { sweepUnknown } from "../../../plugins/audit/log/sweep.ts";
import type { InstanceRow } from "../../../plugins/audit/log/tables.ts";
import type { Trail } from "../../../plugins/audit/log/trail.ts";
import type { CallStart } from "../../../plugins/audit/service.ts";
import { storeSource } from "../../../plugins/audit/verify/source.ts";
import { verifySource } from "../../../plugins/audit/verify/verify-source.ts";
import type { OpenStore, Statement } from "../../../plugins/store/service.ts";
import { type OnDialect, onBothDialects } from "../approval/dialects-kit.ts";
import { type CommitProxy, commitProxy } from "./commit-proxy.ts";
import { bootWithTrail, change, type TrailBoot } from "./kit.ts";
import { trailOn } from "./maintenance-kit.ts";

const leaseMs = 300;

const until = async (holds: () => Promise<boolean>): Promise<void> => {
  const end = Date.now() + 30_000;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error("It did not come to hold within 30 s");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};

const booting = ({ root, url }: OnDialect, given: Partial<Omit<TrailBoot, "root" | "store">> = {}): Promise<TestApp> =>
  bootWithTrail({
    root,
    store: { mayLoseCommits: true, ...(url === undefined ? {} : { url }) },
    ...given,
    handlers: given.handlers ?? { change: change() },
    audit: { leaseMs, ...given.audit },
  });

const storeOf = (app: TestApp): Promise<OpenStore> => app.services.get(storeRef).open();

const rows = async <Row>(store: OpenStore, sql: string): Promise<readonly Row[]> => store.read<Row>({ sql, parameters: [] });

const instances = (store: OpenStore) => rows<InstanceRow>(store, "select * from audit_instance");

/** The name of the only process, once it is registered. */
const onlyInstance = async (store: OpenStore): Promise<string> => {
  await until(async () => (await instances(store)).length > 0);
  return String((await instances(store))[0]?.instance);
};

const events = async (store: OpenStore): Promise<readonly EventMeta[]> =>
  (await rows<{ meta: string }>(store, "select meta from audit_event order by seq")).map(
    ({ meta }) => JSON.parse(meta) as EventMeta,
  );

/** The calls whose start is in the trail without an end. */
const openIn = async (store: OpenStore): Promise<readonly (string | undefined)[]> => {
  const all = await events(store);
  const ended = new Set(all.filter(({ type }) => type === "call.ended" || type === "call.unknown").map(({ callId }) => callId));
  return all.filter(({ type, callId }) => type === "call.started" && !ended.has(callId)).map(({ callId }) => callId);
};

/** What `audit verify` says about calls without an end. */
const missingIn = async (store: OpenStore, root: string) =>
  (await verifySource(storeSource(store), { keyFile: join(root, ".quater/trail-keys.json") }))?.damage.filter(
    ({ kind }) => kind === "missing",
  );

const isStarted = async (store: OpenStore): Promise<boolean> => (await events(store)).some(({ type }) => type === "call.started");

/** Waits for two renewals of the lease from now on: the second one begins after this call. */
const renewed = async (store: OpenStore, instance: string): Promise<void> => {
  const lease = async () => (await instances(store)).find((row) => row.instance === instance)?.lease_until ?? 0;
  for (let time = 0; time < 2; time++) {
    const before = await lease();
    await until(async () => (await lease()) > before);
  }
};

/** Fences the process: like a killed process, it writes nothing more. Another process then finds the calls that it left. */
const expectFound = async (on: OnDialect, app: TestApp, instance: string): Promise<void> => {
  app.services.get(storeRef).fence(new Error("gone"));
  await using other = await booting(on);
  const store = await storeOf(other);
  await until(async () => !(await instances(store)).some((row) => row.instance === instance));
  expect(await openIn(store)).toEqual([]);
  expect((await events(store)).filter(({ type }) => type === "call.unknown")).toMatchObject([
    { detail: { startedBy: instance } },
  ]);
  expect(await missingIn(store, on.root)).toEqual([]);
};

/** Asks for no people: every call that has an approval uses it up at once. */
const approving = (start: CallStart = {}): ConfiguredPlugin =>
  definePlugin(() => ({
    name: "approving",
    needs: [auditRef],
    exposure: [exposureKey("approval", Type.String(), { means: "approval" })],
    setup: ({ services }) => ({
      hooks: {
        approve: ({ callId }) => ({
          allow: true,
          by: "approving",
          consume: async () => {
            const used = { fields: { type: "approval.used" as const, approvalId: "apr_1", callId } };
            await services.get(auditRef).commitStart(callId, [used], [], start);
            return { allow: true, by: "approving" };
          },
        }),
      },
    }),
  }))();

/** Keeps all threads busy that Node has for files, until it is released: a write to a file that begins meanwhile waits. */
class HeldFiles {
  readonly #pipes: readonly string[];

  constructor(root: string) {
    const threads = Number(process.env["UV_THREADPOOL_SIZE"] ?? 4);
    this.#pipes = Array.from({ length: threads }, (_, n) => join(root, `pipe${n}`));
    execFileSync("mkfifo", [...this.#pipes]);
  }

  hold(): void {
    for (const pipe of this.#pipes) open(pipe, "r", (_, file) => closeSync(file)); // waits for somebody who writes
  }

  release(): void {
    for (const pipe of this.#pipes) closeSync(openSync(pipe, "w"));
  }
}

const event = (type: "call.started" | "call.ended", callId: string) => ({
  events: [{ fields: { type, callId, handler: "change" } }],
});

/** Calls a handler. The database commits its start, and the process does not learn that. */
const cutAtStart = async (app: TestApp, proxy: CommitProxy) => {
  const cut = proxy.cutAtCommit("call.started");
  const call = app.as(principal()).call("change", { id: "a" });
  await cut;
  const outcome = await call;
  expect(outcome).toMatchObject({ ok: false, error: { code: "audit_unavailable" } });
  return outcome.callId;
};

const ofCall = async (store: OpenStore, callId: string) => (await events(store)).filter((meta) => meta.callId === callId);

onBothDialects((claim, dialect) => {
  claim(
    "after the death of a process that renewed its lease, Quater records its running call with the outcome unknown",
    async (on) => {
      let release = () => {};
      const hangs = change(() => new Promise<object>((resolve) => (release = () => resolve({}))));
      await using app = await booting(on, { handlers: { change: hangs } });
      const store = await storeOf(app);
      const instance = await onlyInstance(store);
      const call = app.as(principal()).call("change", { id: "a" });
      await until(() => isStarted(store));
      await renewed(store, instance);
      await expectFound(on, app, instance);
      release();
      await call;
    },
  );

  claim("after the death of a process, Quater records a call that waited for a sink with the outcome unknown", async (on) => {
    const files = new HeldFiles(on.root);
    const check = () => {
      files.hold();
      return undefined;
    };
    await using app = await booting(on, {
      audit: { sinks: [{ file: "sink.jsonl" }] },
      expose: { change: { direct: true, approval: "x" } },
      plugins: [approving({ approvalId: "apr_1", check })],
    });
    const store = await storeOf(app);
    const instance = await onlyInstance(store);
    const call = app.as(principal()).call("change", { id: "a" });
    try {
      await until(() => isStarted(store));
      await renewed(store, instance);
      app.services.get(storeRef).fence(new Error("gone"));
    } finally {
      files.release();
    }
    expect(await call).toMatchObject({ ok: false, error: { code: "audit_unavailable" } });
    await expectFound(on, app, instance);
  });

  claim("a stopping process keeps its row in the store when the store refused the event about the end of a call", async (on) => {
    const refused: Statement = { sql: "delete from no_such_table", parameters: [] };
    await using app = await booting(on, {
      audit: { leaseMs: 60_000 },
      expose: { change: { direct: true, approval: "x" } },
      plugins: [approving({ changesAtEnd: () => [refused] })],
    });
    const instance = await onlyInstance(await storeOf(app));
    expect(await app.as(principal()).call("change", { id: "a" })).toMatchObject({ error: { code: "outcome_unrecorded" } });
    await app.stop();
    await using other = await booting(on);
    const store = await storeOf(other);
    expect((await events(store)).find(({ type }) => type === "runtime.stopped")?.detail).toEqual({ hasOpenCalls: true });
    await store.apply([{ sql: `update audit_instance set lease_until = 1 where instance = '${instance}'`, parameters: [] }]);
    await until(async () => (await instances(store)).every((row) => row.instance !== instance));
    expect(await openIn(store)).toEqual([]);
  });

  claim("a stopping process keeps its row in the store when the process could not write the end of a call", async (on) => {
    await using app = await booting(on);
    const store = await storeOf(app);
    const trail = trailOn(app, on.root, 60_000);
    await trail.open();
    await trail.record(event("call.started", "a"));
    const lockedAt = store.transaction(async (transaction) => {
      await transaction.rows({
        sql: dialect === "postgres" ? "select 1 from audit_head for update" : "select 1",
        parameters: [],
      });
      // The queue of the process takes 10,000 entries.
      for (let n = 0; n < 10_100; n++) trail.note({ type: "call.refused", callId: `refused ${n}` });
      trail.note({ type: "call.ended", callId: "a", handler: "change" });
    });
    await lockedAt;
    await trail.writer.flush(30_000);
    expect(await openIn(store)).toEqual(["a"]);
    await trail.stop(false);
    expect((await instances(store)).map(({ instance }) => instance)).toContain(trail.instance);
    expect((await events(store)).find(({ type }) => type === "runtime.stopped")?.detail).toEqual({ hasOpenCalls: true });
  });

  claim("the regular maintenance keeps the row of a process that wrote after the maintenance had read the trail", async (on) => {
    await using app = await booting(on, { audit: { leaseMs: 60_000 } });
    const store = await storeOf(app);
    const [gone, sweeper] = [trailOn(app, on.root, 1), trailOn(app, on.root, 60_000)];
    await gone.open();
    await sweeper.open();
    const keys = new KeyRing(join(on.root, ".quater/trail-keys.json")).current;
    const isOver = async () => {
      const row = (await instances(store)).find(({ instance }) => instance === gone.instance);
      return (row?.lease_until ?? 0) < (await store.now());
    };
    /** Commits something for the process between the reading of the head and the writing of the sweep. */
    const sweptBeside = async (entry: Parameters<Trail["record"]>[0]) => {
      let isDone = false;
      const read: OpenStore["read"] = async <Row>(query: Parameters<OpenStore["read"]>[0]) => {
        const found = await store.read<Row>(query);
        if (isDone || !("mac" in Object(found[0]))) return found;
        isDone = true;
        await gone.record(entry);
        await until(isOver);
        return found;
      };
      return sweepUnknown({ trail: sweeper, store: { ...store, read }, keys });
    };
    await gone.record(event("call.started", "a"));
    await gone.record(event("call.started", "b"));
    await until(isOver);
    expect(await sweptBeside(event("call.ended", "a"))).toBe(0);
    expect(await sweptBeside(event("call.started", "c"))).toBe(0);
    expect(await openIn(store)).toEqual(["b", "c"]);
    expect(await sweepUnknown({ trail: sweeper, store, keys })).toBe(2);
    expect((await events(store)).filter(({ type }) => type === "call.unknown").map(({ callId }) => callId)).toEqual(["b", "c"]);
    expect((await instances(store)).map(({ instance }) => instance)).not.toContain(gone.instance);
    for (const trail of [gone, sweeper]) trail.writer.close();
    expect(await missingIn(store, on.root)).toEqual([]);
  });

  claim("a process whose row maintenance removed writes a new process row with a number before its open calls", async (on) => {
    await using app = await booting(on, { audit: { leaseMs: 60_000 } });
    await using other = await booting(on, { audit: { leaseMs: 60_000 } });
    const store = await storeOf(other);
    const trail = trailOn(app, on.root, 60_000);
    await trail.open();
    await trail.record(event("call.started", "a"));
    await trail.record(event("call.started", "b"));
    await trail.record(event("call.ended", "b"));
    await trail.renewLease();
    const sweep = async () => {
      await store.apply([{ sql: "update audit_instance set lease_until = 1", parameters: [] }]);
      return other.services.get(auditRef).sweepLost();
    };
    expect(await sweep()).toBe(1);
    await trail.record(event("call.started", "c"));
    const row = async () => (await instances(store)).find(({ instance }) => instance === trail.instance);
    const [first] = (await events(store)).filter(({ type }) => type === "call.started");
    expect((await row())?.floor_seq).toBe(Number(first?.seq) - 1);
    for (const callId of ["a", "c"]) await trail.record(event("call.ended", callId));
    if (dialect === "sqlite") {
      // The process prepares its batch, and waits for its own connection while it is swept.
      let written: Promise<unknown> | undefined;
      await (await storeOf(app)).snapshot(async (at) => {
        await at.read({ sql: "select 1", parameters: [] });
        await new Promise<void>((prepared) => {
          const beside = () => {
            prepared();
            return [];
          };
          written = trail.record({ ...event("call.started", "d"), beside });
        });
        expect(await sweep()).toBe(0);
        expect(await row()).toBe(undefined);
      });
      await written;
      expect(await row()).toMatchObject({ lease_until: expect.any(Number) });
    }
    trail.writer.close();
  });

  if (dialect === "sqlite") return; // a commit on SQLite is always answered

  claim(
    "a call gets the outcome unknown if its process ends before the store confirms the commit of the start event",
    async (on) => {
      for (const ending of ["killed", "stopped"]) {
        const proxy = await commitProxy(String(on.url));
        try {
          await using app = await booting({ ...on, url: proxy.url });
          await using other = await booting(on);
          const store = await storeOf(other);
          const callId = await cutAtStart(app, proxy);
          if (ending === "killed") app.services.get(storeRef).fence(new Error("gone"));
          else await app.stop();
          await until(async () => (await openIn(store)).length === 0);
          expect((await ofCall(store, callId)).map(({ type }) => type)).toEqual(["call.started", "call.unknown"]);
          expect(await instances(store)).toHaveLength(1);
          expect(await missingIn(store, on.root)).toEqual([]);
        } finally {
          proxy.close();
        }
      }
    },
  );

  claim("a process keeps its row in the store until it has written the end of a call with an unconfirmed start", async (on) => {
    const proxy = await commitProxy(String(on.url));
    try {
      await using app = await booting({ ...on, url: proxy.url }, { audit: { leaseMs: 60_000 } });
      await using other = await booting(on, { audit: { leaseMs: 60_000 } });
      const store = await storeOf(other);
      const callId = await cutAtStart(app, proxy);
      expect(await openIn(store)).toEqual([callId]);
      proxy.open();
      await until(async () => (await openIn(store)).length === 0);
      expect((await ofCall(store, callId)).map(({ type, outcome }) => [type, outcome])).toEqual([
        ["call.started", undefined],
        ["call.refused", "refused"],
        ["call.ended", "refused"],
      ]);
      await app.stop();
      expect((await events(store)).find(({ type }) => type === "runtime.stopped")).not.toHaveProperty("detail");
      expect(await instances(store)).toHaveLength(1);
    } finally {
      proxy.close();
    }
  });
});
