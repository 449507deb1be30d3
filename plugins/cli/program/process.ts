// Connects the program with the process, and turns signals and broken pipes into the exit codes that a shell expects.

import { Console } from "node:console";
import { exit, exitOfSignal } from "../output/exit.ts";
import { runProgram } from "./program.ts";

const interrupt = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    // The first asks, the second insists.
    if (interrupt.signal.aborted) process.exit(exitOfSignal(signal));
    interrupt.abort(signal);
  });
}
let hasFailed = false;
let failureText = (error: unknown): string =>
  `quater: unexpected failure\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`;
/** As long as a kernel drains by default, and a little more. */
const patienceMs = 12_000;
process.on("uncaughtException", (error) => {
  process.stderr.write(failureText(error));
  if (hasFailed) process.exit(exit.internal);
  hasFailed = true;
  // A server waits for the other running calls, as on a signal. Any other process ends at once.
  interrupt.abort("an unexpected failure");
  setTimeout(() => process.exit(exit.internal), patienceMs).unref();
});

const { env, stdout, stderr } = process;
// What a handler prints is no result.
globalThis.console = new Console(stderr, stderr);
const code = await runProgram({
  argv: process.argv.slice(2),
  env,
  cwd: process.cwd(),
  // Opened on first use: most commands do not read it.
  get stdin() {
    return process.stdin;
  },
  stdout,
  stderr,
  interrupt: interrupt.signal,
  sayFailuresAs: (line) => {
    failureText = line;
  },
});
// Not left to the event loop: a handler's timer or an open connection would hold a finished command.
process.exit(hasFailed ? exit.internal : code);
