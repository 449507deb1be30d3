// Lends the program the process, and turns signals and broken pipes into what a shell expects.

import { Console } from "node:console";
import { exit, exitOfSignal } from "./exit.ts";
import { runProgram } from "./program.ts";

const interrupt = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    // The first asks, the second insists.
    if (interrupt.signal.aborted) process.exit(exitOfSignal(signal));
    interrupt.abort(signal);
  });
}
process.on("uncaughtException", (error) => {
  process.stderr.write(`quater: unexpected failure\n${error?.stack ?? String(error)}\n`);
  process.exit(exit.internal);
});

const { env, stdin, stdout, stderr } = process;
// What a handler prints is no result.
globalThis.console = new Console(stderr, stderr);
const code = await runProgram({
  argv: process.argv.slice(2),
  env,
  cwd: process.cwd(),
  stdin,
  stdout,
  stderr,
  interrupt: interrupt.signal,
});
// Not left to the event loop: a handler's timer or an open connection would hold a finished command.
process.exit(code);
