// Runs a server in this process until a process signal ends it. `quater serve` and the child process of `quater dev` use this
// file.

import type { Kernel } from "../../../core/boot/kernel.ts";
import type { LoadedManifest } from "../../../core/boot/load.ts";
import { BootError, type BootProblem, type Log, type RunMode } from "../../../core/plugin-api.ts";
import { exit } from "../output/exit.ts";
import { failureLine, serverLog } from "../output/log.ts";
import { boot, load } from "./boot.ts";
import type { Context } from "./context.ts";

/**
 * @param ready  The function that is called once all ports are open.
 * @param prepare  The function that is called before the ports are opened.
 * @returns The exit code, after running calls have ended: 0, or the exit code of the plugin that stopped the process.
 */
export const serveUntilStopped = async (
  program: Context,
  mode: Extract<RunMode, "serve" | "dev">,
  ready: (kernel: Kernel, log: Log, loaded: LoadedManifest) => Promise<void>,
  prepare?: (kernel: Kernel) => void,
): Promise<number> => {
  const loaded = await load(program, { useBuild: mode === "serve" }); // In development, the sources are loaded and not a build.
  const log = await serverLog(program.terminal, program.env);
  if (!program.terminal.isErrorTerminal) program.sayFailuresAs(failureLine);
  const halted = new AbortController(); // The abort reason is the exit code.
  const halt = (reason: string, code: number) => {
    log.error(`${reason}. The server stops`);
    halted.abort(code);
  };
  const kernel = await boot(program, loaded, { mode, log, halt });
  const interrupt = program.heedInterrupt();
  // This timer keeps the process running when the project opens no port.
  const staying = setInterval(() => {}, 2 ** 30);
  try {
    prepare?.(kernel);
    if (mode === "serve") assertFit((await import("../checks/findings.ts")).servingProblems(kernel, loaded.file));
    await kernel.start();
    await ready(kernel, log, loaded);
    await whenAborted(interrupt, halted.signal);
    if (halted.signal.aborted) return halted.signal.reason as number;
    if (mode === "serve") log.info(`The server stops after ${String(interrupt.reason)}`);
    return exit.ok;
  } finally {
    await kernel.stop();
    clearInterval(staying);
  }
};

/** @throws {BootError} with all boot problems. */
const assertFit = (problems: readonly BootProblem[]): void => {
  if (problems.length > 0) throw new BootError(problems);
};

/** Returns a promise that resolves when one of the AbortSignals aborts. */
export const whenAborted = (...signals: readonly AbortSignal[]): Promise<void> =>
  new Promise((resolve) => {
    for (const signal of signals) {
      if (signal.aborted) resolve();
      signal.addEventListener("abort", () => resolve(), { once: true });
    }
  });

/** The port or socket that another process uses. */
export interface TakenPort {
  readonly port: number;
  readonly address?: string;
}

/** Returns the port that another process uses, so that the start failed; `undefined` for other errors. */
export const takenPortOf = (error: unknown): TakenPort | undefined => {
  const { code, port, address } = Object(Object(error).cause) as { code?: unknown; port?: unknown; address?: unknown };
  if (code !== "EADDRINUSE" || typeof port !== "number") return undefined;
  return { port, ...(typeof address === "string" ? { address } : {}) };
};
