// Where checkpoints go: places that whoever changes the store does not reach. An append-only file on another disk, or
// standard output that something collects.

import { closeSync, fsyncSync, mkdirSync, openSync, writeSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import type { SignedCheckpoint } from "./chain.ts";

export type SinkOption = "stdout" | { readonly file: string };

export interface CheckpointSink {
  readonly name: string;
  /** Returns once it is there. */
  readonly send: (checkpoint: SignedCheckpoint) => void;
}

/** One JSON object per line. */
export const lineOf = (checkpoint: SignedCheckpoint): string =>
  `${JSON.stringify({ type: "audit.checkpoint", ...checkpoint })}\n`;

/** @param mayPrint  Standard output belongs to the answer, or to a protocol, in commands that are not servers. */
export const sinksOf = (options: readonly SinkOption[], root: string, mayPrint: boolean): readonly CheckpointSink[] =>
  options.flatMap((option): CheckpointSink[] => {
    if (option === "stdout") return mayPrint ? [{ name: "stdout", send: (checkpoint) => print(lineOf(checkpoint)) }] : [];
    const path = isAbsolute(option.file) ? option.file : join(root, option.file);
    return [{ name: `file:${path}`, send: (checkpoint) => append(path, lineOf(checkpoint)) }];
  });

const print = (line: string): void => void process.stdout.write(line);

const append = (path: string, line: string): void => {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const file = openSync(path, "a", 0o600);
  try {
    writeSync(file, line);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
};
