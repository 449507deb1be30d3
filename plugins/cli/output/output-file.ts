// Writes a result to the file that `--output` names. The new file gets this name only when the result is complete, so a failed
// call does not change an existing file.

import { randomBytes } from "node:crypto";
import { createWriteStream } from "node:fs";
import { open, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { finished } from "node:stream/promises";
import { cut, visible } from "../../../core/diagnostics/text.ts";
import type { Context, Results } from "../program/context.ts";
import { UsageError } from "./exit.ts";
import { Terminal } from "./terminal.ts";

/** The mode of a new output file. Only the owner may read an output file, because a result may contain personal data. */
const mode = 0o600;

/**
 * Runs `work` and writes its results into an output file, as JSON or as the bytes of a file.
 *
 * @param work  Returns the exit code of the command. The output file is kept only for the exit code 0.
 * @throws {UsageError} when the output file cannot be written.
 */
export const writingTo = async (file: string, context: Context, work: (results: Results) => Promise<number>): Promise<number> => {
  const target = await targetOf(resolve(context.cwd, file)).catch((error: unknown) => unwritable(file, error));
  const handle = await open(target.path, target.flags, target.mode).catch((error: unknown) => unwritable(file, error));
  const stream = createWriteStream("", { fd: handle });
  const { terminal, env } = context;
  const output = new Terminal({ stdin: terminal.stdin, stdout: stream, stderr: terminal.stderr }, env);
  try {
    const code = await work({ terminal: output, isJson: true });
    await output.end();
    stream.end();
    await finished(stream).catch(() => undefined);
    const ended = output.exitCode ?? code;
    if (ended === 0) await target.keep();
    return ended;
  } finally {
    stream.destroy();
    await target.discard();
  }
};

interface Target {
  readonly path: string;
  readonly flags: string;
  readonly mode: number;
  readonly keep: () => Promise<void>;
  readonly discard: () => Promise<void>;
}

const targetOf = async (path: string): Promise<Target> => {
  // Follow symbolic links, so that the link stays and the target of the link is replaced.
  const real = await realpath(path).catch(() => path);
  const found = await stat(real).catch(() => undefined);
  const nothing = async () => {};
  // A device or a pipe cannot be replaced, so the result is written into the device or pipe.
  if (found?.isFile() === false) return { path: real, flags: "w", mode, keep: nothing, discard: nothing };
  const part = join(dirname(real), `.${basename(real)}.${randomBytes(6).toString("hex")}.part`);
  return {
    path: part,
    flags: "wx",
    mode: found === undefined ? mode : found.mode & 0o777,
    keep: () => rename(part, real),
    discard: () => rm(part, { force: true }),
  };
};

const unwritable = (file: string, error: unknown): never => {
  const { code } = Object(error) as { code?: unknown };
  throw new UsageError(`--output names ${JSON.stringify(cut(visible(file)))}, which cannot be written (${String(code)})`);
};
