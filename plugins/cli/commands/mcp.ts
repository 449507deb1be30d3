// `quater mcp`: MCP over standard input and output, on which nothing but the protocol is written.

import { mcpRef } from "../../mcp/service.ts";
import { boot, load, notConfigured } from "../boot.ts";
import type { Context } from "../context.ts";
import { exit } from "../exit.ts";
import { ProgramCommand, usage } from "../family.ts";

class Mcp extends ProgramCommand {
  static override paths = [["mcp"]];
  static override usage = usage({
    description: "Serves MCP over standard input and output, until its input ends.",
    details: "The credential is QUATER_MCP_TOKEN. Everything that is not protocol goes to standard error.",
  });

  async perform(program: Context): Promise<number> {
    const loaded = await load(program);
    const kernel = await boot(program, loaded, { command: "mcp" });
    try {
      const mcp = kernel.services.find(mcpRef);
      if (mcp === undefined)
        throw notConfigured(loaded, "mcp", "mcp({ authenticate: apiKeys() })", "there are no tools to serve");
      await kernel.start();
      const interrupt = program.heedInterrupt();
      const interrupted = new Promise<void>((resolve) => {
        if (interrupt.aborted) resolve();
        interrupt.addEventListener("abort", () => resolve(), { once: true });
      });
      const { stdin, stdout } = program.terminal;
      await Promise.race([
        mcp.serveStdio({ input: stdin, output: stdout, env: program.env, say: (text) => program.terminal.say(text) }),
        interrupted,
      ]);
      return exit.ok;
    } finally {
      await kernel.stop();
    }
  }
}

export const commands = [Mcp];
