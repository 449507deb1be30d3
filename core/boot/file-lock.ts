// One process at a time may change a file. The lock is the operating system's, taken by SQLite: it ends with the process that
// holds it, so no lock is left behind and none has to be removed. A lock that is only a file has to be removed after a crash:
// when two processes remove it at the same moment, both of them believe that they hold the lock.

import { closeSync, constants, openSync } from "node:fs";
import { createRequire } from "node:module";
import { QuaterError } from "../diagnostics/errors.ts";
import { fileBehind } from "./private-file.ts";

interface Database {
  exec(sql: string): unknown;
  close(): unknown;
}

/** A change takes milliseconds. After this time, the process that holds the lock probably hangs. */
const waitMs = 10_000;

/**
 * Runs `change` while no other process runs one for the same file. The lock is an empty file beside it, `<file>.lock`, which
 * stays.
 *
 * @param file  For a link, the file behind it is locked, also when that file does not exist yet.
 * @param change  Must not call this function for the same file.
 * @throws {QuaterError} `unavailable` when the lock cannot be had within 10 seconds, or other users may write the folder.
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
    // Loaded here, because files are changed by few commands only.
    const Libsql = createRequire(import.meta.url)("libsql") as new (path: string, options: object) => Database;
    database = new Libsql(lock, { timeout: waitMs });
    database.exec("PRAGMA journal_mode = MEMORY"); // no second file beside the lock
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
      ? ["is held by another process", `Try again. To find the process that holds it, run \`fuser ${lock}\``]
      : code === "SQLITE_NOTADB" || code === "ELOOP"
        ? ["is not a lock file", `Run \`rm ${lock}\``]
        : [`cannot be locked: ${message}`, "Check that the folder can be written and is on a local disk"];
  return new QuaterError({ code: "unavailable", kind: "unavailable", message: `${lock} ${problem}`, hint, cause });
};
