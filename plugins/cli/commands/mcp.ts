// The command `quater mcp`, which serves MCP over standard input and output. Standard output gets only protocol messages.

import { mcpRef } from "../../offered.ts";
import { claimed } from "../output/claimed.ts";
import { exit } from "../output/exit.ts";
import { boot, load, notConfigured } from "../program/boot.ts";
import type { Context } from "../program/context.ts";
import { ProgramCommand, usage } from "../program/family.ts";
import { programWords } from "../program/program-words.ts";
import { whenAborted } from "../program/serving.ts";
import { McpAdd } from "./mcp-add.ts";

/** The longest time for running calls after SIGTERM, in milliseconds. MCP clients send SIGKILL two seconds after SIGTERM. */
const interruptedMs = 1_000;

class Mcp extends ProgramCommand {
  static override paths = [["mcp"]];
  static override usage = usage({
    description: "Serves MCP over standard input and output, until standard input ends.",
    details: "Reads the credential from QUATER_MCP_TOKEN. Logs and errors are written to standard error.",
    examples: [["The command that an MCP client starts", "quater mcp --config /srv/shop/quater.config.ts"]],
  });

  async perform(program: Context): Promise<number> {
    const { stdin } = program.terminal;
    if (stdin.isTTY === true)
      program.terminal.say(
        `quater mcp waits for the messages of an MCP client on standard input. To connect a client, run: ${programWords(program)} mcp add <client>. Ctrl-C ends the command\n`,
      );
    const output = claimed(program.terminal.stdout);
    const loaded = await load(program);
    const halted = new AbortController(); // The abort reason is the exit code.
    let patienceMs = 0; // If the client has disconnected, do not wait for its calls.
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

export const commands = [Mcp, McpAdd];
