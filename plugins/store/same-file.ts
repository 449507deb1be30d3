// Checks that the SQLite file of the store is still the file that this process opened. After somebody has deleted or replaced a
// file, processes that have this file open can still write to the old file. All these writes are lost.

import { statSync } from "node:fs";
import { StoreFailure } from "./failure.ts";

/**
 * The endings of the names of a database's files. SQLite deletes the write-ahead log and the index of this log when the last
 * process closes the database, and creates both files again for the next process. While a connection is open, both files stay the
 * same files.
 */
const parts = ["", "-wal", "-shm"] as const;

export class SameFile {
  readonly #path: string;
  /** The device and inode of each file of the database. */
  readonly #seen = new Map<string, string>();
  /** Whether this process has the database open, so that the write-ahead log and the index of this log must not change. */
  #isOpen = false;

  /**
   * @param path  The path of the database file. Create this object before you open the database, because another file may replace
   *   the database file while SQLite opens it.
   */
  constructor(path: string) {
    this.#path = path;
    this.assert();
  }

  /**
   * The caller calls this method after SQLite has opened the database and read its write-ahead log. From now on, this object
   * remembers the write-ahead log and the index of the write-ahead log.
   *
   * @throws {StoreFailure} `broken` when the database was deleted or replaced while SQLite opened it.
   */
  opened(): void {
    this.#isOpen = true;
    this.assert();
  }

  /** Checks the files of the database. @throws {StoreFailure} `broken` when one of these files was deleted or replaced. */
  assert(): void {
    for (const part of parts) {
      if (part !== "" && !this.#isOpen) return;
      const found = statSync(this.#path + part, { throwIfNoEntry: false });
      const known = this.#seen.get(part);
      const identity = found === undefined ? undefined : `${found.dev} ${found.ino}`;
      if (known === undefined && identity !== undefined) this.#seen.set(part, identity);
      if (known === undefined || known === identity) continue;
      const what = `The database file ${this.#path}${part} was ${found === undefined ? "deleted" : "replaced"} while the file was open`;
      throw new StoreFailure("broken", "STORE_MOVED", what);
    }
  }
}
