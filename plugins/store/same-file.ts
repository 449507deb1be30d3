// Whether the store's file is still the one that was opened. A file that was deleted or replaced goes on taking writes
// from those who have it open, and they are all lost.

import { statSync } from "node:fs";
import { StoreFailure } from "./failure.ts";

/** The write-ahead log and its index stay as long as somebody has the database open. */
const parts = ["", "-wal", "-shm"] as const;

export class SameFile {
  readonly #path: string;
  /** Device and inode by part: of the log and its index from when they are first seen. */
  readonly #seen = new Map<string, string>();

  /** @param path  Of the database, before it is opened. */
  constructor(path: string) {
    this.#path = path;
    this.assert();
  }

  /** @throws {StoreFailure} `broken` when a part of the database was deleted or replaced. */
  assert(): void {
    for (const part of parts) {
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
