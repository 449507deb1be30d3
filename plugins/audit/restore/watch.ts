// Reads a sink file: the whole file at boot, and later only the appended lines. Other instances write their uses of approvals to
// the sink, so even an instance without calls notices that the store was set back.

import type { KeyObject } from "node:crypto";
import { open, stat } from "node:fs/promises";
import { NewestLines } from "./newest-lines.ts";

const chunkBytes = 1024 * 1024;
/** How many bytes of the file's end are read again after `begin`, because a line may have been incomplete at that time. */
const againBytes = 64 * 1024;
const lineEnd = 0x0a;

export class SinkWatch {
  readonly path: string;
  /** The newest lines that this process has read from the file. After a reconnect, the store is compared with these lines. */
  newest = new NewestLines();
  /** The device and inode of the file that was read. */
  #file = "";
  /** How many bytes of the file were read and compared. The last of these bytes ends a line. */
  #read = 0;
  /** The size of the file at the last check. */
  #size = 0;
  #running: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  constructor(path: string) {
    this.path = path;
  }

  /**
   * Reads the whole file, and sets `newest`. Later reads start after the current content.
   *
   * @throws {Error} when the file cannot be read.
   */
  async begin(publicKeys: ReadonlyMap<string, KeyObject>): Promise<void> {
    this.#file = "";
    // Get the size before the file is read, so that no line is missed in between.
    const found = await stat(this.path);
    this.newest = await NewestLines.in(this.path, publicKeys);
    this.#file = nameOf(found);
    this.#size = found.size;
    this.#read = Math.max(0, found.size - againBytes);
  }

  /**
   * Reads the lines that were appended since the last read. Concurrent calls share one read, and each read starts after its
   * calls.
   *
   * @param compare  Rejects when the lines must be read again the next time.
   * @throws {Error} when the file cannot be read. A missing file counts as a file without lines, because the next write creates
   * the file.
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
        // Another process is still writing a line without a line end. A chunk without any line end is not from Quater.
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
