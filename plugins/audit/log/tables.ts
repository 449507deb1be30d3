// The trail's tables and every query on them, written once for both dialects.

import type { Kysely } from "kysely";
import type { Migration, Query, Reading, Result, Statement } from "../../store/service.ts";
import { noBody } from "./chain.ts";
import type { EventLink, EventRow } from "./event.ts";

/** There is one chain. The column is there so that a second could be told from it. */
export const chain = 1;

/** The condition of the index `audit_event_linked`. A query must repeat this text exactly, or the index is not used. */
export const linkedTypes = "(substr(type, 1, 9) = 'approval.' or type = 'store.restored')";

/** The condition of the index `audit_event_used`, as `linkedTypes`. */
const useTypes = "(type = 'approval.used' or type = 'approval.lost')";

/** The condition of the index `audit_event_erased`, as `linkedTypes`. */
const erasures = "type = 'audit.erased'";

export interface HeadRow {
  readonly seq: number;
  readonly hash: string;
  /** Id of the chain key, a colon, and the MAC over the rest of the row. */
  readonly mac: string;
  /** RFC 8785 text: see chain.ts. */
  readonly genesis: string;
  /** Events up to here were pruned; `floor_hash` is the hash of the last of them. 0 and the genesis hash otherwise. */
  readonly floor_seq: number;
  readonly floor_hash: string;
  /** Of the trail: 1 until the first write by a version that knows format 2. */
  readonly format: number;
  /** The newest linked event (see event.ts) and its hash; 0 and zeros before the first. Covered by the MAC from format 2 on. */
  readonly approval_seq: number;
  readonly approval_hash: string;
}

/** The head together with the stored hash of an event that the process has seen. */
export interface HeadBeside extends HeadRow {
  readonly held: string | null;
}

/** The newest linked event. The MAC of format 1 does not cover these columns, so they say nothing there. */
export const newestLinked = ({ format, approval_seq, approval_hash }: HeadRow): EventLink =>
  format === 1 ? { hash: noBody, seq: 0 } : { hash: approval_hash, seq: approval_seq };

/** A process that writes: while its lease runs, calls it has started may still end. */
export interface InstanceRow {
  readonly instance: string;
  readonly lease_until: number;
  /** No call of it that has not ended was started before this event. */
  readonly floor_seq: number;
}

export interface SinkRow {
  readonly name: string;
  readonly size: number;
  readonly at: number;
}

export interface Tables {
  audit_event: EventRow & { readonly chain: number };
  audit_head: HeadRow & { readonly chain: number };
  audit_instance: InstanceRow;
  audit_sink: SinkRow;
}

export const migrations: readonly Migration[] = [
  {
    version: 1,
    tables: ["audit_event", "audit_head", "audit_instance", "audit_sink"],
    up: (build) => [
      build.schema
        .createTable("audit_event")
        .addColumn("chain", "bigint", (column) => column.notNull())
        .addColumn("seq", "bigint", (column) => column.notNull())
        .addColumn("at", "bigint", (column) => column.notNull())
        .addColumn("type", "text", (column) => column.notNull())
        .addColumn("call_id", "text", (column) => column.notNull())
        .addColumn("meta", "text", (column) => column.notNull())
        .addColumn("body", "text")
        .addColumn("salt", "text")
        .addColumn("body_hash", "text", (column) => column.notNull())
        .addColumn("hash", "text", (column) => column.notNull())
        .addPrimaryKeyConstraint("audit_event_pk", ["chain", "seq"]),
      build.schema.createIndex("audit_event_call").on("audit_event").column("call_id"),
      build.schema.createIndex("audit_event_at").on("audit_event").column("at"),
      build.schema
        .createTable("audit_head")
        .addColumn("chain", "bigint", (column) => column.notNull().primaryKey())
        .addColumn("seq", "bigint", (column) => column.notNull())
        .addColumn("hash", "text", (column) => column.notNull())
        .addColumn("mac", "text", (column) => column.notNull())
        .addColumn("genesis", "text", (column) => column.notNull())
        .addColumn("floor_seq", "bigint", (column) => column.notNull())
        .addColumn("floor_hash", "text", (column) => column.notNull()),
      build.schema
        .createTable("audit_instance")
        .addColumn("instance", "text", (column) => column.notNull().primaryKey())
        .addColumn("lease_until", "bigint", (column) => column.notNull())
        .addColumn("floor_seq", "bigint", (column) => column.notNull()),
      build.schema
        .createTable("audit_sink")
        .addColumn("name", "text", (column) => column.notNull().primaryKey())
        .addColumn("size", "bigint", (column) => column.notNull())
        .addColumn("at", "bigint", (column) => column.notNull()),
    ],
  },
  {
    version: 2,
    tables: [],
    up: (build) => [
      build.schema.alterTable("audit_head").addColumn("format", "bigint", (column) => column.notNull().defaultTo(1)),
      build.schema.alterTable("audit_head").addColumn("approval_seq", "bigint", (column) => column.notNull().defaultTo(0)),
      build.schema.alterTable("audit_head").addColumn("approval_hash", "text", (column) => column.notNull().defaultTo(noBody)),
      // Finds linked events among many others. Their links prove that none is left out, so the index need not be trusted.
      { sql: `create index audit_event_linked on audit_event (chain, seq) where ${linkedTypes}`, parameters: [] },
    ],
  },
  {
    version: 3,
    tables: [],
    // Retention and erasure look up which bodies were erased. Such events are few among many others.
    up: () => [{ sql: `create index audit_event_erased on audit_event (chain, seq) where ${erasures}`, parameters: [] }],
  },
  {
    version: 4,
    tables: [],
    // Each process reads the newest uses of approvals, to tell whether a call ran before.
    up: () => [{ sql: `create index audit_event_used on audit_event (chain, type, seq) where ${useTypes}`, parameters: [] }],
  },
];

