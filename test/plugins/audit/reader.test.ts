// One verified reader: what an attacker with the store and without the keys does to rows is found by `verify`, and marked
// by `tail`, `show` and `export`, which never die on it.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { jsonLine, textBlock, textLine } from "../../../plugins/audit/commands/show.ts";
import type { EventRow } from "../../../plugins/audit/log/event.ts";
import { exportedRow } from "../../../plugins/audit/log/rows.ts";
import type { Damage } from "../../../plugins/audit/verify/damage.ts";
import { each, type Filter, newest, type ReadEvent, trailIn } from "../../../plugins/audit/verify/find.ts";
import { type TestPostgres, testPostgres } from "../store/postgres.ts";
import { tempFolder } from "./kit.ts";
import { keyFileIn, type StoreGiven, storeAt, trailAt, verifyAt } from "./ledger-kit.ts";

let postgres: TestPostgres | string = "not started";
beforeAll(async () => {
  postgres = await testPostgres();
});
afterAll(async () => {
  if (typeof postgres !== "string") await postgres.close();
});

interface Attacked {
  /** As the attacker sees them, by number. */
  readonly rows: ReadonlyMap<number, EventRow>;
  readonly set: (seq: number, cells: Readonly<Record<string, unknown>>) => Promise<void>;
  readonly run: (sql: string) => Promise<void>;
  readonly look: () => Promise<{ readonly damage: readonly Damage[]; readonly found: readonly ReadEvent[] }>;
  /** As `audit show` and `audit tail` find them. */
  readonly find: (filter: Filter) => Promise<{ readonly shown: readonly ReadEvent[]; readonly tailed: readonly ReadEvent[] }>;
  /** Writes events after the twelve. @returns The store's time before them; they are later. */
  readonly more: (events: number) => Promise<number>;
  readonly dialect: "sqlite" | "postgres";
}

/** Twelve events: calls of ana, every second with a body. */
const attacked = async (root: string, given: StoreGiven): Promise<Attacked> => {
  const trail = await trailAt(root, given);
  const principal = { credential: "key:1", issuer: "keys", kind: "user", person: "ana", subject: "ana" } as const;
  for (let n = 1; n <= 6; n++) {
    const about = { callId: `call-${n}`, handler: "refund", principal };
    const body = JSON.stringify({ args: { note: `refund ${n} of an order with a long text` } });
    await trail.ledger.write([
      { events: [{ fields: { ...about, type: "call.started" }, body }, { fields: { ...about, type: "call.ended" } }] },
    ]);
  }
  const rows = await trail.store.read<EventRow>(trail.ledger.queries.after(0, 100));
  const { dialect } = trail.store;
  await trail.close();
  const inStore = async <Answer>(
    use: (store: Awaited<ReturnType<typeof storeAt>>["store"]) => Promise<Answer>,
  ): Promise<Answer> => {
    const { store, close } = await storeAt(root, given);
    try {
      return await use(store);
    } finally {
      await close();
    }
  };
  return {
    dialect,
    rows: new Map(rows.map((row) => [row.seq, row])),
    set: (seq, cells) =>
      inStore(async (store) => {
        const { db } = trail.ledger.queries;
        await store.apply([db.updateTable("audit_event").set(cells).where("seq", "=", seq)]);
      }),
    run: (sql) => inStore(async (store) => void (await store.apply([{ sql, parameters: [] }]))),
    find: (filter) =>
      inStore(async (store) => {
        const trailed = trailIn(store, keyFileIn(root));
        const shown: ReadEvent[] = [];
        for await (const found of each(trailed, filter)) shown.push(found);
        return { shown, tailed: await newest(trailed, filter, 10_000) };
      }),
    more: async (events) => {
      const again = await trailAt(root, given);
      const before = await again.store.now();
      // The clock has milliseconds.
      while ((await again.store.now()) === before);
      await again.ledger.write([{ events: Array.from({ length: events }, () => ({ fields: { type: "audit.gap" as const } })) }]);
      await again.close();
      return before + 1;
    },
    look: async () => ({
      damage: (await verifyAt(root, [], given)).damage,
      found: await inStore((store) => newest(trailIn(store, keyFileIn(root)), {}, 100)),
    }),
  };
};

const marked = (found: readonly ReadEvent[]): readonly number[] =>
  found.filter(({ unverified }) => unverified !== undefined).map(({ row }) => row.seq);

const [cell, line, none] = ["\u001f", "\u001e", "\u001d"];
const textOf = ({ seq, at, type, call_id, meta, body, salt, body_hash, hash }: EventRow): string =>
  [seq, at, `=${type}`, `=${call_id}`, meta, body ?? none, salt ?? none, body_hash, hash].join(cell);

