// The service of store: a durable database for other plugins. They import only this file of store.

import type { Kysely, RawBuilder, Sql } from "kysely";
import { serviceRef } from "../../core/plugin-api.ts";
import type { Dialect, Result, Statement } from "./connection.ts";

export type { Dialect, Result, Statement } from "./connection.ts";
export { type FailureKind, isPassing, isStoreFailure, StoreFailure } from "./failure.ts";

/** A Kysely query, or a compiled query. */
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

/** One step of a plugin's tables. Released steps are never changed; new ones are added. */
export interface Migration {
  /** The number of the step: 1, 2, 3 ... */
  readonly version: number;
  /**
   * The tables that the step creates. The store refuses a database with tables that no step lists, because they belong to another
   * program.
   */
  readonly tables: readonly string[];
  // biome-ignore lint/suspicious/noExplicitAny: tables do not exist yet, so no type can name them
  readonly up: (build: Kysely<any>, dialect: Dialect) => readonly Query[];
}

export interface Transaction {
  /** Runs queries. @returns One result per query. @throws {StoreFailure} */
  run(...queries: readonly Query[]): Promise<readonly Result[]>;
  /** Runs the last statements together with the commit, in one round trip where the database allows it. */
  runLast(...queries: readonly Query[]): Promise<readonly Result[]>;
  rows<Row>(query: Query): Promise<readonly Row[]>;
}

/** The part of the store that reads need. */
export interface Reading {
  readonly dialect: Dialect;
  /** Returns a builder of queries. It does not run them. */
  queries<Tables>(): Kysely<Tables>;
  /** Kysely's `sql` tag, for SQL that its builder cannot express. */
  readonly sql: Sql;
  /** The store's clock inside a query, milliseconds. All instances share this clock. */
  readonly clock: RawBuilder<number>;
  read<Row>(query: Query): Promise<readonly Row[]>;
}

/** The open store. All functions reject with a StoreFailure, or with `audit_unavailable` once the store is fenced. */
export interface OpenStore extends Reading {
  now(): Promise<number>;
  /**
   * Runs `work` in a transaction, which is rolled back if `work` throws. It holds the write lock from its start (SQLite), or runs
   * as READ COMMITTED (PostgreSQL).
   */
  transaction<Answer>(work: (transaction: Transaction) => Promise<Answer>): Promise<Answer>;
  /** Runs queries that are known in advance in one transaction: one round trip on SQLite. */
  apply(queries: readonly Query[]): Promise<readonly Result[]>;
  /**
   * Gives `work` the store as it is at its first read. Later writes are not visible to it. On SQLite nothing else of this
   * process is read or written until `work` is done, so `work` must use nothing but what it is given.
   */
  snapshot<Answer>(work: (at: Reading) => Promise<Answer>): Promise<Answer>;
}

/** The lock that a call holds while its handler runs. */
export interface HeldLock {
  /**
   * A statement for a transaction that must not be committed after another call has taken the lock. It changes one row, and
   * otherwise fails with `mismatch`.
   */
  readonly guard: Statement;
  /** Checks the lock in the store. @throws {QuaterError} `lock_lost`. */
  readonly assertHeld: () => Promise<void>;
}

export interface Store {
  /** Registers a plugin's tables. Call it in `setup`, before the store is opened. */
  register(plugin: string, migrations: readonly Migration[]): void;
  /**
   * Opens, checks and migrates on first use; later calls give the same.
   *
   * @param inThread  Also commands use a thread: for callers that work while the database reads.
   */
  open(how?: { readonly inThread: boolean }): Promise<OpenStore>;
  /** Returns whether the database exists. Creates nothing. */
  isMade(): Promise<boolean>;
  /**
   * In `setup`: what tries whether a write would be taken now, in the place of the store's own check. `/ready` runs it at
   * most once a second. It rejects when not.
   */
  checkWith(check: () => Promise<void>): void;
  /** Calls the listener when a connection was lost. The store may then be another server: a standby that was promoted. */
  whenLost(listener: () => void): void;
  /**
   * Fences the store: nothing more is written, calls are refused, the process is not ready, and it ends after its running calls.
   */
  fence(error: unknown): void;
  readonly isFenced: boolean;
  /** Returns the lock of a call whose handler has one: from before its approval is used until its end is recorded. */
  lockOf(callId: string): HeldLock | undefined;
}

export const storeRef = serviceRef<Store>("store");
