// Opens SQLite files with the driver libsql. No other file of the store uses libsql. All functions of this file block, so servers
// run them in a thread.
//
// The driver libsql aborts the whole process in three cases: if a SQL parameter is a boolean, if the only SQL parameter is an
// object, and if a row contains a text that is not UTF-8. So `bound` converts every SQL parameter, this file always passes SQL
// parameters as one array, and this file reads rows as bytes (sqlite-rows.ts).

import {
  accessSync,
  chmodSync,
  closeSync,
  existsSync,
  constants as fsConstants,
  mkdirSync,
  openSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import type { Result, Statement } from "./connection.ts";
import { isStoreFailure, mismatch, type StoreFailure, sqliteFailure } from "./failure.ts";
import { SameFile } from "./same-file.ts";
import { type ReadAsBytes, readAsBytes } from "./sqlite-rows.ts";

interface DriverStatement {
  readonly reader: boolean;
  columns(): readonly { readonly name: string }[];
  all(binds: readonly unknown[]): unknown[];
  run(binds: readonly unknown[]): { readonly changes: number };
}
interface Driver {
  readonly inTransaction: boolean;
  prepare(sql: string): DriverStatement;
  exec(sql: string): unknown;
  close(): unknown;
}

/**
 * How long SQLite waits for another writer, milliseconds. This time is shorter than a call waits until the trail contains its
 * event, so that the writer of the trail can try again.
 */
const busyTimeoutMs = 1_500;
/**
 * How long this process tries to change a database to WAL mode, milliseconds. While another process writes, SQLite refuses the
 * change to WAL mode immediately, regardless of `busyTimeoutMs`. While another process has locked the whole file, each attempt
 * waits for `busyTimeoutMs`.
 */
const walMs = 2_000;
const walPauseMs = 20;
/** How many prepared statements this process keeps. Each number of inserted rows needs its own prepared statement. */
const preparedLimit = 200;

export interface SqliteFile {
  run(statements: readonly Statement[]): readonly Result[];
  whole(statements: readonly Statement[]): readonly Result[];
  /**
   * Checks the database file. @throws {StoreFailure} `broken` when the database file was deleted or replaced after this process
   * opened it.
   */
  assertSame(): void;
  close(): void;
}

/**
 * Opens the database file for durable writing. Only the owner of a new database file can read the file.
 *
 * @param path  The absolute path of the database file.
 * @throws {StoreFailure}
 */
export const openSqlite = (path: string): SqliteFile => {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  // Create the database file first, because SQLite would create the file with the process's mask. SQLite gives its -wal and -shm
  // files the mode of the database file. This function must not open an existing database file, because closing the file would
  // drop every lock that this process has on the file (POSIX). Another process could then remove the write-ahead log of an open
  // connection.
  if (existsSync(path)) accessSync(path, fsConstants.R_OK | fsConstants.W_OK);
  else closeSync(openSync(path, "a", 0o600));
  if (statSync(path).size === 0) chmodSync(path, 0o600);
  const same = new SameFile(path);
  let opened: Driver | undefined;
  try {
    const Libsql = createRequire(import.meta.url)("libsql") as new (path: string, options: object) => Driver;
    opened = new Libsql(path, { timeout: busyTimeoutMs });
    useWriteAheadLog(opened);
    opened.exec("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON");
    // The first query opens SQLite's write-ahead log. If no query has run yet, this query opens the write-ahead log.
    opened.prepare("SELECT count(*) FROM sqlite_schema").all([]);
    same.opened();
  } catch (error) {
    opened?.close();
    throw isStoreFailure(error) ? error : sqliteFailure(error);
  }
  const driver = opened;
  const statements = new Map<string, Prepared>();
  const prepared = (statement: Statement): Prepared => {
    const key = statement.isTextless === true ? `textless ${statement.sql}` : statement.sql;
    const known = statements.get(key) ?? preparedOn(driver, statement);
    if (statements.size >= preparedLimit) statements.clear();
    statements.set(key, known);
    return known;
  };
  let hasWritten = false;
  /** Checks after each commit that the database file still exists, because writes into a deleted file are not durable. */
  const committed = (): void => {
    if (!hasWritten || driver.inTransaction) return;
    hasWritten = false;
    same.assert();
  };
  const rowsOf = (given: Statement, found: Prepared, binds: readonly unknown[]): readonly unknown[] => {
    try {
      return read(found, binds);
    } catch (error) {
      // A prepared `select *` lists the columns that the table had when SQLite prepared the statement. Another instance may have
      // changed the columns of the table after SQLite prepared the statement.
      if (!String(error).includes("no such column: q.")) throw error;
      statements.clear();
      return read(prepared(given), binds);
    }
  };
  const one = (given: Statement): Result => {
    const { parameters, expects } = given;
    const found = prepared(given);
    const { statement } = found;
    const binds = parameters.map(bound);
    if (statement.reader) return { rows: rowsOf(given, found, binds), changes: 0 };
    const { changes } = statement.run(binds);
    hasWritten = true;
    if (expects !== undefined && changes !== expects) throw mismatch(expects, changes);
    return { rows: [], changes };
  };
  const told = <Answer>(act: () => Answer): Answer => {
    try {
      return act();
    } catch (error) {
      throw isOutOfRoom(path, error) ? outOfRoom(error) : sqliteFailure(error);
    }
  };
  return {
    run: (list) =>
      told(() => {
        const results = list.map(one);
        committed();
        return results;
      }),
    whole: (list) =>
      told(() => {
        driver.exec("BEGIN IMMEDIATE");
        try {
          const results = list.map(one);
          driver.exec("COMMIT");
          committed();
          return results;
        } catch (error) {
          // Check whether the transaction is still open, because after some failures, such as a full disk, SQLite has already
          // rolled the transaction back.
          if (driver.inTransaction) driver.exec("ROLLBACK");
          throw error;
        }
      }),
    assertSame: () => same.assert(),
    close: () => {
      statements.clear();
      driver.close();
    },
  };
};

interface Prepared {
  readonly statement: DriverStatement;
  readonly rowOf?: ReadAsBytes["rowOf"];
}

const read = ({ statement, rowOf }: Prepared, binds: readonly unknown[]): readonly unknown[] => {
  const rows = statement.all(binds);
  return rowOf === undefined ? rows : rows.map(rowOf);
};

const preparedOn = (driver: Driver, { sql, isTextless = false }: Statement): Prepared => {
  const statement = driver.prepare(sql);
  if (isTextless || !statement.reader) return { statement };
  const names = statement.columns().map(({ name }) => name);
  const rewritten = readAsBytes(sql, names);
  return rewritten === undefined ? { statement } : { statement: driver.prepare(rewritten.sql), rowOf: rewritten.rowOf };
};

/**
 * Converts a SQL parameter for the driver libsql, because libsql aborts the process at a boolean and stores every number as a
 * REAL.
 */
const bound = (value: unknown): string | number | bigint | Buffer | null => {
  if (value === undefined || value === null) return null;
  if (typeof value === "boolean") return value ? 1n : 0n;
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof value === "bigint") return value;
  if (typeof value === "string") {
    // SQLite accepts a NUL in a text, but PostgreSQL does not. Refuse a NUL, so that both databases accept the same texts.
    if (value.includes("\0")) throw new TypeError("A string with a NUL character cannot be stored");
    return value;
  }
  if (value instanceof Uint8Array) return Buffer.from(value);
  throw new TypeError(`A value of the type ${typeof value} cannot be stored in SQLite`);
};

