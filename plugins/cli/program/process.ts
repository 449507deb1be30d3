// Connects the program with the process, and converts process signals and broken pipes into the exit codes that a shell expects.

import { Console } from "node:console";
import { errorText } from "../../../core/diagnostics/error-text.ts";
import { exit, exitOfSignal } from "../output/exit.ts";
import { runProgram } from "./program.ts";

const interrupt = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    // The first process signal asks the program to end, and the second process signal ends the program immediately.
    if (interrupt.signal.aborted) process.exit(exitOfSignal(signal));
    interrupt.abort(signal);
  });
}
let hasFailed = false;
let failureText = (error: unknown): string => `quater: unexpected failure\n${errorText(error)}\n`;
/**
 * The longest time from a failure to the end of the process, in milliseconds. The time is a little longer than the time for which
 * the kernel waits for running calls.
 */
const patienceMs = 12_000;
process.on("uncaughtException", (error) => {
  process.stderr.write(failureText(error));
  if (hasFailed) process.exit(exit.internal);
  hasFailed = true;
  // After a failure, a server waits for the other running calls, as after a process signal. Other processes end immediately.
  interrupt.abort("an unexpected failure");
  setTimeout(() => process.exit(exit.internal), patienceMs).unref();
});

const idle = new AbortController();
process.on("beforeExit", () => {
  if (idle.signal.aborted) {
    process.stderr.write(
      "quater: The command cannot end, because code of the project waits for a promise that never resolves. No timer and no connection is open\n",
    );
    process.exit(exit.internal);
  }
  idle.abort();
  setImmediate(() => {}); // Runs one more turn of the event loop, so that a call can report an endless handler.
});

const { env, stdout, stderr } = process;
// The output of console.log in a handler is not a result, so the output is written to standard error.
globalThis.console = new Console(stderr, stderr);
const code = await runProgram({
  argv: process.argv.slice(2),
  env,
  cwd: process.cwd(),
  // Open standard input at the first use, because most commands do not read standard input.
  get stdin() {
    return process.stdin;
  },
  stdout,
  stderr,
  interrupt: interrupt.signal,
  idle: idle.signal,
  sayFailuresAs: (line) => {
    failureText = line;
  },
});
// End the process here, because a timer of a handler or an open connection would keep the process of a finished command running.
process.exit(hasFailed ? exit.internal : code);
