// Reads a sink from its end. A sink grows for years; the newest attestations stand in its last few kilobytes.

import { closeSync, fstatSync, openSync, readSync } from "node:fs";

const chunkBytes = 64 * 1024;

/**
 * Returns the lines of a file, last one first. Reads as much of the file as the caller asks lines for.
 *
 * @param mostBytes  How much of the end is read at most. The first line of it may be cut, and is left out.
 */
export const linesFromEnd = function* (path: string, mostBytes = Number.POSITIVE_INFINITY): Generator<string> {
  const file = openSync(path, "r");
  try {
    let end = fstatSync(file).size;
    const stop = Math.max(0, end - mostBytes);
    let rest = Buffer.alloc(0);
    while (end > stop) {
      const start = Math.max(0, end - chunkBytes);
      const chunk = Buffer.alloc(end - start);
      readSync(file, chunk, 0, chunk.length, start);
      // Lines are split as bytes, because a chunk may begin inside a character.
      const bytes = Buffer.concat([chunk, rest]);
      const first = start === 0 ? -1 : bytes.indexOf(0x0a);
      if (start > 0 && first === -1) rest = bytes;
      else {
        rest = bytes.subarray(0, first + 1);
        const lines = bytes
          .subarray(first + 1)
          .toString("utf8")
          .split("\n");
        for (const line of lines.reverse()) if (line !== "") yield line;
      }
      end = start;
    }
  } finally {
    closeSync(file);
  }
};
