// An attacker who can write to the store, and has no keys, makes several random changes at once. For every change, `verify`
// finds them, with kind and place, as long as they have an effect. On half of the rounds Quater then looks after the trail:
// it prunes, sweeps lost calls or erases, or refuses to. The change must still be found afterwards. The numbers are those of CI;
// `npm run soak` makes all of them on each database.

import { copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EventFields } from "../../../plugins/audit/log/event.ts";
import { openSqlite, type SqliteFile } from "../../../plugins/store/sqlite.ts";
import { type TestPostgres, testPostgres } from "../store/postgres.ts";
import { tempFolder } from "./kit.ts";
import { type OpenTrail, trailAt, verifyAt } from "./ledger-kit.ts";
import { type Maintenance, maintain } from "./maintenance-kit.ts";

/** How many on each database. */
const changes = Number(process.env["QUATER_SOAK_ATTACKS"] ?? 500);
const far = 9_000_000_000_000;

const folder = tempFolder();
afterAll(() => folder[Symbol.dispose]());

const columns = ["chain", "seq", "at", "type", "call_id", "meta", "body", "salt", "body_hash", "hash"] as const;
const texts = ["type", "call_id", "meta", "body", "salt", "body_hash", "hash"] as const;
type Cells = Record<(typeof columns)[number], unknown>;
type Head = Record<string, unknown>;

interface State {
  readonly rows: readonly Cells[];
  readonly head: readonly Head[];
}

/** Copies that the attacker made earlier: an authentic head and authentic rows, erased bodies included. */
let older: State[] = [];

const request = async ({ ledger }: OpenTrail, n: number): Promise<void> => {
  const approvalId = `apr_${n}`;
  const rules = { approvers: [{ role: "finance", need: 1 }] };
  const bea = { credential: "c", issuer: "i", kind: "user", person: "bea", subject: "bea" } as const;
  const events: readonly EventFields[] = [
    { type: "approval.filed", approvalId, detail: { digest: `sha256:${n}`, pendingUntil: far, rules } },
    { type: "approval.voted", approvalId, principal: bea, detail: { verdict: "approve", roles: ["finance"] } },
    { type: "approval.approved", approvalId, detail: { usableUntil: far } },
    { type: "approval.used", approvalId },
  ];
  for (const fields of events) await ledger.write([{ events: [{ fields }] }]);
  const about = { callId: `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`, handler: "refund", approvalId };
  const body = JSON.stringify({ args: { n, note: `größe ${n}` } });
  await ledger.write([{ events: [{ fields: { ...about, type: "call.started" }, body }] }]);
  await ledger.write([{ events: [{ fields: { ...about, type: "call.ended", outcome: "succeeded" } }] }]);
};

const erase = async ({ ledger }: OpenTrail, seq: number): Promise<void> => {
  const sql = "update audit_event set body = null, salt = null where seq = ?";
  await ledger.write([
    {
      changes: [{ sql, parameters: [seq], expects: 1 }],
      events: [{ fields: { type: "audit.erased", detail: { bodies: [[seq, seq]] } } }],
    },
  ]);
};

type Pick = (below: number) => number;
type Attack = (rows: Cells[], head: Head[], pick: Pick) => void;

const one = <Value>(values: readonly Value[], pick: Pick): Value => values[pick(values.length)] as Value;

