// `quater mcp`: MCP over standard input and output, on which nothing but the protocol is written.

import { mcpRef } from "../../offered.ts";
import { claimed } from "../output/claimed.ts";
import { exit } from "../output/exit.ts";
import { boot, load, notConfigured } from "../program/boot.ts";
import type { Context } from "../program/context.ts";
import { ProgramCommand, usage } from "../program/family.ts";
import { whenAborted } from "../program/serving.ts";

/** For calls in flight after SIGTERM, milliseconds: clients send SIGKILL two seconds later. */
const interruptedMs = 1_000;

class Mcp extends ProgramCommand {
  static override paths = [["mcp"]];
  static override usage = usage({
    description: "Serves MCP over standard input and output, until its input ends.",
    details: "The credential is QUATER_MCP_TOKEN. Everything that is not protocol goes to standard error.",
  });

  async perform(program: Context): Promise<number> {
    const { stdin } = program.terminal;
    const output = claimed(program.terminal.stdout);
    const loaded = await load(program);
    const halted = new AbortController(); // its reason is the exit code
    let patienceMs = 0; // a client that has left waits for nothing
    const kernel = await boot(program, loaded, { mode: "stdio", halt: (_reason, code) => halted.abort(code) });
    try {
      const mcp = kernel.services.find(mcpRef);
      if (mcp === undefined)
        throw notConfigured(loaded, "mcp", "mcp({ authenticate: apiKeys() })", "there are no tools to serve");
      await kernel.start();
      const interrupted = whenAborted(program.heedInterrupt(), halted.signal);
      await Promise.race([
        mcp.serveStdio({ input: stdin, output, env: program.env, say: (text) => program.terminal.say(text) }),
        interrupted.then(() => {
          patienceMs = interruptedMs;
        }),
      ]);
      return halted.signal.aborted ? (halted.signal.reason as number) : exit.ok;
    } finally {
      await kernel.stop(patienceMs);
    }
  }
}

export const commands = [Mcp];