describe.each(["sqlite", "postgres"] as const)("audit() works with a store on %s", (dialect) => {
  const claim = (title: string, prove: (attack: Attacked) => Promise<void>) =>
    test(title, async (context) => {
      if (dialect === "postgres" && typeof postgres === "string") return context.skip(postgres);
      using folder = tempFolder();
      const root = join(folder.root, "trail");
      mkdirSync(root);
      await prove(await attacked(root, dialect === "sqlite" ? {} : { url: await (postgres as TestPostgres).freshUrl() }));
    });

  claim(
    "S1: a changed column of an event row hides no event from quater audit tail --call and --since",
    async ({ rows, set, find }) => {
      await set(3, { call_id: "call-9" });
      await set(5, { call_id: "call-2" });
      await set(12, { at: 1 });
      const [ofCall, since] = [await find({ call: "call-2" }), await find({ since: rows.get(1)?.at ?? 0 })];
      for (const found of [ofCall.shown, ofCall.tailed]) {
        expect(found.map(({ row }) => row.seq)).toEqual([3, 4, 5]);
        expect(marked(found)).toEqual([3, 5]);
      }
      for (const found of [since.shown, since.tailed]) {
        expect(found.map(({ row }) => row.seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
        expect(marked(found)).toEqual([3, 5, 12]);
      }
    },
  );

  claim(
    "S1: quater audit tail --since finds the first event of a long trail by the verified time",
    async ({ set, find, more }) => {
      await more(1_200);
      const since = await more(1_500);
      await set(1_213, { at: 1 });
      await set(2_000, { at: 1 });
      const { shown, tailed } = await find({ since });
      for (const found of [shown, tailed]) {
        expect([found.length, found[0]?.row.seq, found.at(-1)?.row.seq]).toEqual([1_500, 1_213, 2_712]);
        expect(marked(found)).toEqual([1_213, 2_000]);
      }
      expect((await find({ since: since + 3_600_000 })).shown).toEqual([]);
    },
  );

  claim("audit verify reports an unchanged trail as whole, and audit tail marks no row of the trail", async ({ look }) => {
    const { damage, found } = await look();
    expect(damage).toEqual([]);
    expect(found.map(({ row }) => row.seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(marked(found)).toEqual([]);
  });

  claim(
    "S1: audit verify reports an event as missing when its row was merged into the previous row, and audit show marks the previous row as unverified",
    async ({ rows, set, run, look }) => {
      const [before, hidden] = [rows.get(4) as EventRow, rows.get(5) as EventRow];
      await set(4, { hash: before.hash + line + textOf(hidden) });
      await run("delete from audit_event where seq = 5");
      const { damage, found } = await look();
      expect(damage).toMatchObject([
        { kind: "altered", seq: 4 },
        { kind: "missing", seq: 5 },
      ]);
      expect(marked(found)).toEqual([4, 6]);
    },
  );

  claim(
    "S1: audit verify reports an event as altered when its text was hidden behind a forged text, and audit show marks the forged text",
    async ({ rows, set, look }) => {
      const { call_id, meta, body, salt, body_hash, hash } = rows.get(7) as EventRow;
      const rest = [call_id, meta, body ?? none, salt ?? none, body_hash, hash].join(cell);
      await set(7, { call_id: rest, meta: meta.replaceAll('"ana"', '"bea"'), body: '{"args":{"note":"nothing"}}' });
      const { damage, found } = await look();
      expect(damage).toMatchObject([{ kind: "altered", seq: 7 }]);
      expect(marked(found)).toEqual([7]);
      const shown = found.find(({ row }) => row.seq === 7) as ReadEvent;
      expect(Object.keys(JSON.parse(jsonLine(shown)) as object)).toEqual(["seq", "unverified", "row"]);
      expect(textLine(shown)).toMatch(/^UNVERIFIED {2}Event 7 /);
      expect(stripVTControlCharacters(textBlock(shown))).toBe(textBlock(shown));
    },
  );

  claim(
    "S2: audit verify reports an event as altered when its body was moved into its salt, and audit show marks the event as unverified",
    async ({ rows, set, look }) => {
      const { salt, body } = rows.get(3) as EventRow;
      const moved = String(body).slice(0, 20);
      await set(3, { salt: salt + Buffer.from(moved).toString("hex"), body: String(body).slice(20) });
      const { damage, found } = await look();
      expect(damage).toMatchObject([{ kind: "altered", seq: 3 }]);
      expect(marked(found)).toEqual([3]);
      for (const each of found) for (const show of [jsonLine, textLine, textBlock]) expect(show(each)).not.toBe("");
    },
  );

  claim(
    "S2: audit verify reports each malformed cell of an event row as damage, and other commands print the cell",
    async ({ rows, set, look, dialect: on }) => {
      const { meta, hash, body_hash, salt } = rows.get(5) as EventRow;
      const wrong: readonly Readonly<Record<string, unknown>>[] = [
        { meta: "" },
        { meta: "null" },
        { meta: "not JSON" },
        { meta: `${meta} ` },
        { meta: meta.replace('"handler":"refund"', '"handler":"re\u001b[2Jfund"') },
        { body: "" },
        { body: "null" },
        { body: null },
        { salt: null },
        { salt: "" },
        { salt: `${String(salt).slice(0, 31)}g` },
        { body_hash: body_hash.toUpperCase() },
        { body_hash: "0".repeat(64) },
        { hash: hash.toUpperCase() },
        { hash: `${hash} ` },
        { hash: "" },
        { type: "call.ended" },
        { type: "" },
        { call_id: "" },
        { at: 0 },
        ...(on === "sqlite"
          ? [
              { at: "yesterday" },
              { at: 1.5 },
              { meta: Buffer.from(meta) },
              { body: Buffer.from([0xff, 0xfe]) },
              { hash: Buffer.alloc(3) },
              { salt: 5 },
            ]
          : []),
      ];
      for (const cells of wrong) {
        await set(5, cells);
        const { damage, found } = await look();
        const said = JSON.stringify(cells);
        expect(
          damage.some(({ seq, kind }) => seq === 5 && (kind === "altered" || kind === "missing")),
          `${said}: ${JSON.stringify(damage)}`,
        ).toBe(true);
        expect(found.length, said).toBe(12);
        // A body that is gone may have been erased with a record: `verify` says which.
        if (!("body" in cells && cells["body"] === null)) expect(marked(found), said).toContain(5);
        for (const each of found) for (const show of [jsonLine, textLine, textBlock]) expect(show(each), said).not.toBe("");
        await set(5, { ...(rows.get(5) as EventRow) });
      }
      expect((await look()).damage).toEqual([]);
    },
  );

  claim(
    "S1: audit verify reports rows in another chain, before the start of the trail, or without a number as orphans",
    async ({ run, look, dialect: on }) => {
      const copy = (chain: string, seq: string) =>
        `insert into audit_event select ${chain}, ${seq}, at, type, call_id, meta, body, salt, body_hash, hash from audit_event where seq = 5 and chain = 1`;
      for (const [chain, seq] of [
        ["2", "5"],
        ["1", "0"],
        ["1", "-3"],
        ...(on === "sqlite"
          ? [
              ["1", "'5x'"],
              ["1", "5.5"],
              ["'1x'", "5"],
            ]
          : []),
      ] as const) {
        await run(copy(String(chain), String(seq)));
        expect(
          (await look()).damage.map(({ kind }) => kind),
          `${chain} ${seq}`,
        ).toEqual(["orphan"]);
        await run(`delete from audit_event where not (chain = 1 and seq in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12))`);
        expect((await look()).damage).toEqual([]);
      }
    },
  );
});

test("S2: audit verify reports lines of an export that are not events as malformed rows", () => {
  for (const text of ["", "{", "null", "[]", '"x"', '{"seq":"1"}', '{"seq":1,"at":2,"type":3}'])
    expect(exportedRow(text).malformed, text).toMatch(/^has a value of the wrong type in the column /);
});

test("S1: audit verify ends when a row has an event number that JavaScript would round", async () => {
  using folder = tempFolder();
  const root = join(folder.root, "trail");
  mkdirSync(root);
  const { run, look } = await attacked(root, {});
  await run(
    "insert into audit_event select chain, 9007199254740993, at, type, call_id, meta, body, salt, body_hash, hash from audit_event where seq = 3",
  );
  const { damage } = await look();
  expect(damage.map(({ kind }) => kind)).toContain("orphan");
});

test("S1: audit verify ends when the newest events are deleted and rows with higher numbers exist", async () => {
  using folder = tempFolder();
  const root = join(folder.root, "trail");
  mkdirSync(root);
  const { run, look } = await attacked(root, {});
  await run("update audit_event set seq = 40 where seq = 12");
  const { damage } = await look();
  expect(damage.map(({ kind, seq }) => [kind, seq])).toEqual([
    ["orphan", 40],
    ["truncated", 12],
  ]);
});
