// S1, S2: what Quater does to the trail by itself, beside an attacker who can write to the store and has no keys. No event is
// removed and none is written because of a row that does not verify.

import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { storeRef } from "quater/store";
import { expect } from "vitest";
import { KeyRing } from "../../../plugins/audit/log/key-ring.ts";
import { prune } from "../../../plugins/audit/log/prune.ts";
import { sweepUnknown } from "../../../plugins/audit/log/sweep.ts";
import type { InstanceRow } from "../../../plugins/audit/log/tables.ts";
import { Trail } from "../../../plugins/audit/log/trail.ts";
import { sinksOf } from "../../../plugins/audit/sinks/sinks.ts";
import { storeSource } from "../../../plugins/audit/verify/source.ts";
import { verifySource } from "../../../plugins/audit/verify/verify-source.ts";
import { type Desk, type OnDialect, onBothDialects, people } from "../approval/kit.ts";

const { robot } = people;
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** A trail of some forty events in two runs of the project, each with a checkpoint in the sink, and one process that looks after it. */
const maintained = async ({ boot, again, root }: OnDialect) => {
  const sink = join(root, "sink.jsonl");
  writeFileSync(sink, "");
  const audit = { sinks: [{ file: sink }] };
  const first = await boot({ audit });
  for (let cents = 1; cents <= 4; cents++) {
    await first.approved(robot, { cents });
    await first.call(robot, { cents });
  }
  await first.app.stop();
  const desk = await again({ audit });
  await desk.file(robot, { cents: 5 });
  const store = await desk.app.services.get(storeRef).open();
  const keyFile = join(root, ".quater/trail-keys.json");
  const ring = new KeyRing(keyFile);
  const newTrail = async () => {
    const trail = new Trail({
      app: "test",
      store: desk.app.services.get(storeRef),
      keys: ring,
      sinks: sinksOf([{ file: sink }], root, false),
      log: quiet,
      leaseMs: 30_000,
      started: () => ({}),
    });
    await trail.open();
    return trail;
  };
  const trail = await newTrail();
  return {
    desk,
    sink,
    trail,
    newTrail,
    /** Retention of no days at all: every event is old. */
    pruneAll: (beforeMs = Date.now() + 60_000) => prune({ trail, store, keys: ring.current, sinkFiles: [sink] }, beforeMs),
    sweep: () => sweepUnknown({ trail, store, keys: ring.current }),
    verified: async () => {
      const report = await verifySource(storeSource(store), { keyFile, against: [sink] });
      return report?.damage.map(({ kind, seq }) => [kind, seq]);
    },
  };
};

const seqs = async (desk: Desk) =>
  ((await desk.sql("select seq from audit_event order by seq")) as { seq: number }[]).map(({ seq }) => Number(seq));

const callId = "11111111-1111-4111-8111-111111111111";

/** An event that says that a person made a call, as only an attacker writes it. */
const plant = async (desk: Desk, seq: number, instance: string): Promise<void> => {
  const ceo = { issuer: "corp", subject: "ceo", kind: "user", person: "ceo", credential: "page" };
  const meta = JSON.stringify({ at: 1, callId, handler: "pay", instance, key: "k", principal: ceo, seq, type: "call.started" });
  await desk.sql(
    "insert into audit_event (chain, seq, at, type, call_id, meta, body_hash, hash) values (1, ?, 1, 'call.started', ?, ?, '', '')",
    seq,
    callId,
    meta,
  );
};

const instanceGone = (desk: Desk, instance: string, floor: number) =>
  desk.sql("insert into audit_instance (instance, lease_until, floor_seq) values (?, 1, ?)", instance, floor);

const unknowns = async (desk: Desk) =>
  ((await desk.sql("select meta from audit_event where type = 'call.unknown'")) as { meta: string }[]).map(
    ({ meta }) => JSON.parse(meta) as { callId: string },
  );

