// Reserves standard output for one protocol.

import { Writable } from "node:stream";

/**
 * Returns a stream to standard output. After the call, output of modules, handlers and libraries to standard output is written to
 * standard error. Call this function before any of them is loaded. Child processes that inherit the descriptor still print to
 * standard output.
 */
export const claimed = (stdout: Writable): Writable => {
  if (stdout !== process.stdout) return stdout;
  const write = process.stdout.write.bind(process.stdout) as (chunk: Buffer, done: (error?: Error | null) => void) => boolean;
  process.stdout.write = process.stderr.write.bind(process.stderr);
  return new Writable({ write: (chunk: Buffer, _encoding, done) => void write(chunk, done) });
};
