// Changes by somebody with the store and without the keys are found and named,
// and what nobody touched is never blamed.

import { createHmac, randomBytes } from "node:crypto";
import { copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { headMac, Keyed } from "../../../plugins/audit/log/chain.ts";
import type { EventRow } from "../../../plugins/audit/log/event.ts";
import { rotateKeys } from "../../../plugins/audit/log/keys.ts";
import type { HeadRow } from "../../../plugins/audit/log/tables.ts";
import type { DamageKind } from "../../../plugins/audit/verify/damage.ts";
import { openSqlite, type SqliteFile } from "../../../plugins/store/sqlite.ts";
import { tempFolder } from "./kit.ts";
import { keyFileIn, type OpenTrail, trailAt, verifyAt } from "./ledger-kit.ts";

const runs = Number(process.env["QUATER_SOAK_TAMPERS"] ?? 200);
const cleanRuns = Number(process.env["QUATER_SOAK_CLEAN"] ?? 200);

const folder = tempFolder();
afterAll(() => folder[Symbol.dispose]());
const base = join(folder.root, "base");
const work = join(folder.root, "work");
const held = join(folder.root, "held.jsonl");
/** Histories that the app itself, with its keys, wrote from an earlier copy of the store. */
const forks = [0, 1, 2].map((n) => join(folder.root, `fork-${n}`));
const size = 120;
const forkedAt = 60;

const call = async ({ ledger }: OpenTrail, n: number): Promise<void> => {
  const about = { callId: `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`, handler: "refund", surface: "http" };
  const body = n % 3 === 0 ? {} : { body: JSON.stringify({ args: { n, note: `größe ${n}` } }) };
  await ledger.write([
    { events: [{ fields: { ...about, type: "call.started" }, ...body }] },
    { events: [{ fields: { ...about, type: "call.ended", outcome: "succeeded", durationMs: n } }] },
  ]);
};

const copy = (from: string, to: string): void => {
  rmSync(to, { recursive: true, force: true });
  mkdirSync(to);
  for (const name of readdirSync(from)) if (!name.endsWith("-shm")) copyFileSync(join(from, name), join(to, name));
};

beforeAll(async () => {
  mkdirSync(base);
  const lines: string[] = [];
  let trail = await trailAt(base);
  for (let n = 0; trail.ledger.head.seq < forkedAt; n++) {
    await call(trail, n);
    if (n % 10 === 9) lines.push(await trail.checkpoint());
  }
  await trail.close();
  for (const fork of forks) copy(base, fork);
  trail = await trailAt(base);
  for (let n = 100; trail.ledger.head.seq < size; n++) {
    await call(trail, n);
    if (n % 10 === 9) lines.push(await trail.checkpoint());
  }
  lines.push(await trail.checkpoint());
  await trail.close();
  writeFileSync(held, lines.join(""));
  for (const [index, fork] of forks.entries()) {
    const other = await trailAt(fork);
    for (let n = 0; n < 40 * (index + 1); n++) await call(other, 1_000 + n);
    await other.close();
  }
});

type Rows = readonly EventRow[];
interface Tools {
  readonly sql: (sql: string, ...parameters: readonly unknown[]) => number;
  readonly rows: Rows;
  readonly head: HeadRow;
  /** A whole number from 0 to below `below`. */
  readonly pick: (below: number) => number;
}

const put = ({ sql }: Tools, row: EventRow): void => {
  const { at, type, call_id, meta, body, salt, body_hash, hash, seq } = row;
  sql(
    "update audit_event set at=?, type=?, call_id=?, meta=?, body=?, salt=?, body_hash=?, hash=? where seq=?",
    ...[at, type, call_id, meta, body, salt, body_hash, hash, seq],
  );
};

const anyRow = ({ rows, pick }: Tools): EventRow => rows[pick(rows.length)] as EventRow;
const withBody = ({ rows, pick }: Tools): EventRow => {
  const some = rows.filter(({ body }) => body !== null);
  return some[pick(some.length)] as EventRow;
};
/** Not the last: without it the trail is shorter, which is another kind. */
const inside = ({ rows, pick }: Tools): EventRow => rows[pick(rows.length - 1)] as EventRow;

const changed = (text: string, at: number): string => {
  const next = String.fromCharCode(text.charCodeAt(at) === 55 ? 56 : 55);
  return `${text.slice(0, at)}${next}${text.slice(at + 1)}`;
};

/** Each does its harm and names the event concerned, where there is one. */
const tampers: Readonly<Record<string, { readonly kind: DamageKind; readonly act: (tools: Tools) => number | undefined }>> = {
  "change an event": {
    kind: "altered",
    act: (tools) => {
      const row = anyRow(tools);
      const at = row.meta.indexOf('"instance":"') + 12 + tools.pick(10);
      put(tools, { ...row, meta: changed(row.meta, at) });
      return row.seq;
    },
  },
  "change a body": {
    kind: "altered",
    act: (tools) => {
      const row = withBody(tools);
      put(tools, { ...row, body: changed(row.body ?? "", tools.pick(row.body?.length ?? 1)) });
      return row.seq;
    },
  },
  "change a body and its hash": {
    kind: "altered",
    act: (tools) => {
      const row = withBody(tools);
      const body_hash = createHmac("sha256", "x").update(String(row.body)).digest("hex");
      put(tools, { ...row, body: '{"args":{}}', body_hash });
      return row.seq;
    },
  },
  "give an event a body": {
    kind: "altered",
    act: (tools) => {
      const none = tools.rows.filter(({ body, type }) => body === null && type === "call.ended");
      const row = none[tools.pick(none.length)] as EventRow;
      put(tools, { ...row, body: '{"args":{}}', salt: "00".repeat(16) });
      return row.seq;
    },
  },
  "delete events": {
    kind: "missing",
    act: (tools) => {
      const row = inside(tools);
      const last = Math.min(row.seq + tools.pick(5), tools.rows.length - 1);
      tools.sql("delete from audit_event where seq between ? and ?", row.seq, last);
      return row.seq;
    },
  },
  "insert an event": {
    kind: "orphan",
    act: (tools) => {
      const { at, type, call_id, meta, hash } = anyRow(tools);
      const seq = tools.head.seq + 1 + tools.pick(3);
      tools.sql("insert into audit_event values (1,?,?,?,?,?,null,null,?,?)", seq, at, type, call_id, meta, "0".repeat(64), hash);
      return seq;
    },
  },
  "swap two events": {
    kind: "reordered",
    act: (tools) => {
      const first = tools.pick(tools.rows.length - 1);
      const second = first + 1 + tools.pick(tools.rows.length - first - 1);
      const [a, b] = [tools.rows[first] as EventRow, tools.rows[second] as EventRow];
      put(tools, { ...b, seq: a.seq });
      put(tools, { ...a, seq: b.seq });
      return a.seq;
    },
  },
  "cut the tail": {
    kind: "truncated",
    act: (tools) => {
      const keep = 1 + tools.pick(tools.rows.length - 2);
      tools.sql("delete from audit_event where seq > ?", keep);
      return keep + 1;
    },
  },
  "cut the tail and set the head back": {
    kind: "truncated",
    act: (tools) => {
      const keep = 1 + tools.pick(tools.rows.length - 3);
      tools.sql("delete from audit_event where seq > ?", keep);
      tools.sql("update audit_head set seq = ?, hash = ?", keep, tools.rows[keep - 1]?.hash);
      return undefined;
    },
  },
  "delete the head": {
    kind: "truncated",
    act: ({ sql }) => {
      sql("delete from audit_head");
      return undefined;
    },
  },
  "chain it anew without the key": {
    kind: "altered",
    act: (tools) => {
      const from = tools.pick(tools.rows.length);
      const keyed = new Keyed(randomBytes(32));
      let previous = tools.rows[from - 1]?.hash ?? tools.head.floor_hash;
      for (const row of tools.rows.slice(from)) {
        const meta = row.meta.replace('"instance":"0', '"instance":"1');
        previous = keyed.ofEvent(1, row.seq, previous, meta, row.body_hash);
        put(tools, { ...row, meta, hash: previous });
      }
      const moved = { ...tools.head, hash: previous };
      const [id] = tools.head.mac.split(":");
      tools.sql("update audit_head set hash = ?, mac = ?", previous, `${id}:${headMac(keyed, moved)}`);
      return tools.rows[from]?.seq;
    },
  },
  "erase without a record": {
    kind: "missing",
    act: (tools) => {
      const row = withBody(tools);
      put(tools, { ...row, body: null, salt: null });
      return row.seq;
    },
  },
  "edit a column": {
    kind: "altered",
    act: (tools) => {
      const row = anyRow(tools);
      const edits: readonly Partial<EventRow>[] = [
        { at: row.at + 1 },
        { type: row.type === "call.ended" ? "call.refused" : "call.ended" },
        { call_id: row.call_id === "" ? "x" : changed(row.call_id, tools.pick(36)) },
        { hash: changed(row.hash, tools.pick(64)) },
      ];
      put(tools, { ...row, ...edits[tools.pick(edits.length)] });
      return row.seq;
    },
  },
  "move an event behind the end": {
    kind: "orphan",
    act: (tools) => {
      const row = inside(tools);
      tools.sql("update audit_event set seq = ? where seq = ?", tools.head.seq + 5, row.seq);
      return tools.head.seq + 5;
    },
  },
  "prune without a record": {
    kind: "missing",
    act: (tools) => {
      const through = 1 + tools.pick(tools.rows.length - 2);
      tools.sql("delete from audit_event where seq <= ?", through);
      return 1;
    },
  },
};

const read = (file: SqliteFile) => {
  const [events] = file.run([{ sql: "select * from audit_event order by seq", parameters: [] }]);
  const [head] = file.run([{ sql: "select * from audit_head", parameters: [] }]);
  return { rows: (events?.rows ?? []) as Rows, head: head?.rows[0] as HeadRow };
};

test("audit verify reports a trail that nobody has changed as whole and as equal to the sink", async () => {
  copy(base, work);
  expect(await verifyAt(work, [held])).toMatchObject({ isWhole: true, damage: [], compared: expect.any(Number) });
  for (const fork of forks) expect((await verifyAt(fork)).isWhole).toBe(true);
});

test(`audit verify finds every kind of change of the trail at the right event, in ${runs} runs`, async () => {
  const seen = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...Object.keys(tampers)), fc.infiniteStream(fc.nat()), async (name, numbers) => {
      copy(base, work);
      const file = openSqlite(join(work, "trail.db"));
      const pick = (below: number) => (numbers.next().value as number) % below;
      const sql = (text: string, ...parameters: readonly unknown[]) => file.run([{ sql: text, parameters }])[0]?.changes ?? 0;
      const tamper = tampers[name];
      const seq = tamper?.act({ sql, pick, ...read(file) });
      file.close();
      const { damage } = await verifyAt(work, [held]);
      const right = damage.filter(({ kind }) => kind === tamper?.kind);
      expect(right, `${name} at ${seq}: ${JSON.stringify(damage)}`).not.toEqual([]);
      if (seq !== undefined)
        expect(
          right.map((found) => found.seq),
          name,
        ).toContain(seq);
      seen.set(name, (seen.get(name) ?? 0) + 1);
    }),
    { numRuns: runs, ...(runs > 1_000 ? {} : { seed: 4 }) },
  );
  expect([...seen.keys()].sort()).toEqual(Object.keys(tampers).sort());
}, 3_600_000);

