// The shop's database: one SQLite file. Only this module uses the SQLite driver. This module loads the driver when it opens the
// database file, so that importing handlers loads no native code.

import { mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { resource, unavailable } from "quater";
import type { Bind, Database } from "./sql.ts";

/**
 * The functions of the SQLite driver that the shop uses. The driver's own types also list functions that only throw (`serialize`,
 * `backup`).
 */
interface Driver {
  readonly inTransaction: boolean;
  prepare(sql: string): Statement;
  exec(sql: string): unknown;
  close(): unknown;
}
interface Statement {
  all(binds: readonly unknown[]): unknown[];
  run(binds: readonly unknown[]): { readonly changes: number };
}

/**
 * How long a write to the database waits for a write of another process, milliseconds. The time limit `busyTimeoutMs` is low,
 * because the wait blocks this process.
 */
const busyTimeoutMs = 2000;
const walAttempts = 100;
const walPauseMs = 20;

/**
 * Opens the database file. If the database file is new, creates the tables of the shop and their first rows.
 *
 * @param file  The path of the database file, relative to the current folder. Default: the environment variable SHOP_DB, else
 *   `.quater/shop.db`.
 */
export const openDatabase = async (file = process.env["SHOP_DB"] || ".quater/shop.db"): Promise<Database> => {
  const path = resolve(file);
  mkdirSync(dirname(path), { recursive: true });
  const { default: Libsql } = await import("libsql");
  const driver: Driver = new Libsql(path, { timeout: busyTimeoutMs });
  const database = guarded(driver);
  try {
    await useWriteAheadLog(driver);
    driver.exec("PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON");
    if (!isSeeded(database)) await seedOnce(database);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
};

/** The open database of the shop. Other resources of the shop use this resource to run SQL. */
export const database = resource({
  name: "database",
  scope: "app",
  open: () => openDatabase(),
  close: (opened) => opened.close(),
});

/**
 * Changes the database file to WAL mode. While another process writes to a database file that is not in WAL mode yet, SQLite
 * refuses the change of mode immediately, regardless of `busyTimeoutMs`.
 */
const useWriteAheadLog = async (driver: Driver): Promise<void> => {
  for (let attempt = 1; ; attempt++) {
    try {
      driver.prepare("PRAGMA journal_mode = WAL").all([]);
      return;
    } catch (error) {
      if (!isBusy(error) || attempt === walAttempts) throw error;
      await new Promise((done) => setTimeout(done, walPauseMs));
    }
  }
};

const isSeeded = (database: Database): boolean =>
  database.all<{ user_version: number }>("PRAGMA user_version")[0]?.user_version !== 0;

const seedOnce = async (database: Database): Promise<void> => {
  const { seed } = await import("./seed.ts");
  database.inTransaction(() => {
    // Check again under the write lock whether the tables exist, because another process may have created the tables in the
    // meantime.
    if (!isSeeded(database)) seed(database);
  });
};

const guarded = (driver: Driver): Database => {
  const statements = new Map<string, Statement>();
  const prepared = (sql: string): Statement => {
    const known = statements.get(sql) ?? driver.prepare(sql);
    statements.set(sql, known);
    return known;
  };
  return {
    all: <Row>(sql: string, binds: readonly Bind[] = []) => prepared(sql).all(binds.map(bound)) as Row[],
    run: (sql, binds = []) => prepared(sql).run(binds.map(bound)).changes,
    inTransaction: (work) => {
      begin(driver);
      try {
        const value = work();
        driver.exec("COMMIT");
        return value;
      } catch (error) {
        // Check whether the transaction is still open, because after some failures, such as a full disk, SQLite has already
        // rolled the transaction back.
        if (driver.inTransaction) driver.exec("ROLLBACK");
        throw error;
      }
    },
    close: () => {
      statements.clear();
      driver.close();
    },
  };
};

/**
 * Converts a value of a SQL parameter for the SQLite driver. The SQLite driver aborts the process when the driver gets a boolean,
 * and stores every number as a REAL. The SQLite driver stores a BigInt as an integer.
 */
const bound = (value: Bind): string | number | bigint | null => {
  if (value === undefined) return null;
  if (typeof value === "boolean") return value ? 1n : 0n;
  return Number.isSafeInteger(value) ? BigInt(value as number) : value;
};

const begin = (driver: Driver): void => {
  try {
    driver.exec("BEGIN IMMEDIATE");
  } catch (error) {
    if (isBusy(error)) unavailable("The shop is busy with other changes");
    throw error;
  }
};

const isBusy = (error: unknown): boolean =>
  error instanceof Error && String((error as Error & { code?: unknown }).code).startsWith("SQLITE_BUSY");
