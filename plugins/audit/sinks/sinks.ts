// Sinks: places outside the store, which an attacker who can change the store does not reach. A sink is an append-only file on another
// disk, or standard output that a log collector reads. Each line is one JSON object.

import { appendFileSync, mkdirSync } from "node:fs";
import { appendFile, mkdir } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";
import type { SignedCheckpoint } from "../log/chain.ts";

export type SinkOption = "stdout" | { readonly file: string };

export interface Sink {
  readonly name: string;
  /** Of a file, which can be read back. */
  readonly path?: string;
  /** Returns once the line is there. An empty one only makes the file. */
  readonly send: (line: string) => void;
  /** As `send`, without blocking the event loop. */
  readonly append: (lines: string) => Promise<void>;
}

export const lineOf = (checkpoint: SignedCheckpoint): string =>
  `${JSON.stringify({ type: "audit.checkpoint", ...checkpoint })}\n`;

/** @param mayPrint  Standard output belongs to the answer, or to a protocol, in commands that are not servers. */
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
/** `flush`: the lines are on the disk when the call returns. */
const inFile = { mode: 0o600, flush: true } as const;

/**
 * Begins with the end of the line before. A crash may have cut that line, and another program may write to the file at any
 * moment, so a look at the file's last byte could be wrong by the time of the write. Readers skip the empty lines.
 */
const apart = (lines: string): string => (lines === "" ? "" : `\n${lines}`);