/** Each changes rows in memory; the whole is written to the store at once. */
const attacks: Readonly<Record<string, Attack>> = {
  "delete a row": (rows, _, pick) => void rows.splice(pick(rows.length), 1),
  "delete the newest rows": (rows, _, pick) => void rows.splice(rows.length - 1 - pick(8)),
  "insert a row": (rows, _, pick) => void rows.push({ ...one(rows, pick), seq: pick(400) - 20, chain: 1 + pick(2) }),
  "duplicate a row under a number that is not an integer": (rows, _, pick) => {
    const row = one(rows, pick);
    rows.push({ ...row, seq: one([`${row.seq}x`, Number(row.seq) + 0.5], pick) });
  },
  "swap two rows": (rows, _, pick) => {
    const [a, b] = [one(rows, pick), one(rows, pick)];
    [a.seq, b.seq] = [b.seq, a.seq];
  },
  "move the end of a cell into another cell": (rows, _, pick) => {
    const [from, to] = [one(rows, pick), one(rows, pick)];
    const [source, target] = [one(texts, pick), one(texts, pick)];
    const text = String(from[source] ?? "");
    const at = pick(text.length + 1);
    const moved = pick(2) === 0 ? text.slice(at) : Buffer.from(text.slice(at)).toString("hex");
    from[source] = text.slice(0, at);
    to[target] = pick(2) === 0 ? `${to[target] ?? ""}${moved}` : `${moved}${to[target] ?? ""}`;
  },
  "hide a row behind a cell of its neighbour": (rows, _, pick) => {
    const at = 1 + pick(rows.length - 1);
    const [before, hidden] = [rows[at - 1] as Cells, rows[at] as Cells];
    const name = one(texts, pick);
    const separators = ["\u001f", "\u001e", "\u001d", ","];
    before[name] = `${before[name] ?? ""}${one(separators, pick)}${Object.values(hidden).join(one(separators, pick))}`;
    rows.splice(at, 1);
  },
  "edit a cell": (rows, _, pick) => {
    const row = one(rows, pick);
    const name = one(texts, pick);
    const text = String(row[name] ?? "");
    const at = pick(text.length + 1);
    row[name] = `${text.slice(0, at)}${one(["", "x", "0", '"', "\u0000", "\u001b", "é"], pick)}${text.slice(at + pick(3))}`;
  },
  "empty a cell": (rows, _, pick) => {
    const row = one(rows, pick);
    row[one(["body", "salt"] as const, pick)] = one([null, ""], pick);
  },
  "store another type": (rows, _, pick) => {
    const row = one(rows, pick);
    const name = one(columns.slice(2), pick);
    row[name] = one([Buffer.from(String(row[name])), 7, 1.5, Buffer.from([0xff, 0x00])], pick);
  },
  "change a time": (rows, _, pick) => {
    const row = one(rows, pick);
    row.at = Number(row.at) + pick(5) - 2;
  },
  "put back an older copy of a row": (rows, _, pick) => {
    const copied = one(one(older, pick).rows, pick);
    const at = rows.findIndex(({ seq }) => seq === copied.seq);
    if (at < 0) rows.push({ ...copied });
    else rows[at] = { ...copied };
  },
  "put back the events of one request": (rows, _, pick) => {
    const id = `"apr_${pick(12)}"`;
    const kept = rows.filter(({ meta }) => !String(meta).includes(id));
    const copied = one(older, pick).rows.filter(({ meta }) => String(meta).includes(id));
    rows.splice(0, rows.length, ...kept, ...copied.map((row) => ({ ...row })));
  },
  "put back an older head": (_, head, pick) => void head.splice(0, 1, { ...one(one(older, pick).head, pick) }),
  "put back the whole store": (rows, head, pick) => {
    const copied = one(older, pick);
    rows.splice(0, rows.length, ...copied.rows.map((row) => ({ ...row })));
    head.splice(0, 1, { ...(copied.head[0] as Head) });
  },
  "change the head": (rows, head, pick) => {
    const row = one(rows, pick);
    Object.assign(
      head[0] ?? {},
      one<Head>(
        [
          { seq: row.seq, hash: row.hash },
          { floor_seq: row.seq, floor_hash: row.hash },
          { format: 1 },
          { approval_seq: row.seq },
        ],
        pick,
      ),
    );
  },
  "hand the approval of one request to another": (rows, _, pick) => {
    const [from, to] = [`"apr_${pick(12)}"`, `"apr_${pick(12)}"`];
    for (const row of rows) if (String(row.type).startsWith("approval.")) row.meta = String(row.meta).replaceAll(from, to);
  },
};

/** A store that an attacker writes to. */
interface Target {
  /** Where the trail is made, with its keys. */
  readonly base: string;
  readonly url: string | undefined;
  readonly stateOf: () => Promise<State>;
  /** Puts a state in place of the store's own. @returns Where its keys are, and whether it is another one than `untouched`. */
  readonly put: (state: State) => Promise<{ readonly root: string; readonly hasEffect: boolean }>;
  /** Runs a statement on the base. */
  readonly sql: (text: string) => Promise<unknown>;
  readonly close: () => Promise<void>;
}

const onSqlite = (): Target => {
  const [base, work] = [join(folder.root, "base"), join(folder.root, "work")];
  let untouched: string | undefined;
  return {
    base,
    url: undefined,
    stateOf: async () => inFile(base, stateIn),
    put: async (state) => {
      untouched ??= inFile(base, exactly);
      copy(base, work);
      const hasEffect = inFile(work, (file) => {
        write(file, state);
        return exactly(file) !== untouched;
      });
      return { root: work, hasEffect };
    },
    sql: async (text) => inFile(base, (file) => file.run([{ sql: text, parameters: [] }])),
    close: async () => undefined,
  };
};

const inFile = <Answer>(root: string, use: (file: SqliteFile) => Answer): Answer => {
  const file = openSqlite(join(root, "trail.db"));
  try {
    return use(file);
  } finally {
    file.close();
  }
};

