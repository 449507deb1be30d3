// Sinks are places outside the store, which an attacker who can change the store cannot reach. A sink is an append-only file on
// another disk, or standard output that a log collector reads. Each line of a sink is one JSON object.

import { appendFileSync, mkdirSync } from "node:fs";
import { appendFile, mkdir } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";
import type { SignedCheckpoint } from "../log/chain.ts";

export type SinkOption = "stdout" | { readonly file: string };

export interface Sink {
  readonly name: string;
  /** The path of the sink file, which Quater can read back. Absent for standard output. */
  readonly path?: string;
  /**
   * Writes a line to the sink, and returns after the line is written. If the line is empty, this function only creates the sink
   * file.
   */
  readonly send: (line: string) => void;
  /** Writes lines to the sink like `send`, without blocking the event loop. */
  readonly append: (lines: string) => Promise<void>;
}

export const lineOf = (checkpoint: SignedCheckpoint): string =>
  `${JSON.stringify({ type: "audit.checkpoint", ...checkpoint })}\n`;

/**
 * @param mayPrint  Whether sinks may write to standard output. In other processes than servers, standard output is for the result
 * of a command or for the MCP protocol.
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
/** The options of writes to a sink file. With `flush`, the lines are on the disk when the write returns. */
const inFile = { mode: 0o600, flush: true } as const;

/**
 * Adds a line end before the lines, because a crash may have cut the last line of the sink file. Quater does not check the last
 * byte of the sink file instead, because another program may write to the sink file between the check and the write. Readers of a
 * sink skip empty lines.
 */
const apart = (lines: string): string => (lines === "" ? "" : `\n${lines}`);
