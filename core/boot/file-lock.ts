// Lets one process at a time change a file. SQLite requests the file lock from the operating system, which frees the lock when
// the process ends. A lock that is only a file would have to be removed after a crash. If two processes removed such a lock file
// at the same moment, both processes would believe that they have the lock.

import { closeSync, constants, openSync } from "node:fs";
import { createRequire } from "node:module";
import { QuaterError } from "../diagnostics/errors.ts";
import { fileBehind } from "./private-file.ts";

interface Database {
  exec(sql: string): unknown;
  close(): unknown;
}

/**
 * How long to wait for the file lock, milliseconds. A change of a file takes milliseconds, so after `waitMs` milliseconds the
 * other process probably hangs.
 */
const waitMs = 10_000;

/**
 * Runs `change` while no other process runs a `change` for the same file, and returns the result of `change`. The lock is an
 * empty file `<file>.lock`. Quater never removes this lock file.
 *
 * @param file  The file to lock. If the file is a link, Quater locks the target of the link, even when the target does not exist
 * yet.
 * @param change  The function that changes the file. `change` must not call `withFileLock` for the same file.
 * @throws {QuaterError} `unavailable` when the lock is not free within 10 seconds, or when other users can write the folder of
 * the file.
 */
export const withFileLock = <Result>(file: string, change: () => Result): Result => {
  const database = locked(file);
  try {
    return change();
  } finally {
    database.exec("ROLLBACK");
    database.close();
  }
};

const locked = (file: string): Database => {
  const lock = `${fileBehind(file)}.lock`;
  let database: Database | undefined;
  try {
    closeSync(openSync(lock, constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0), 0o600));
    // Load the SQLite driver only here, because only few commands lock files.
    const Libsql = createRequire(import.meta.url)("libsql") as new (path: string, options: object) => Database;
    database = new Libsql(lock, { timeout: waitMs });
    database.exec("PRAGMA journal_mode = MEMORY"); // In the default mode, SQLite would create a second file.
    database.exec("BEGIN EXCLUSIVE");
    return database;
  } catch (error) {
    database?.close();
    throw refusal(lock, error);
  }
};

const refusal = (lock: string, cause: unknown): QuaterError => {
  const { code, message } = cause as NodeJS.ErrnoException;
  const [problem, hint] =
    code === "SQLITE_BUSY"
      ? [
          "is locked by another process",
          `Repeat the command. To find the process that has locked the file, run \`fuser ${lock}\``,
        ]
      : code === "SQLITE_NOTADB" || code === "ELOOP"
        ? ["exists, but is not a lock file of Quater", `Remove the file with \`rm ${lock}\`, then repeat the command`]
        : [`cannot be locked: ${message}`, "Check that the folder of the lock file is writable and is on a local disk"];
  return new QuaterError({ code: "unavailable", kind: "unavailable", message: `${lock} ${problem}`, hint, cause });
};