const stateIn = (file: SqliteFile): State => ({
  rows: (file.run([{ sql: "select * from audit_event order by chain, seq", parameters: [] }])[0]?.rows ?? []) as Cells[],
  head: (file.run([{ sql: "select * from audit_head", parameters: [] }])[0]?.rows ?? []) as Head[],
});

const copy = (from: string, to: string): void => {
  rmSync(to, { recursive: true, force: true });
  mkdirSync(to);
  for (const name of readdirSync(from)) if (!name.endsWith("-shm")) copyFileSync(join(from, name), join(to, name));
};

const write = (file: SqliteFile, { rows, head }: State): void => {
  const insert = (table: string, cells: Readonly<Record<string, unknown>>) => {
    const names = Object.keys(cells);
    const values = Object.values(cells).map((value) => (typeof value === "string" ? Buffer.from(value) : value));
    // Text that holds a NUL cannot be bound as text.
    const marks = Object.values(cells).map((value) => (typeof value === "string" ? "cast(? as text)" : "?"));
    return { sql: `insert or replace into ${table} (${names.join(", ")}) values (${marks.join(", ")})`, parameters: values };
  };
  file.whole([
    { sql: "delete from audit_event", parameters: [] },
    { sql: "delete from audit_head", parameters: [] },
    ...rows.map((row) => insert("audit_event", row)),
    ...head.map((row) => insert("audit_head", row)),
  ]);
};

/** Comparable for any text in the cells. */
const textOf = (state: State): string =>
  JSON.stringify([state.rows, state.head], (_, value: unknown) =>
    value instanceof ArrayBuffer ? `blob ${Buffer.from(value).toString("hex")}` : value,
  );

const exactly = (file: SqliteFile): string => {
  const cells = columns.map((name) => `typeof(${name}) || ' ' || hex(cast(${name} as blob))`).join(" || ',' || ");
  const rows = file.run([{ sql: `select coalesce(${cells}, '') as row from audit_event order by chain, seq`, parameters: [] }])[0]
    ?.rows;
  return `${JSON.stringify(rows)} ${textOf({ rows: [], head: stateIn(file).head })}`;
};

const numbers = new Set(["chain", "seq", "at", "floor_seq", "approval_seq", "format"]);
/** What PostgreSQL's columns do not take. */
const ofSqlite = new Set(["duplicate a row under a number that is not an integer", "store another type"]);

const onPostgres = async (url: string): Promise<Target> => {
  const { default: pg } = await import("pg");
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const read = async (table: string, order: string) =>
    ((await client.query(`select * from quater.${table} order by ${order}`)).rows as Head[]).map((row) =>
      Object.fromEntries(Object.entries(row).map(([name, value]) => [name, numbers.has(name) ? Number(value) : value])),
    );
  const stateOf = async (): Promise<State> => ({
    rows: (await read("audit_event", "chain, seq")) as Cells[],
    head: await read("audit_head", "chain"),
  });
  const insert = async (table: string, rows: readonly Head[]) => {
    const [first] = rows;
    if (first === undefined) return;
    const names = Object.keys(first);
    const values = rows.flatMap((row) => names.map((name) => plain(row[name])));
    const marks = rows.map((_, at) => `(${names.map((_, of) => `$${at * names.length + of + 1}`).join(", ")})`).join(", ");
    await client.query(`insert into quater.${table} (${names.join(", ")}) values ${marks}`, values);
  };
  const base = join(folder.root, "postgres");
  let untouched: string | undefined;
  let instances: Head[] = [];
  return {
    base,
    url,
    stateOf,
    put: async ({ rows, head }) => {
      if (untouched === undefined) {
        untouched = JSON.stringify(await stateOf());
        instances = (await client.query("select * from quater.audit_instance")).rows as Head[];
      }
      await client.query("begin");
      for (const table of ["audit_event", "audit_head", "audit_instance"]) await client.query(`delete from quater.${table}`);
      await insert("audit_event", [...new Map(rows.map((row) => [`${row.chain} ${row.seq}`, row])).values()]);
      await insert("audit_head", head);
      await insert("audit_instance", instances);
      await client.query("commit");
      return { root: base, hasEffect: JSON.stringify(await stateOf()) !== untouched };
    },
    sql: (text) => client.query(text.replace("audit_instance", "quater.audit_instance")),
    close: () => client.end(),
  };
};

const plain = (value: unknown): unknown => (typeof value === "string" ? value.replaceAll("\0", "?") : value);