/** More than the events of a usual batch, so that such a batch stays one statement. */
const rowsPerInsert = 256;

const columns = ["seq", "at", "type", "call_id", "meta", "body", "salt", "body_hash", "hash"] as const;

export type TrailQueries = ReturnType<typeof queriesOn>;

export const queriesOn = (store: Reading) => {
  const db: Kysely<Tables> = store.queries<Tables>();
  const { sql } = store;
  const inserts = new Map<number, string>();
  const head = db
    .selectFrom("audit_head")
    .select(["seq", "hash", "mac", "genesis", "floor_seq", "floor_hash", "format", "approval_seq", "approval_hash"])
    .where("chain", "=", chain);
  const events = db.selectFrom("audit_event").where("chain", "=", chain);
  // JavaScript rounds larger numbers, so a page that goes on after such a row would begin with the same row again. The plus keeps
  // SQLite from using this condition, instead of the place of a page, to look into the index.
  const most = Number.MAX_SAFE_INTEGER;
  const isNumbered =
    store.dialect === "sqlite"
      ? sql<boolean>`(typeof(seq) = 'integer' and +seq between 1 and ${sql.lit(most)})`
      : sql<boolean>`(seq between 1 and ${sql.lit(most)})`;
  const numbered = events.where(isNumbered);
  const previous = db
    .selectFrom("audit_event as earlier")
    .select("earlier.hash")
    .where("earlier.chain", "=", chain)
    .where(sql<boolean>`earlier.seq < audit_event.seq`)
    .orderBy("earlier.seq", "desc")
    .limit(1)
    .as("previous");
  const headBeside = (seen: number) =>
    head.select(
      db.selectFrom("audit_event").select("audit_event.hash").where("chain", "=", chain).where("seq", "=", seen).as("held"),
    );
  return {
    db,
    head: head as Query,
    /** With the time and the hash of event `seen`, so that numbering needs one question. */
    headForWriting: (seen: number): Query => {
      const query = headBeside(seen).select(store.clock.as("now"));
      return store.dialect === "postgres" ? query.forUpdate() : query;
    },
    /** With the hash of event `seen` as `held`. */
    headBeside: (seen: number): Query => headBeside(seen),
    /** A sink took a checkpoint: events up to it may be pruned. */
    sinkHolds: (name: string, { size, at }: Omit<SinkRow, "name">): Query =>
      db
        .insertInto("audit_sink")
        .values({ name, size, at })
        .onConflict((conflict) => conflict.column("name").doUpdateSet({ size, at })),
    newHead: (row: HeadRow): Query =>
      db
        .insertInto("audit_head")
        .values({ chain, ...row })
        .onConflict((conflict) => conflict.doNothing()),
    /** From exactly the head that was read; another one changes no row. */
    moveHead: (from: HeadRow, { genesis: _, ...to }: HeadRow): Statement => ({
      ...compiled(
        db
          .updateTable("audit_head")
          .set(to)
          .where("chain", "=", chain)
          .where("seq", "=", from.seq)
          .where("hash", "=", from.hash)
          .where("mac", "=", from.mac),
      ),
      expects: 1,
    }),
    /** Changes something and leaves nothing behind. SQLite would not write an update that changes no value. */
    touch: (instance: string): readonly Statement[] => [
      compiled(db.insertInto("audit_instance").values({ instance, lease_until: 0, floor_seq: 0 })),
      compiled(db.deleteFrom("audit_instance").where("instance", "=", instance)),
    ],
    /**
     * Several statements for many rows: SQLite takes 32,766 parameters in one, and an entry may have thousands of events.
     * Compiled once per number of rows: compiling sixty-four takes longer than inserting them.
     */
    inserts: (rows: readonly EventRow[]): readonly Statement[] => {
      const statements: Statement[] = [];
      for (let from = 0; from < rows.length; from += rowsPerInsert) {
        const part = rows.slice(from, from + rowsPerInsert);
        const sql = inserts.get(part.length) ?? compiled(db.insertInto("audit_event").values(part.map(inOrder))).sql;
        inserts.set(part.length, sql);
        statements.push({ sql, parameters: part.flatMap((row) => Object.values(inOrder(row))) });
      }
      return statements;
    },
    /**
     * A page of rows on one side of `seq`, nearest first. Rows whose number is not an integer, or not a number of an event, are left
     * out here; `strays` finds them.
     */
    page: (side: "after" | "before", seq: number, limit: number) =>
      numbered
        .selectAll()
        .where("seq", side === "after" ? ">" : "<", seq)
        .orderBy("seq", side === "after" ? "asc" : "desc")
        .limit(limit),
    /** A page of linked events after `above`, back from `seq`, newest first. */
    linked: (seq: number, above: number, limit: number) =>
      numbered
        .selectAll()
        .select(previous)
        .where(sql.raw<boolean>(linkedTypes))
        .where("seq", "<=", seq)
        .where("seq", ">", above)
        .orderBy("seq", "desc")
        .limit(limit),
    /** A page of linked events after `seq`, up to `through`, in order. */
    linkedAfter: (seq: number, through: number, limit: number) =>
      numbered
        .selectAll()
        .where(sql.raw<boolean>(linkedTypes))
        .where("seq", ">", seq)
        .where("seq", "<=", through)
        .orderBy("seq")
        .limit(limit),
    /** A page of `audit.erased` events after `seq`. */
    erased: (seq: number, limit: number) =>
      numbered.selectAll().select(previous).where(sql.raw<boolean>(erasures)).where("seq", ">", seq).orderBy("seq").limit(limit),
    /** A page of events about uses of approvals: the newest ones, or those after a number in order. */
    uses: (types: readonly ("approval.used" | "approval.lost")[], from: "newest" | number, limit: number) =>
      numbered
        .selectAll()
        .where(sql.raw<boolean>(useTypes))
        .where("type", "in", types)
        .where("seq", ">", from === "newest" ? 0 : from)
        .orderBy("seq", from === "newest" ? "desc" : "asc")
        .limit(limit),
    /** For a page: the stored hash of the row before each. */
    previous,
    strays: (floor: number, limit: number): Query =>
      db
        .selectFrom("audit_event")
        .select([sql<string>`cast(chain as text)`.as("chain"), sql<string>`cast(seq as text)`.as("seq")])
        .where(({ eb, not, or }) => or([eb("chain", "<>", chain), not(isNumbered), eb("seq", "<=", floor)]))
        .limit(limit),
    /** Where the trail ends, and the first row behind that. One question, because other processes write meanwhile. */
    behindEnd: db
      .selectFrom("audit_head")
      .select((eb) => [
        "audit_head.seq as end",
        eb
          .selectFrom("audit_event")
          .select(({ fn }) => fn.min("audit_event.seq").as("seq"))
          .where("audit_event.chain", "=", chain)
          .whereRef("audit_event.seq", ">", "audit_head.seq")
          .as("behind"),
      ])
      .where("audit_head.chain", "=", chain) as Query,
    count: (floor: number, through: number): Query =>
      numbered
        .select(({ fn }) => fn.countAll<number>().as("n"))
        .where("seq", ">", floor)
        .where("seq", "<=", through),
    /** In order, `limit` of them after `seq`. */
    after: (seq: number, limit: number): Query =>
      events.select(columns).where("seq", ">", seq).orderBy("seq").limit(limit) as Query,
    ofCall: (callId: string): Query => events.select(columns).where("call_id", "=", callId).orderBy("seq") as Query,
    events,
    columns,
  };
};

const inOrder = (row: EventRow) => ({
  chain,
  seq: row.seq,
  at: row.at,
  type: row.type,
  call_id: row.call_id,
  meta: row.meta,
  body: row.body,
  salt: row.salt,
  body_hash: row.body_hash,
  hash: row.hash,
});

export const compiled = (query: { compile(): { sql: string; parameters: readonly unknown[] } }): Statement => {
  const { sql, parameters } = query.compile();
  return { sql, parameters };
};

export const rowsOf = <Row>(result: Result | undefined): readonly Row[] => (result?.rows ?? []) as readonly Row[];
