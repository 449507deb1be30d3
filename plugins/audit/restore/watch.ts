// Reads a sink: the whole file at boot, and later the lines that were added. Other instances write their uses of approvals there. So an
// instance without calls notices, too, that the store was set back.

import type { KeyObject } from "node:crypto";
import { open, stat } from "node:fs/promises";
import { NewestLines } from "./newest-lines.ts";

const chunkBytes = 1024 * 1024;
/** How much of the file's end is read again after `begin`: a line may have been on its way then. */
const againBytes = 64 * 1024;
const lineEnd = 0x0a;

export class SinkWatch {
  readonly path: string;
  /** The newest lines that this process has read from the file. After a reconnect the store is compared with them. */
  newest = new NewestLines();
  /** Device and inode of the file that was read. */
  #file = "";
  /** Bytes that were read and compared: whole lines. */
  #read = 0;
  /** Size of the file at the last look. */
  #size = 0;
  #running: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  constructor(path: string) {
    this.path = path;
  }

  /**
   * Reads the whole file, and sets `newest`. Later looks leave out what stands in the file now.
   *
   * @throws {Error} when the file cannot be read.
   */
  async begin(publicKeys: ReadonlyMap<string, KeyObject>): Promise<void> {
    this.#file = "";
    // Before the file is read, so that no line falls between the two.
    const found = await stat(this.path);
    this.newest = await NewestLines.in(this.path, publicKeys);
    this.#file = nameOf(found);
    this.#size = found.size;
    this.#read = Math.max(0, found.size - againBytes);
  }

  /**
   * Reads the lines that were added since the last look. Calls that wait at the same time share one look, and each look begins
   * after its calls.
   *
   * @param compare  Rejects when the lines must be read again the next time.
   * @throws {Error} when the file cannot be read. A file that is missing has no lines: the next write makes it.
   */
  look(compare: (lines: readonly string[]) => Promise<void>): Promise<void> {
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      const looked = this.#look(compare);
      this.#running = looked.catch(() => undefined);
      return looked;
    });
    return this.#next;
  }

  async #look(compare: (lines: readonly string[]) => Promise<void>): Promise<void> {
    const found = await stat(this.path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
    if (found === undefined || nameOf(found) !== this.#file || found.size < this.#read) this.#read = this.#size = 0;
    if (found === undefined) return;
    this.#file = nameOf(found);
    const { size } = found;
    if (size === this.#size) return;
    const file = await open(this.path, "r");
    try {
      while (this.#read < size) {
        const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.min(chunkBytes, size - this.#read)), 0, null, this.#read);
        const bytes = buffer.subarray(0, bytesRead);
        // A line without its end is still on its way. A chunk without any end is no line of ours.
        const whole = bytes.lastIndexOf(lineEnd) + 1;
        if (whole === 0 && bytesRead < chunkBytes) break;
        const taken = whole === 0 ? bytesRead : whole;
        await compare(bytes.toString("utf8", 0, taken).split(/\n+/));
        this.#read += taken;
      }
    } finally {
      await file.close();
    }
    this.#size = size;
  }
}

const nameOf = ({ dev, ino }: { readonly dev: number; readonly ino: number }): string => `${dev} ${ino}`;