describe.each(["sqlite", "postgres"] as const)("audit() works with a store on %s", (dialect) => {
  const sink = join(folder.root, `${dialect}.jsonl`);
  let attested = "";
  let genuine: State = { rows: [], head: [] };
  let server: TestPostgres | string = "not started";
  let target: Target | undefined;

  beforeAll(async () => {
    if (dialect === "postgres") {
      server = await testPostgres();
      if (typeof server === "string") return;
    }
    target = typeof server === "string" ? onSqlite() : await onPostgres(await server.freshUrl());
    const { base, url, stateOf, sql } = target;
    mkdirSync(base);
    older = [];
    const trail = await trailAt(base, { url });
    for (let n = 0; n < 12; n++) {
      await request(trail, n);
      if (n % 4 !== 3) continue;
      attested += await trail.checkpoint();
      older.push(await stateOf());
    }
    await erase(trail, 5);
    // A call that was lost: its process is gone.
    const started = { type: "call.started", callId: "11111111-1111-4111-8111-111111111111", handler: "refund" } as const;
    await trail.ledger.write([{ events: [{ fields: started }] }]);
    attested += await trail.checkpoint();
    await trail.close();
    await sql("insert into audit_instance (instance, lease_until, floor_seq) values ('000000000000', 1, 0)");
    writeFileSync(sink, attested);
    genuine = await stateOf();
  });

  afterAll(async () => {
    await target?.close();
    if (typeof server !== "string") await server.close();
  });

  test("audit verify reports a whole trail when unchanged event rows were deleted and inserted again", async (context) => {
    if (target === undefined) return context.skip(String(server));
    const { url } = target;
    for (const kind of ["prune", "sweep", "erase"] as const) {
      const { root, hasEffect } = await target.put(genuine);
      expect(hasEffect).toBe(false);
      expect((await verifyAt(root, [sink], { url })).damage).toEqual([]);
      expect(await maintain(kind, root, sink, { url })).toBeGreaterThan(0);
      expect((await verifyAt(root, [sink], { url })).damage).toEqual([]);
    }
  });

  test(`S1, S2: audit verify finds several random changes of the trail at once with kind and place, in ${changes} runs`, async (context) => {
    if (target === undefined) return context.skip(String(server));
    const { put, url } = target;
    const names = Object.keys(attacks).filter((name) => dialect === "sqlite" || !ofSqlite.has(name));
    const seen = new Map<string, number>();
    let [counted, refused, done] = [0, 0, 0];
    const found = async (root: string, said: string): Promise<void> => {
      const { isWhole, damage } = await verifyAt(root, [sink], { url });
      const all = `${said}: ${JSON.stringify(damage)}`;
      expect(isWhole, all).toBe(false);
      expect(damage[0]?.kind, all).toMatch(/^(altered|missing|reordered|forked|truncated|unsigned|unproven|orphan)$/);
      // The place: an event, or the head, the beginning, or rows that belong to no event.
      expect(
        damage.some(({ seq, what }) => seq !== undefined || /head|beginning|row/.test(what)),
        all,
      ).toBe(true);
    };
    const attempt = async (chosen: readonly string[], kind: Maintenance | "none", random: Iterator<number>): Promise<void> => {
      const pick: Pick = (below) => (random.next().value as number) % Math.max(1, below);
      const rows = genuine.rows.map((row) => ({ ...row }));
      const head = genuine.head.map((row) => ({ ...row }));
      for (const name of chosen) if (rows.length > 8) attacks[name]?.(rows, head, pick);
      const { root, hasEffect } = await put({ rows, head });
      if (!hasEffect) return;
      counted++;
      for (const name of chosen) seen.set(name, (seen.get(name) ?? 0) + 1);
      await found(root, chosen.join(", "));
      if (kind === "none") return;
      const work = await maintain(kind, root, sink, { url }).catch(() => "refused" as const);
      if (work === "refused") refused++;
      else done++;
      writeFileSync(sink, attested);
      await found(root, `${chosen.join(", ")}, then ${kind} (${work})`);
    };
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: 4 }),
        fc.constantFrom("none" as const, "none" as const, "none" as const, "prune" as const, "sweep" as const, "erase" as const),
        fc.infiniteStream(fc.nat()),
        attempt,
      ),
      { numRuns: changes, ...(changes > 1_000 ? {} : { seed: 11 }) },
    );
    expect([...seen.keys()].sort()).toEqual([...names].sort());
    expect(counted).toBeGreaterThan(changes * 0.9);
    expect(refused).toBeGreaterThan(0);
    expect(done).toBeGreaterThan(0);
    process.stderr.write(`${dialect}: ${counted} changes; maintenance was done after ${done}, and refused after ${refused}\n`);
  }, 7_200_000);
});
