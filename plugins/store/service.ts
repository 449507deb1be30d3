// The service of the store plugin: a durable database for other plugins. Other plugins import no other file of the store plugin.

import type { Kysely, RawBuilder, Sql } from "kysely";
import { serviceRef } from "../../core/plugin-api.ts";
import type { Dialect, Result, Statement } from "./connection.ts";

export type { Dialect, Result, Statement } from "./connection.ts";
export { type FailureKind, isPassing, isStoreFailure, StoreFailure } from "./failure.ts";

/** A Kysely query, or a compiled SQL query. */
export type Query<Row = unknown> =
  | Statement
  | {
      compile(): {
        readonly sql: string;
        readonly parameters: readonly unknown[];
        readonly query: unknown;
        readonly "~row"?: Row;
      };
    };

/**
 * One step in the migration of a plugin's tables. The author of a plugin must not change a released step. A new version of the
 * plugin adds new migration steps.
 */
export interface Migration {
  /** The number of the migration step: 1, 2, 3 ... */
  readonly version: number;
  /**
   * The names of the tables that the migration step creates. The store refuses a database with tables that no step lists, because
   * such tables belong to another program.
   */
  readonly tables: readonly string[];
  // biome-ignore lint/suspicious/noExplicitAny: tables do not exist yet, so no type can name them
  readonly up: (build: Kysely<any>, dialect: Dialect) => readonly Query[];
}

export interface Transaction {
  /** Runs queries in the transaction. @returns One result per query. @throws {StoreFailure} */
  run(...queries: readonly Query[]): Promise<readonly Result[]>;
  /**
   * Runs the last statements of the transaction together with the commit, in one round trip if the database allows one round
   * trip.
   */
  runLast(...queries: readonly Query[]): Promise<readonly Result[]>;
  rows<Row>(query: Query): Promise<readonly Row[]>;
}

/** The functions of the store that reads need. */
export interface Reading {
  readonly dialect: Dialect;
  /** Returns a builder of SQL queries. The query builder does not run queries. */
  queries<Tables>(): Kysely<Tables>;
  /** Kysely's `sql` tag, for SQL that Kysely's query builder cannot express. */
  readonly sql: Sql;
  /** The store's clock inside a query, milliseconds. All instances share this clock. */
  readonly clock: RawBuilder<number>;
  read<Row>(query: Query): Promise<readonly Row[]>;
}

/**
 * The open store. All functions of the open store reject with a StoreFailure, or with `audit_unavailable` after the store was
 * fenced.
 */
export interface OpenStore extends Reading {
  now(): Promise<number>;
  /**
   * Runs `work` in a transaction. If `work` throws, the store rolls the transaction back. On SQLite, the transaction has the
   * write lock from its start. On PostgreSQL, the transaction runs as READ COMMITTED.
   */
  transaction<Answer>(work: (transaction: Transaction) => Promise<Answer>): Promise<Answer>;
  /** Runs queries that the caller knows in advance in one transaction: one round trip on SQLite. */
  apply(queries: readonly Query[]): Promise<readonly Result[]>;
  /**
   * Calls `work` with one state of the store: the state at the first read of `work`. `work` does not see later writes. On SQLite,
   * all other reads and writes of this process wait until `work` ends, so `work` must read only through its argument.
   */
  snapshot<Answer>(work: (at: Reading) => Promise<Answer>): Promise<Answer>;
}

/** The lock that a call has while its handler runs. */
export interface HeldLock {
  /**
   * A statement for a transaction that must not be committed after another call has got the lock. While the call has the lock,
   * the statement changes one row. After another call has got the lock, the statement fails with `mismatch`.
   */
  readonly guard: Statement;
  /**
   * Checks in the store that the call still has the lock. @throws {QuaterError} `lock_lost` when another call has got the lock.
   */
  readonly assertHeld: () => Promise<void>;
}

export interface Store {
  /** Registers the migrations of a plugin's tables. Call this function in `setup`, before a plugin opens the store. */
  register(plugin: string, migrations: readonly Migration[]): void;
  /**
   * Opens, checks and migrates the store at the first call. Later calls return the same open store.
   *
   * @param inThread  Whether to use a thread also in commands, for callers that work while the database reads.
   */
  open(how?: { readonly inThread: boolean }): Promise<OpenStore>;
  /** Returns whether the database of the store exists. This function does not create the database. */
  isMade(): Promise<boolean>;
  /**
   * Replaces the store's own check whether a write would succeed now. Call this function in `setup`. `/ready` runs `check` at
   * most once a second. `check` must reject if a write would fail.
   */
  checkWith(check: () => Promise<void>): void;
  /**
   * Registers a function that the store calls when the store has lost a connection. The next connection may lead to another
   * server, such as a standby that was promoted.
   */
  whenLost(listener: () => void): void;
  /**
   * Fences the store. The store then accepts no writes, the gate refuses calls, the process is not ready, and the process ends
   * after its running calls.
   */
  fence(error: unknown): void;
  readonly isFenced: boolean;
  /**
   * Returns the lock that a call has, if its handler needs a lock. A call has its lock from before Quater uses its approval until
   * Quater has recorded its end.
   */
  lockOf(callId: string): HeldLock | undefined;
}

export const storeRef = serviceRef<Store>("store");
