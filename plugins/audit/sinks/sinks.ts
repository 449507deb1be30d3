// Sinks: places outside the store that an attacker who changes the store does not reach. An append-only file on another disk,
// or standard output that something collects. Each line is one JSON object.

import { closeSync, fstatSync, fsyncSync, mkdirSync, openSync, readSync, writeSync } from "node:fs";
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";
import type { SignedCheckpoint } from "../log/chain.ts";

export type SinkOption = "stdout" | { readonly file: string };

export interface Sink {
  readonly name: string;
  /** Of a file, which can be read back. */
  readonly path?: string;
  /** Returns once the line is there. An empty one only makes the file. */
  readonly send: (line: string) => void;
  /** The same without holding up the event loop. */
  readonly append: (lines: string) => Promise<void>;
}

export const lineOf = (checkpoint: SignedCheckpoint): string =>
  `${JSON.stringify({ type: "audit.checkpoint", ...checkpoint })}\n`;

/** @param mayPrint  Standard output belongs to the answer, or to a protocol, in commands that are not servers. */
export const sinksOf = (options: readonly SinkOption[], root: string, mayPrint: boolean): readonly Sink[] =>
  options.flatMap((option): Sink[] => {
    if (option === "stdout") return mayPrint ? [{ name: "stdout", send: print, append: async (lines) => print(lines) }] : [];
    const path = isAbsolute(option.file) ? option.file : join(root, option.file);
    return [{ name: `file:${path}`, path, send: (line) => append(path, line), append: (lines) => appendLater(path, lines) }];
  });

const print = (line: string): void => void process.stdout.write(line);

const lineEnd = 0x0a;

const append = (path: string, line: string): void => {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const file = openSync(path, "a+", 0o600);
  try {
    const { size } = fstatSync(file);
    const last = Buffer.alloc(1);
    if (size > 0) readSync(file, last, 0, 1, size - 1);
    if (line !== "") writeSync(file, (size > 0 && last[0] !== lineEnd ? "\n" : "") + line);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
};

const appendLater = async (path: string, lines: string): Promise<void> => {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const file = await open(path, "a+", 0o600);
  try {
    await file.write((await endsInsideLine(file)) ? `\n${lines}` : lines);
    await file.datasync();
  } finally {
    await file.close();
  }
};

/** A crash may have cut the last line. The next one must not continue it. */
const endsInsideLine = async (file: FileHandle): Promise<boolean> => {
  const { size } = await file.stat();
  if (size === 0) return false;
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer[0] !== lineEnd;
};
