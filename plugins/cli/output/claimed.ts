// Reserves standard output of the process for the messages of one protocol.

import { Writable } from "node:stream";

/**
 * Returns a stream to standard output. After this call, everything else that modules, handlers and libraries print to standard
 * output appears on standard error. Call this function before modules, handlers or libraries are loaded. A child process that
 * inherits the file descriptor can still print to standard output.
 */
export const claimed = (stdout: Writable): Writable => {
  if (stdout !== process.stdout) return stdout;
  const write = process.stdout.write.bind(process.stdout) as (chunk: Buffer, done: (error?: Error | null) => void) => boolean;
  process.stdout.write = process.stderr.write.bind(process.stderr);
  return new Writable({ write: (chunk: Buffer, _encoding, done) => void write(chunk, done) });
};