const useWriteAheadLog = (driver: Driver): void => {
  const end = performance.now() + walMs;
  for (;;) {
    try {
      driver.prepare("PRAGMA journal_mode = WAL").all([]);
      return;
    } catch (error) {
      if (sqliteFailure(error).kind !== "busy" || performance.now() > end) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, walPauseMs);
    }
  }
};

const noRoom = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/**
 * Whether a failed write means that the disk is full. SQLite reports SQLITE_FULL only for ENOSPC. SQLite reports a quota or a
 * limit on file sizes as an I/O error. To distinguish these cases, this function writes 4,096 bytes to another file, at the
 * position of the next page of the database file.
 */
const isOutOfRoom = (path: string, error: unknown): boolean => {
  if (!String((error as { code?: unknown }).code).startsWith("SQLITE_IOERR_WRITE")) return false;
  const sizes = [path, `${path}-wal`].map((file) => statSync(file, { throwIfNoEntry: false })?.size ?? 0);
  const probe = `${path}-probe`;
  try {
    const file = openSync(probe, "w", 0o600);
    try {
      writeSync(file, Buffer.alloc(4_096), 0, 4_096, Math.max(...sizes));
      return false;
    } finally {
      closeSync(file);
    }
  } catch (failure) {
    return noRoom.has(String((failure as NodeJS.ErrnoException).code));
  } finally {
    rmSync(probe, { force: true });
  }
};

const outOfRoom = (error: unknown): StoreFailure => {
  const failure = sqliteFailure(error);
  return Object.assign(failure, { kind: "full" });
};
