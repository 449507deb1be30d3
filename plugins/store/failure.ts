// The kinds of failures of the store. Database drivers have dozens of error codes, but callers of the store need only these
// kinds.

/**
 * - `busy`: another writer had the write lock for too long, or another transaction prevented the commit of this transaction.
 * - `full`: the disk has no room, or the database file has reached a quota or size limit.
 * - `lost`: the connection broke, or the database server did not answer. It is unknown whether the last commit succeeded.
 * - `unavailable`: the database answers, but does not accept writes or connections at the moment. The database is read-only,
 *   refuses the login or a permission, or has no connection or memory left.
 * - `broken`: an I/O error or damage. The content of the database file may be wrong, so Quater fences the store.
 * - `conflict`: a constraint of the database refused the row.
 * - `mismatch`: a SQL statement did not change the expected number of rows.
 * - `other`: any other failure, such as a mistake in the SQL statement.
 *
 * Only `broken` means that data is damaged. The store recovers from failures of the kinds before `broken` without a restart.
 */
export type FailureKind = "busy" | "full" | "lost" | "unavailable" | "broken" | "conflict" | "mismatch" | "other";

export class StoreFailure extends Error {
  readonly kind: FailureKind;
  /** The error code of the database driver: `SQLITE_FULL`, `57P01`. */
  readonly code: string;

  constructor(kind: FailureKind, code: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "StoreFailure";
    this.kind = kind;
    this.code = code;
  }
}

/**
 * Whether the value is a failure of the store. This function checks fields and not the class, because a failure from another
 * thread has another class.
 */
export const isStoreFailure = (value: unknown): value is StoreFailure =>
  value instanceof Error && value.name === "StoreFailure" && "kind" in value;

/**
 * Whether the failure is temporary, so that a later attempt of the same write may succeed. If the kind is `lost`, the first
 * attempt may have succeeded.
 */
export const isPassing = (error: unknown): boolean => isStoreFailure(error) && passing.has(error.kind);

const passing: ReadonlySet<FailureKind> = new Set(["busy", "full", "lost", "unavailable"]);

export const mismatch = (expected: number, found: number): StoreFailure =>
  new StoreFailure("mismatch", "mismatch", `A statement changed ${found} rows instead of ${expected}`);

// The kinds of SQLite's error codes (https://www.sqlite.org/rescode.html). The first prefix that matches an error code determines
// the kind.
const sqliteKinds: readonly (readonly [prefix: string, kind: FailureKind])[] = [
  ["SQLITE_BUSY", "busy"],
  ["SQLITE_LOCKED", "busy"],
  ["SQLITE_PROTOCOL", "busy"], // The process lost a race for the write-ahead log.
  ["SQLITE_INTERRUPT", "busy"],
  ["SQLITE_SCHEMA", "busy"], // Another process has just migrated the tables of the store.
  ["SQLITE_FULL", "full"],
  ["SQLITE_READONLY_DBMOVED", "broken"], // Another process moved or deleted the database file, so writes would be lost.
  ["SQLITE_READONLY", "unavailable"],
  ["SQLITE_CANTOPEN", "unavailable"], // The process has no free file descriptor, or lacks a permission.
  ["SQLITE_PERM", "unavailable"],
  ["SQLITE_AUTH", "unavailable"],
  ["SQLITE_NOMEM", "unavailable"],
  ["SQLITE_IOERR_NOMEM", "unavailable"],
  ["SQLITE_IOERR", "broken"],
  ["SQLITE_CORRUPT", "broken"],
  ["SQLITE_NOTADB", "broken"],
  ["SQLITE_CONSTRAINT", "conflict"],
];

export const sqliteFailure = (error: unknown): StoreFailure => {
  if (isStoreFailure(error)) return error;
  const { code = "", message } = error as { code?: unknown; message?: string };
  const name = String(code);
  const kind = sqliteKinds.find(([prefix]) => name.startsWith(prefix))?.[1] ?? "other";
  return new StoreFailure(kind, name, message ?? String(error), error);
};

// The kinds of PostgreSQL's error codes (appendix A): classes of codes by their first two characters, and single codes in mixed
// classes. The first prefix that matches an error code determines the kind.
const postgresKinds: readonly (readonly [prefix: string, kind: FailureKind])[] = [
  ["58030", "broken"], // io_error
  ["XX001", "broken"], // data_corrupted
  ["XX002", "broken"], // index_corrupted
  ["55P03", "busy"], // lock_not_available
  ["57014", "busy"], // query_canceled: statement_timeout
  ["40003", "lost"], // statement_completion_unknown
  ["40", "busy"], // serialization failure, deadlock
  ["53100", "full"], // disk_full
  ["53", "unavailable"], // The PostgreSQL server has no memory or connection left.
  ["25006", "unavailable"], // read_only_sql_transaction: a standby, or a server that was switched to read-only
  ["25P03", "lost"], // idle_in_transaction_session_timeout
  ["25P04", "lost"], // transaction_timeout
  ["28", "unavailable"], // The PostgreSQL server refused the login.
  ["3D", "unavailable"], // The database of the store does not exist.
  ["42501", "unavailable"], // insufficient_privilege
  ["55", "unavailable"], // The database or a table is not ready for the SQL statement.
  ["57P04", "unavailable"], // database_dropped
  ["57P", "lost"], // The PostgreSQL server is shutting down or starting up.
  ["58", "unavailable"], // The operating system of the PostgreSQL server reported another error.
  ["08", "lost"],
  ["23", "conflict"],
];

export const postgresFailure = (error: unknown): StoreFailure => {
  if (isStoreFailure(error)) return error;
  const { code, message, severity } = error as { code?: unknown; message?: string; severity?: unknown };
  const name = typeof code === "string" ? code : "";
  // Errors of PostgreSQL have a severity. All other errors come from the socket (EPIPE has no class). After an error of the
  // socket, the store does not know whether the SQL statement ran.
  if (error instanceof TypeError || error instanceof RangeError) return new StoreFailure("other", "", error.message, error);
  const known = severity === undefined ? "lost" : postgresKinds.find(([prefix]) => name.startsWith(prefix))?.[1];
  return new StoreFailure(known ?? "other", name, message ?? String(error), error);
};
