// Sinks are places outside the store, which an attacker who can change the store cannot reach. A sink is an append-only file on
// another disk, or standard output that a log collector reads. Each line is one JSON object.

import { appendFileSync, mkdirSync } from "node:fs";
import { appendFile, mkdir } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";
import type { SignedCheckpoint } from "../log/chain.ts";

export type SinkOption = "stdout" | { readonly file: string };

export interface Sink {
  readonly name: string;
  /** The path of a file sink, which can be read back. Absent for standard output. */
  readonly path?: string;
  /** Writes a line, and returns after the line is written. An empty line only creates the file. */
  readonly send: (line: string) => void;
  /** Writes lines like `send`, without blocking the event loop. */
  readonly append: (lines: string) => Promise<void>;
}

export const lineOf = (checkpoint: SignedCheckpoint): string =>
  `${JSON.stringify({ type: "audit.checkpoint", ...checkpoint })}\n`;

/**
 * @param mayPrint  Whether sinks may write to standard output. In other processes than servers, standard output is for the result
 * of the command or for a protocol.
 */
export const sinksOf = (options: readonly SinkOption[], root: string, mayPrint: boolean): readonly Sink[] =>
  options.flatMap((option): Sink[] => {
    if (option === "stdout") return mayPrint ? [{ name: "stdout", send: print, append: async (lines) => print(lines) }] : [];
    return [fileSink(isAbsolute(option.file) ? option.file : join(root, option.file))];
  });

const print = (line: string): void => void process.stdout.write(line);

const fileSink = (path: string): Sink => ({
  name: `file:${path}`,
  path,
  send: (line) => {
    mkdirSync(dirname(path), inFolder);
    appendFileSync(path, apart(line), inFile);
  },
  append: async (lines) => {
    await mkdir(dirname(path), inFolder);
    await appendFile(path, apart(lines), inFile);
  },
});

const inFolder = { recursive: true, mode: 0o700 } as const;
/** With `flush`, the lines are on the disk when the write returns. */
const inFile = { mode: 0o600, flush: true } as const;

/**
 * Begins the text with a line end. A crash may have cut the last line, and another program may write to the file at any moment,
 * so a check of the file's last byte could be outdated at the time of the write. Readers skip the empty lines.
 */
const apart = (lines: string): string => (lines === "" ? "" : `\n${lines}`);
