// Fills a file system, for tests of what happens when no space is left.

import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

/**
 * Writes a file into the folder until its file system has no byte left.
 *
 * @returns A function that removes the file.
 */
export const fillDisk = (folder: string): (() => void) => {
  const path = join(folder, "filler");
  const file = openSync(path, "w");
  try {
    for (let size = 1024 * 1024; size >= 1; ) {
      try {
        if (writeSync(file, Buffer.alloc(size)) < size) size >>= 1;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
        size >>= 1;
      }
    }
  } finally {
    closeSync(file);
  }
  return () => rmSync(path);
};