test("audit verify finds with the sink that the app wrote other events after a return to an earlier copy of the store", async () => {
  for (const fork of forks) {
    const { damage } = await verifyAt(fork, [held]);
    expect(damage.map(({ kind }) => kind)).toContain("forked");
  }
});

test("audit verify finds only with the sink that the store was replaced by an earlier copy", async () => {
  copy(base, work);
  const trail = await trailAt(work);
  await call(trail, 5_000);
  const elsewhere = join(folder.root, "later.jsonl");
  writeFileSync(elsewhere, await trail.checkpoint());
  await trail.close();
  expect((await verifyAt(work, [elsewhere])).isWhole).toBe(true);
  copy(base, work);
  expect((await verifyAt(work)).isWhole).toBe(true);
  expect((await verifyAt(work, [elsewhere])).damage).toMatchObject([{ kind: "truncated" }]);
});

test("audit verify reports checkpoints of another checkpoint key as unsigned, also in the sink", async () => {
  copy(base, work);
  rotateKeys(keyFileIn(work));
  expect((await verifyAt(work, [held])).isWhole).toBe(true); // rotated keys still verify
  const strange = join(folder.root, "strange");
  mkdirSync(strange);
  const other = await trailAt(strange);
  await call(other, 1);
  const line = await other.checkpoint();
  await other.close();
  const file = join(folder.root, "strange.jsonl");
  writeFileSync(file, line);
  expect((await verifyAt(base, [file])).damage.map(({ kind }) => kind)).toEqual(["unsigned"]);
});

