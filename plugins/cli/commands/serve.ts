// `quater serve`: the server, until a signal asks it to end. Calls in flight are waited for.

import { Command } from "clipanion";
import { BootError } from "../../../core/problem.ts";
import { boot, load } from "../boot.ts";
import type { Context } from "../context.ts";
import { exit } from "../exit.ts";
import { exposureOf } from "../exposure.ts";
import { ProgramCommand } from "../family.ts";
import { serverLog } from "../log.ts";
import { startReport, startText } from "../start-report.ts";

class Serve extends ProgramCommand {
  static override paths = [["serve"]];
  static override usage = Command.Usage({
    description: "Serves HTTP, and MCP over HTTP, until SIGINT or SIGTERM.",
    details: "The first signal waits for calls in flight and exits 0; a second one exits at once, with 130 or 143.",
  });

  async perform(program: Context): Promise<number> {
    const loaded = await load(program);
    const log = await serverLog(program.terminal, program.env);
    const kernel = await boot(program, loaded, { command: "serve", log });
    const interrupt = program.heedInterrupt();
    // Where nothing listens on a socket, something has to keep the process.
    const staying = setInterval(() => {}, 2 ** 30);
    try {
      await kernel.start().catch((error: unknown) => {
        throw listenProblem(error);
      });
      const report = startReport(kernel, exposureOf(kernel));
      if (program.terminal.isErrorTerminal) program.terminal.say(startText(report, program.terminal.paintError));
      else log.info(`${report.name} is ready`, { url: report.url, mcp: report.mcp, handlers: report.handlers });
      await new Promise<void>((resolve) => {
        if (interrupt.aborted) resolve();
        interrupt.addEventListener("abort", () => resolve(), { once: true });
      });
      log.info(`Stopping on ${String(interrupt.reason)}`);
      return exit.ok;
    } finally {
      await kernel.stop();
      clearInterval(staying);
    }
  }
}

/** A listener of some plugin's that found its port taken: a mistake in the project, without a stack. */
const listenProblem = (error: unknown): unknown => {
  if (!(error instanceof Error) || (error as NodeJS.ErrnoException).code !== "EADDRINUSE") return error;
  const { port, address = "this machine" } = error as { port?: number; address?: string };
  return new BootError([
    {
      place: "start",
      cause: `Port ${port ?? "?"} on ${address} is already in use`,
      remedy: "Stop what listens there, or choose another port",
    },
  ]);
};

export const commands = [Serve];
