// Reads the input of a call from `--input FILE` or `--input -`. The whole input is one JSON text.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { tooLarge } from "../../../core/diagnostics/errors.ts";
import { UsageError } from "../output/exit.ts";
import type { Context } from "../program/context.ts";

/** The largest JSON text of an input, in bytes (threat T12). The limit equals the default limit of an HTTP request body. */
const maxInputBytes = 1_048_576;

/**
 * Opens a file with input immediately, so that the program reports a wrong file name as a mistake in the command line. For the
 * name `-`, only the returned function reads standard input.
 *
 * @returns A function that returns the bytes of the input. @throws {QuaterError} `too_large`.
 * @throws {UsageError} when the file with input cannot be read.
 */
export const openInput = ({ cwd, terminal }: Context, name: string): (() => Promise<Buffer>) => {
  if (name === "-") return () => readAll(terminal.stdin, terminal.isErrorTerminal ? (text) => terminal.say(text) : undefined);
  const bytes = readFileOr(resolve(cwd, name), (reason) => new UsageError(`--input ${name}: ${reason}`));
  return async () => limited(bytes);
};

const readFileOr = (file: string, failure: (reason: string) => Error): Buffer => {
  try {
    return readFileSync(file);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw failure(code === "ENOENT" ? "the file does not exist" : code === "EISDIR" ? "the path is a folder" : message);
  }
};

const limited = (bytes: Buffer): Buffer => {
  if (bytes.length > maxInputBytes) throw tooLarge("The input", "1 MiB");
  return withoutMark(bytes);
};

/**
 * Returns the bytes of an input without a byte order mark. Shells and editors on Windows write this mark at the beginning of
 * files and pipes. Other surfaces refuse the mark, because RFC 8259 8.1 forbids programs to send the mark.
 */
const withoutMark = (bytes: Buffer): Buffer =>
  bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;

/**
 * Reads a UTF-8 text file that a person may have written, without a byte order mark. @throws the error of the operating system.
 */
export const readTextFile = (file: string): string => withoutMark(readFileSync(file)).toString("utf8");

const readAll = async (
  stdin: AsyncIterable<unknown> & { readonly isTTY?: boolean },
  say: ((text: string) => void) | undefined,
): Promise<Buffer> => {
  if (stdin.isTTY === true) say?.("Type the input as JSON and end it with Ctrl-D.\n");
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of stdin) {
    const bytes = Buffer.isBuffer(part) ? part : Buffer.from(String(part));
    size += bytes.length;
    if (size > maxInputBytes) throw tooLarge("The input", "1 MiB");
    parts.push(bytes);
  }
  return withoutMark(Buffer.concat(parts));
};
