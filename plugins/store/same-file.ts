// Checks that the file of the store is still the file that this process opened. A deleted or replaced file still accepts writes
// from processes that have it open, and all these writes are lost.

import { statSync } from "node:fs";
import { StoreFailure } from "./failure.ts";

/**
 * The files of a database. SQLite removes the write-ahead log and its index when the last process closes the database, and
 * creates both files again for the next process. While a connection is open, both files stay the same files.
 */
const parts = ["", "-wal", "-shm"] as const;

export class SameFile {
  readonly #path: string;
  /** The device and inode of each file. */
  readonly #seen = new Map<string, string>();
  /** Whether this process has the database open, so that the write-ahead log and the index of this log must stay. */
  #isOpen = false;

  /**
   * @param path  The path of the database. Create the object before the database is opened, because another file may replace the
   * database during the opening.
   */
  constructor(path: string) {
    this.#path = path;
    this.assert();
  }

  /**
   * Called once the database is open and its write-ahead log was read. From now on, this object remembers the write-ahead log
   * and the index of the write-ahead log.
   *
   * @throws {StoreFailure} `broken` when the database was deleted or replaced while it was opened.
   */
  opened(): void {
    this.#isOpen = true;
    this.assert();
  }

  /** Checks the files. @throws {StoreFailure} `broken` when one of the files was deleted or replaced. */
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
