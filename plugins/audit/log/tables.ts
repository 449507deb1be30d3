// The tables of the trail: the types of their rows, and the migrations that create the tables. queries.ts has the queries on the
// tables of the trail.

import type { Migration } from "../../store/service.ts";
import { noBody } from "./chain.ts";
import type { EventLink, EventRow } from "./event.ts";

/**
 * The number of the chain of events. The trail has only one chain, but with the column `chain` a later version of Quater could
 * add a second chain.
 */
export const chain = 1;

/**
 * The condition of the index `audit_event_linked`. A query must repeat this text exactly. Otherwise the database does not use the
 * index.
 */
export const linkedTypes = "(substr(type, 1, 9) = 'approval.' or type = 'store.restored')";

/** The condition of the index `audit_event_used`. Queries must repeat this condition exactly. */
export const useTypes = "(type = 'approval.used' or type = 'approval.lost')";

/** The condition of the index `audit_event_erased`. Queries must repeat this condition exactly. */
export const erasures = "type = 'audit.erased'";

export interface HeadRow {
  readonly seq: number;
  readonly hash: string;
  /** The id of the chain key, a colon, and the MAC over the other columns of the head. */
  readonly mac: string;
  /** The genesis of the trail as RFC 8785 text: see chain.ts. */
  readonly genesis: string;
  /**
   * The number of the last pruned event. The hash of this event is in `floor_hash`. Before the first pruning, the number is 0 and
   * the hash is the genesis hash.
   */
  readonly floor_seq: number;
  readonly floor_hash: string;
  /**
   * The format of the trail. The format of a trail of an older version of Quater is 1, until a version that writes format 2
   * writes to the trail.
   */
  readonly format: number;
  /**
   * The number and hash of the newest linked event (see event.ts). Before the first linked event, the number is 0 and the hash is
   * zeros. From format 2 on, the MAC covers the number and the hash.
   */
  readonly approval_seq: number;
  readonly approval_hash: string;
}

/** The row of the head together with the stored hash of an event that this process has seen. */
export interface HeadBeside extends HeadRow {
  readonly held: string | null;
}

/**
 * Returns the newest linked event that a head names. In format 1 the MAC does not cover the columns for this event, so Quater
 * does not use the columns.
 */
export const newestLinked = ({ format, approval_seq, approval_hash }: HeadRow): EventLink =>
  format === 1 ? { hash: noBody, seq: 0 } : { hash: approval_hash, seq: approval_seq };

/**
 * The row of a process that writes to the trail. Until the lease of the process expires, calls that the process has started may
 * still end.
 */
export interface InstanceRow {
  readonly instance: string;
  readonly lease_until: number;
  /** Every `call.started` of this process that has no end event comes after the event with the number `floor_seq`. */
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
      // This index finds linked events among many others. The links between linked events prove that no linked event is left out,
      // so Quater notices if an attacker has changed the index.
      { sql: `create index audit_event_linked on audit_event (chain, seq) where ${linkedTypes}`, parameters: [] },
    ],
  },
  {
    version: 3,
    tables: [],
    // This index finds the rare `audit.erased` events. Retention and erasure read these events to find out which bodies were
    // erased.
    up: () => [{ sql: `create index audit_event_erased on audit_event (chain, seq) where ${erasures}`, parameters: [] }],
  },
  {
    version: 4,
    tables: [],
    // This index finds the newest uses of approvals. Each process reads these uses to find out whether a call ran before.
    up: () => [{ sql: `create index audit_event_used on audit_event (chain, type, seq) where ${useTypes}`, parameters: [] }],
  },
];