const withBody = async (desk: Desk) =>
  (
    (await desk.sql("select seq, body, salt from audit_event where body is not null order by seq limit 1")) as {
      seq: number;
      body: string;
      salt: string;
    }[]
  )[0] ?? { seq: 0, body: "", salt: "" };

onBothDialects((claim, dialect) => {
  claim("Quater prunes unchanged events of the trail up to the newest checkpoint in the sink", async (on) => {
    const { desk, pruneAll, verified } = await maintained(on);
    const before = await seqs(desk);
    const removed = await pruneAll();
    expect(removed).toBeGreaterThan(20);
    expect(removed).toBeLessThan(before.length);
    expect((await seqs(desk))[0]).toBe(removed + 1);
    expect(await verified()).toEqual([]);
    expect(await pruneAll()).toBe(0);
  });

  claim("S3: Quater never prunes the filing event of an open approval request, and the approval stays usable", async (on) => {
    const { desk, pruneAll, trail, verified } = await maintained(on);
    const id = await desk.approved(robot, { cents: 6 });
    const waiting = await desk.file(robot, { cents: 7 });
    const [filed] = await desk.events(id);
    trail.checkpoints.make();
    await trail.writer.flush(10_000);
    const files = async () => (await seqs(desk))[0];
    // The request for 5 was filed first, and is open.
    await pruneAll();
    expect(await files()).toBeLessThan(filed?.seq ?? 0);
    const pending = await desk.approvals.list(people.bea, { states: ["pending"] });
    await desk.approvals.cancel(robot, "direct", pending.at(-1)?.id ?? "");
    await pruneAll();
    expect(await files()).toBe(filed?.seq);
    expect(await verified()).toEqual([]);
    const again = await on.again();
    expect((await again.call(robot, { cents: 6 })).ok).toBe(true);
    await again.vote(people.bea, waiting);
    await pruneAll();
    expect(await files()).toBe((await desk.events(waiting))[0]?.seq);
    expect((await again.call(robot, { cents: 7 })).ok).toBe(true);
  });

  claim(
    "S1: Quater does not prune events whose column `at` was changed to an earlier time, and names the first event",
    async (on) => {
      const { desk, pruneAll, verified } = await maintained(on);
      await desk.sql("update audit_event set at = 1 where seq between 1 and 9");
      const before = await seqs(desk);
      await expect(pruneAll(Date.now() - 3_600_000)).rejects.toThrow(
        "Event 1 has columns that differ from its meta column. Run `quater audit verify`",
      );
      expect(await seqs(desk)).toEqual(before);
      expect((await verified())?.[0]).toEqual(["altered", 1]);
    },
  );

  claim("S1: pruning of the trail stops before an old event that was changed, deleted or added", async (on) => {
    const { desk, pruneAll, verified } = await maintained(on);
    const before = await seqs(desk);
    const [row] = (await desk.sql("select * from audit_event where seq = 7")) as Record<string, unknown>[];
    await desk.sql("update audit_event set meta = replace(meta, 'robot', 'rubot') where seq = 7");
    await expect(pruneAll()).rejects.toThrow("Event 7 was changed after it was written, or does not follow the event before it");
    await desk.sql("delete from audit_event where seq = 7");
    await expect(pruneAll()).rejects.toThrow("Event 8 was changed after it was written, or does not follow the event before it");
    const names = Object.keys(row ?? {});
    const insert = (cells: Record<string, unknown>) =>
      desk.sql(
        `insert into audit_event (${names.join(", ")}) values (${names.map(() => "?").join(", ")})`,
        ...names.map((name) => cells[name]),
      );
    await insert(row ?? {});
    if (dialect === "sqlite") {
      await insert({ ...row, seq: 7.5 });
      await expect(pruneAll()).rejects.toThrow("The store must have exactly the events 1 to");
      expect((await verified())?.map(([kind]) => kind)).toContain("orphan");
      await desk.sql("delete from audit_event where seq = 7.5");
    }
    expect((await seqs(desk)).slice(0, before.length)).toEqual(before);
    expect(await pruneAll()).toBeGreaterThan(20);
  });

  claim("S1: pruning of the trail stops at an event body that is missing without an erasure", async (on) => {
    const { desk, trail, pruneAll, verified } = await maintained(on);
    const { seq, body, salt } = await withBody(desk);
    await desk.sql("update audit_event set body = null, salt = null where seq = ?", seq);
    await expect(pruneAll()).rejects.toThrow(`The body of event ${seq} is missing, and no event records that it was erased`);
    expect(await verified()).toEqual([["missing", seq]]);
    await trail.record({ events: [{ fields: { type: "audit.erased", detail: { bodies: [[seq, seq]] } } }] });
    expect(await verified()).toEqual([]);
    await desk.sql("update audit_event set body = ?, salt = ? where seq = ?", body, salt, seq);
    await expect(pruneAll()).rejects.toThrow(`The body of event ${seq} was erased, but the store has a body for it again`);
    await desk.sql("update audit_event set body = null, salt = null where seq = ?", seq);
    expect(await pruneAll()).toBeGreaterThan(20);
    expect(await verified()).toEqual([]);
  });

  claim("S1: pruning of the trail reads from the sink, and not from the store, which events the sink attests", async (on) => {
    const { desk, sink, pruneAll, verified } = await maintained(on);
    await desk.sql("update audit_sink set size = 1000000");
    const text = readFileSync(sink, "utf8");
    writeFileSync(sink, "");
    expect(await pruneAll()).toBe(0);
    const first = text.split("\n").findIndex((line) => line.includes('"audit.checkpoint"'));
    const [, size = "0"] = /"size":(\d+)/.exec(text.split("\n")[first] ?? "") ?? [];
    // Lines that the key did not sign do not count.
    writeFileSync(
      sink,
      `${text
        .split("\n")
        .slice(0, first + 1)
        .join("\n")}\n`,
    );
    appendFileSync(sink, `${(text.split("\n")[first] ?? "").replace(`"size":${size}`, '"size":1000000')}\n`);
    expect(await pruneAll()).toBe(Number(size));
    writeFileSync(sink, text);
    expect(await verified()).toEqual([]);
  });

  claim("S1: copies of old lines at the end of a sink do not stop the pruning of the trail", async (on) => {
    const { sink, pruneAll, verified } = await maintained(on);
    const lines = readFileSync(sink, "utf8").split("\n").filter(Boolean);
    const numbers = lines.map((line) => Number(/"(?:seq|size)":(\d+)/.exec(line)?.[1]));
    // The lowest line attests hardly any event.
    appendFileSync(sink, `${lines[numbers.indexOf(Math.min(...numbers))]}\n`.repeat(3));
    expect(await pruneAll()).toBe(Math.max(...numbers));
    expect(await verified()).toEqual([]);
  });

  claim("S2: Quater does not record a forged start of a call as a lost call", async (on) => {
    const { desk, sweep } = await maintained(on);
    const last = (await seqs(desk)).at(-1) ?? 0;
    await plant(desk, last + 1_000, "planted");
    await instanceGone(desk, "planted", last - 3);
    expect(await sweep()).toBe(0);
    await desk.sql("delete from audit_event where seq = ?", last + 1_000);
    await desk.sql("delete from audit_event where seq = 8");
    await plant(desk, 8, "planted");
    await instanceGone(desk, "planted", 7);
    await expect(sweep()).rejects.toThrow("Run `quater audit verify`");
    expect(await unknowns(desk)).toEqual([]);
  });

  claim("S2: Quater records a lost call even when an attacker inserts a process row that names forged events", async (on) => {
    const { desk, sweep, newTrail } = await maintained(on);
    const killed = await newTrail();
    await killed.record({ events: [{ fields: { type: "call.started", callId, handler: "pay" } }] });
    await desk.sql("update audit_instance set lease_until = 1 where instance = ?", killed.instance);
    await desk.sql("update audit_event set meta = replace(meta, 'robot', 'rubot') where seq = 7");
    await instanceGone(desk, "000000000000", 0);
    await expect(sweep()).rejects.toThrow("Event 7 was changed after it was written");
    expect(await unknowns(desk)).toMatchObject([{ callId, detail: { startedBy: killed.instance } }]);
  });

  claim("S2: audit verify reports a lost call when the row of its process was deleted", async (on) => {
    const { desk, sweep, newTrail, verified } = await maintained(on);
    const killed = await newTrail();
    const started = (id: string) => killed.record({ events: [{ fields: { type: "call.started", callId: id, handler: "pay" } }] });
    await started("ended");
    await killed.record({ events: [{ fields: { type: "call.ended", callId: "ended", handler: "pay" } }] });
    const receipt = await started(callId);
    const { seq } = receipt as { seq: number };
    expect(await verified()).toEqual([]);
    const row = (await desk.sql("select * from audit_instance where instance = ?", killed.instance))[0] as InstanceRow;
    await desk.sql("delete from audit_instance where instance = ?", killed.instance);
    expect(await sweep()).toBe(0);
    expect(await verified()).toEqual([["missing", seq]]);
    // The row was there again, and names an event behind the start.
    await instanceGone(desk, killed.instance, seq + 1);
    expect(await sweep()).toBe(0);
    expect(await verified()).toEqual([["missing", seq]]);
    await instanceGone(desk, killed.instance, row.floor_seq);
    expect(await sweep()).toBe(1);
    expect(await verified()).toEqual([]);
  });

  claim("S2: Quater keeps the row of a process that stops while a call runs, and records the call as lost", async (on) => {
    const { desk, sweep, newTrail, verified } = await maintained(on);
    const stopping = await newTrail();
    await stopping.record({ events: [{ fields: { type: "call.started", callId, handler: "pay" } }] });
    await stopping.stop(true);
    expect(await verified()).toEqual([]);
    await desk.sql("update audit_instance set lease_until = 1 where instance = ?", stopping.instance);
    expect(await sweep()).toBe(1);
    expect(await unknowns(desk)).toMatchObject([{ callId, detail: { startedBy: stopping.instance } }]);
    expect(await verified()).toEqual([]);
    const { instance } = stopping;
    const another = await newTrail();
    await another.record({ events: [{ fields: { type: "call.started", callId, handler: "pay" } }] });
    await another.stop(true);
    await desk.sql("delete from audit_instance where instance in (?, ?)", instance, another.instance);
    expect((await verified())?.map(([kind]) => kind)).toEqual(["missing"]);
  });

  claim("S2: a call whose end event an attacker hides does not get a second end event", async (on) => {
    const { desk, sweep, verified } = await maintained(on);
    const [end] = (await desk.sql(
      "select seq, call_id, meta from audit_event where type = 'call.ended' order by seq limit 1",
    )) as {
      seq: number;
      call_id: string;
      meta: string;
    }[];
    const { instance } = JSON.parse(end?.meta ?? "") as { instance: string };
    await desk.sql("update audit_event set call_id = 'x', type = 'call.refused' where seq = ?", end?.seq);
    await instanceGone(desk, instance, 0);
    await expect(sweep()).rejects.toThrow(`Event ${end?.seq} has columns that differ`);
    expect(await unknowns(desk)).toEqual([]);
    expect(await verified()).toEqual([["altered", end?.seq]]);
    // The name of the process must be the same, and not only like it.
    await desk.sql("update audit_event set call_id = ?, type = 'call.ended' where seq = ?", end?.call_id, end?.seq);
    await instanceGone(desk, "%", 0);
    expect(await sweep()).toBe(0);
    expect(await unknowns(desk)).toEqual([]);
  });
});
