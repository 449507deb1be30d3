// All queries on the tables of the trail, for SQLite and PostgreSQL.

import type { Kysely } from "kysely";
import type { Query, Reading, Result, Statement } from "../../store/service.ts";
import type { EventRow } from "./event.ts";
import { chain, erasures, type HeadRow, linkedTypes, type SinkRow, type Tables, useTypes } from "./tables.ts";

/**
 * The most rows that one insert statement contains. A usual batch has fewer events, so the batch needs only one insert statement.
 */
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
  // JavaScript rounds larger numbers, so the page after a row with a larger number would begin with that row again. The plus sign
  // in the SQL prevents SQLite from using an index for this condition, because SQLite must use the index to find the beginning of
  // the page.
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
    /**
     * Reads the head, the time of the store's clock, and the hash of event `seen`, in one query. On PostgreSQL, the query locks
     * the head.
     */
    headForWriting: (seen: number): Query => {
      const query = headBeside(seen).select(store.clock.as("now"));
      return store.dialect === "postgres" ? query.forUpdate() : query;
    },
    /** Reads the head, and the hash of event `seen` in the column `held`. */
    headBeside: (seen: number): Query => headBeside(seen),
    /** Records that a sink has accepted a checkpoint. Retention may then prune events up to the checkpoint. */
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
    /** Replaces the head by `to`, if the head in the store still equals `from`. Otherwise the statement changes no row. */
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
    /**
     * Adds a row and deletes the row, to test whether the store accepts writes. The test does not update a row, because SQLite
     * would not write an update that changes no value.
     */
    touch: (instance: string): readonly Statement[] => [
      compiled(db.insertInto("audit_instance").values({ instance, lease_until: 0, floor_seq: 0 })),
      compiled(db.deleteFrom("audit_instance").where("instance", "=", instance)),
    ],
    /**
     * Returns the statements that insert the rows of events. Many rows need several statements, because SQLite accepts 32,766
     * parameters in one statement, and an entry may have thousands of events. Quater caches the SQL for each number of rows,
     * because making the SQL for 64 rows takes longer than inserting 64 rows.
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
     * Reads a page of events on one side of `seq`, nearest first. The query leaves out rows whose number is not an integer or not
     * a possible number of an event. The query `strays` finds the rows that this query leaves out.
     */
    page: (side: "after" | "before", seq: number, limit: number) =>
      numbered
        .selectAll()
        .where("seq", side === "after" ? ">" : "<", seq)
        .orderBy("seq", side === "after" ? "asc" : "desc")
        .limit(limit),
    /** Reads a page of linked events above number `above`, backward from `seq`, newest first. */
    linked: (seq: number, above: number, limit: number) =>
      numbered
        .selectAll()
        .select(previous)
        .where(sql.raw<boolean>(linkedTypes))
        .where("seq", "<=", seq)
        .where("seq", ">", above)
        .orderBy("seq", "desc")
        .limit(limit),
    /** Reads a page of linked events after `seq`, up to `through`, oldest first. */
    linkedAfter: (seq: number, through: number, limit: number) =>
      numbered
        .selectAll()
        .where(sql.raw<boolean>(linkedTypes))
        .where("seq", ">", seq)
        .where("seq", "<=", through)
        .orderBy("seq")
        .limit(limit),
    /** Reads a page of `audit.erased` events after `seq`. */
    erased: (seq: number, limit: number) =>
      numbered.selectAll().select(previous).where(sql.raw<boolean>(erasures)).where("seq", ">", seq).orderBy("seq").limit(limit),
    /**
     * Reads a page of events about uses of approvals: the newest such events, or the events after number `from`, oldest first.
     */
    uses: (types: readonly ("approval.used" | "approval.lost")[], from: "newest" | number, limit: number) =>
      numbered
        .selectAll()
        .where(sql.raw<boolean>(useTypes))
        .where("type", "in", types)
        .where("seq", ">", from === "newest" ? 0 : from)
        .orderBy("seq", from === "newest" ? "desc" : "asc")
        .limit(limit),
    /**
     * Selects the events of one process after `seq`, up to the end of the trail when the query runs. The query leaves out rows
     * behind the end of the trail.
     */
    ofInstance: (instance: string, seq: number) =>
      events
        .select("seq")
        .where("seq", ">", seq)
        .where("seq", "<=", db.selectFrom("audit_head").select("seq").where("chain", "=", chain))
        .where(sql<boolean>`meta like ${`%"instance":${JSON.stringify(instance).replaceAll(/[!%_]/g, "!$&")}%`} escape '!'`),
    /** A column for pages of events: the stored hash of the event before each event. */
    previous,
    strays: (floor: number, limit: number): Query =>
      db
        .selectFrom("audit_event")
        .select([sql<string>`cast(chain as text)`.as("chain"), sql<string>`cast(seq as text)`.as("seq")])
        .where(({ eb, not, or }) => or([eb("chain", "<>", chain), not(isNumbered), eb("seq", "<=", floor)]))
        .limit(limit),
    /**
     * Reads the end of the trail and the first row behind the end in one query, because other processes could write between two
     * queries.
     */
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
    /** Reads the next `limit` events after `seq`, oldest first. */
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
