// Checks that the store's file is still the one that was opened. A deleted or replaced file still takes writes from processes that have it
// open, and all these writes are lost.

import { statSync } from "node:fs";
import { StoreFailure } from "./failure.ts";

/**
 * SQLite removes the write-ahead log and its index when the last process closes the database, and makes them anew for the
 * next one. They stay the same files while a connection is open.
 */
const parts = ["", "-wal", "-shm"] as const;

export class SameFile {
  readonly #path: string;
  /** Device and inode by part. */
  readonly #seen = new Map<string, string>();
  /** Whether this process has the database open, so that its log and index must stay. */
  #isOpen = false;

  /** @param path  Of the database, before it is opened: another file may be put in its place while it is opened. */
  constructor(path: string) {
    this.#path = path;
    this.assert();
  }

  /**
   * Call it once the database is open and its log was read. The log and index are remembered from now on.
   *
   * @throws {StoreFailure} `broken` when the database was deleted or replaced while it was opened.
   */
  opened(): void {
    this.#isOpen = true;
    this.assert();
  }

  /** @throws {StoreFailure} `broken` when a part of the database was deleted or replaced. */
  assert(): void {
    for (const part of parts) {
      if (part !== "" && !this.#isOpen) return;
      const found = statSync(this.#path + part, { throwIfNoEntry: false });
      const known = this.#seen.get(part);
      const identity = found === undefined ? undefined : `${found.dev} ${found.ino}`;
      if (known === undefined && identity !== undefined) this.#seen.set(part, identity);
      if (known === undefined || known === identity) continue;
      const what = `${this.#path}${part} was ${found === undefined ? "deleted" : "replaced"} while it was open`;
      throw new StoreFailure("broken", "STORE_MOVED", what);
    }
  }
}