const anyBody = fc.option(fc.dictionary(fc.string(), fc.oneof(fc.string({ unit: "binary" }), fc.integer(), fc.boolean())), {
  nil: undefined,
});
const anyEvent = fc.record({
  callId: fc.uuid(),
  handler: fc.string({ unit: "binary", minLength: 1, maxLength: 20 }),
  peer: fc.string({ maxLength: 20 }),
  body: anyBody,
});
const anyStep = fc.oneof(
  { weight: 8, arbitrary: fc.array(anyEvent, { minLength: 1, maxLength: 20 }) },
  { weight: 1, arbitrary: fc.constantFrom("checkpoint" as const, "reopen" as const, "rotate" as const) },
  { weight: 1, arbitrary: fc.record({ erase: fc.nat() }) },
);

test(`audit verify reports no damage for ${cleanRuns} undamaged trails`, async () => {
  let n = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { maxLength: 12 }), async (steps) => {
      const root = join(folder.root, `clean-${n++}`);
      mkdirSync(root);
      let trail = await trailAt(root);
      for (const step of steps) {
        if (step === "checkpoint") await trail.checkpoint();
        else if (step === "reopen" || step === "rotate") {
          await trail.close();
          if (step === "rotate") rotateKeys(keyFileIn(root));
          trail = await trailAt(root);
        } else if (Array.isArray(step)) {
          await trail.ledger.write([
            {
              events: step.map(({ body, ...fields }) => ({
                fields: { type: "call.ended" as const, ...fields },
                ...(body === undefined ? {} : { body: JSON.stringify({ args: body }) }),
              })),
            },
          ]);
        } else await eraseOne(trail, step.erase);
      }
      await trail.close();
      expect((await verifyAt(root)).damage).toEqual([]);
    }),
    { numRuns: cleanRuns },
  );
}, 3_600_000);

const eraseOne = async ({ ledger, store }: OpenTrail, which: number): Promise<void> => {
  const { events } = ledger.queries;
  const rows = await store.read<{ seq: number }>(events.select("seq").where("body", "is not", null).orderBy("seq"));
  const seq = rows[which % Math.max(1, rows.length)]?.seq;
  if (seq === undefined) return;
  await ledger.write([
    {
      changes: [{ sql: "update audit_event set body = null, salt = null where seq = ?", parameters: [seq], expects: 1 }],
      events: [{ fields: { type: "audit.erased", detail: { bodies: [[seq, seq]] } } }],
    },
  ]);
};
