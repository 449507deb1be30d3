// Reads MCP messages from stdin, which contains one message per line.

import type { Readable } from "node:stream";
import { IdFinder } from "./long-line.ts";

/** The size of the largest message, bytes (threat T12). This limit equals the limit for the body of a POST request. */
export const maxLineBytes = 1024 * 1024;

const newline = 10;
const carriageReturn = 13;

/** A line that was too long. Only the id of the message in the line stays in memory. */
export type LongLine = Pick<IdFinder, "id">;

/** Yields the lines of stdin without the line ends. */
export async function* linesOf(input: Readable): AsyncGenerator<Buffer | LongLine> {
  let parts: Buffer[] = [];
  let size = 0;
  let long: IdFinder | undefined;
  try {
    for await (const chunk of input) {
      let rest = typeof chunk === "string" ? Buffer.from(chunk) : (chunk as Buffer);
      while (rest.length > 0) {
        const end = rest.indexOf(newline);
        const part = end === -1 ? rest : rest.subarray(0, end);
        size += part.length;
        parts.push(part);
        if (size > maxLineBytes) {
          long ??= new IdFinder();
          for (const one of parts) long.read(one);
          parts = [];
        }
        if (end === -1) break;
        rest = rest.subarray(end + 1);
        if (long === undefined) yield* message(parts);
        else yield long;
        parts = [];
        size = 0;
        long = undefined;
      }
    }
    yield* message(parts);
  } catch {
    return; // A broken pipe or a client that stopped reading counts as the end of the input.
  }
}

/** Yields the bytes of the message in a line. Yields no message for a blank line. */
function* message(parts: readonly Buffer[]): Generator<Buffer> {
  const bytes = Buffer.concat(parts);
  if (bytes.length > 1 || (bytes.length === 1 && bytes[0] !== carriageReturn)) yield bytes;
}
