// The command `quater serve`, which runs the server until a process signal stops it, and then waits for running calls.

import { exposureOf } from "../exposure/exposure.ts";
import { startReport, startText } from "../output/start-report.ts";
import type { Context } from "../program/context.ts";
import { ProgramCommand, usage } from "../program/family.ts";
import { serveUntilStopped } from "../program/serving.ts";

class Serve extends ProgramCommand {
  static override paths = [["serve"]];
  static override usage = usage({
    description: "Serves HTTP, and MCP over HTTP, until SIGINT or SIGTERM.",
    details:
      "After the first signal, the server waits for running calls and exits with 0. After a second signal, it exits immediately with 130 or 143.",
    examples: [["Serve in production", "quater serve"]],
  });

  perform(program: Context): Promise<number> {
    return serveUntilStopped(program, "serve", async (kernel, log) => {
      const report = await startReport(kernel, exposureOf(kernel), program);
      if (program.terminal.isErrorTerminal) program.terminal.say(startText(report, program.terminal.paintError));
      else log.info(`${report.name} is ready`, { url: report.url, mcp: report.mcp, handlers: report.handlers });
    });
  }
}

export const commands = [Serve];
