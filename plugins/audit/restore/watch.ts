// Reads a sink file: the whole sink file at boot, and later only the appended lines. Other instances write their uses of
// approvals to the sink file, so even an instance without calls notices that the store was set back.

import type { KeyObject } from "node:crypto";
import { open, stat } from "node:fs/promises";
import { NewestLines } from "./newest-lines.ts";

const chunkBytes = 1024 * 1024;
/**
 * How many bytes at the end of the sink file this process reads again after `begin`, because a line may have been incomplete when
 * `begin` read the line.
 */
const againBytes = 64 * 1024;
const lineEnd = 0x0a;

export class SinkWatch {
  readonly path: string;
  /**
   * The newest lines that this process has read from the sink file. After a reconnect, this process compares the store with these
   * lines.
   */
  newest = new NewestLines();
  /** The device and inode of the sink file that this process has read. */
  #file = "";
  /** How many bytes of the sink file this process has read and compared with the store. The last of these bytes ends a line. */
  #read = 0;
  /** The size of the sink file at the last check, bytes. */
  #size = 0;
  #running: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  constructor(path: string) {
    this.path = path;
  }

  /**
   * Reads the whole sink file, and sets `newest`. Later reads start after the current content of the sink file.
   *
   * @throws {Error} when this process cannot read the sink file.
   */
  async begin(publicKeys: ReadonlyMap<string, KeyObject>): Promise<void> {
    this.#file = "";
    // Get the size before the sink file is read, so that later reads include lines that are appended during this read.
    const found = await stat(this.path);
    this.newest = await NewestLines.in(this.path, publicKeys);
    this.#file = nameOf(found);
    this.#size = found.size;
    this.#read = Math.max(0, found.size - againBytes);
  }

  /**
   * Reads the lines that were appended to the sink file since the last read. Concurrent calls of this function share one read,
   * which starts after these calls.
   *
   * @param compare  Compares the lines with the store. If `compare` rejects, the next call reads these lines again.
   * @throws {Error} when this process cannot read the sink file. A missing sink file counts as a sink file without lines, because
   * the next write creates the sink file.
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
        // Another process is still writing a line that has no line end yet. Another program than Quater wrote a chunk that has no
        // line end at all.
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
