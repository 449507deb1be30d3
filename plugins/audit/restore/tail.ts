// Reads the lines of a sink from the end to the beginning of the file, so that Quater reads the newest lines first. When the
// newest lines are known, Quater does not parse older lines.

import { open } from "node:fs/promises";

const chunkBytes = 256 * 1024;
/**
 * The longest line of a sink, bytes. Quater writes no longer lines, and skips longer lines when Quater reads a sink. So another
 * program cannot fill the memory of Quater with a long line.
 */
const mostLineBytes = 1024 * 1024;
const lineEnd = 0x0a;

/**
 * Returns the lines of a file in groups, last line first. This function skips empty lines, and lines of more than 1 MiB.
 *
 * @throws {Error} when Quater cannot read the file.
 */
export const linesFromEnd = async function* (path: string): AsyncGenerator<readonly string[]> {
  const file = await open(path, "r");
  try {
    let end = (await file.stat()).size;
    /** The end of a line whose beginning is in the next chunk of the sink file; `undefined` when the line is too long. */
    let rest: Buffer | undefined = Buffer.alloc(0);
    while (end > 0) {
      const start = Math.max(0, end - chunkBytes);
      const { buffer } = await file.read(Buffer.alloc(end - start), 0, end - start, start);
      end = start;
      const last = buffer.lastIndexOf(lineEnd);
      if (last === -1 && start > 0) {
        rest = joined(buffer, rest);
        continue;
      }
      // Split the lines as bytes, because a chunk of the file may begin inside a character.
      const first = start === 0 ? -1 : buffer.indexOf(lineEnd);
      const whole = rest === undefined ? buffer.subarray(first + 1, last + 1) : Buffer.concat([buffer.subarray(first + 1), rest]);
      rest = buffer.subarray(0, first + 1);
      yield whole
        .toString("utf8")
        .split("\n")
        .filter((line) => line !== "" && line.length <= mostLineBytes)
        .reverse();
    }
  } finally {
    await file.close();
  }
};

const joined = (chunk: Buffer, rest: Buffer | undefined): Buffer | undefined =>
  rest === undefined || chunk.length + rest.length > mostLineBytes ? undefined : Buffer.concat([chunk, rest]);
