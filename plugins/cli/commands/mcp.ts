// `quater mcp`: MCP over standard input and output, on which nothing but the protocol is written.

import { type Readable, Writable } from "node:stream";
import { serviceRef } from "../../../core/plugin-api.ts";
import { exit } from "../output/exit.ts";
import { boot, load, notConfigured } from "../program/boot.ts";
import type { Context } from "../program/context.ts";
import { ProgramCommand, usage } from "../program/family.ts";

/** As the plugin mcp offers it. Services are compared by name, so that this program builds and runs without that plugin. */
const stdioRef = serviceRef<{
  serveStdio(streams: {
    readonly input: Readable;
    readonly output: Writable;
    readonly env: Context["env"];
    readonly say: (text: string) => void;
  }): Promise<void>;
}>("mcp");

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
    const kernel = await boot(program, loaded, { command: "mcp", halt: (_reason, code) => halted.abort(code) });
    try {
      const mcp = kernel.services.find(stdioRef);
      if (mcp === undefined)
        throw notConfigured(loaded, "mcp", "mcp({ authenticate: apiKeys() })", "there are no tools to serve");
      await kernel.start();
      const interrupt = program.heedInterrupt();
      const interrupted = new Promise<void>((resolve) => {
        for (const signal of [interrupt, halted.signal]) {
          if (signal.aborted) resolve();
          signal.addEventListener("abort", () => resolve(), { once: true });
        }
      });
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

/** Taken before anything is loaded: what modules print while they load must not reach the protocol either. */
const claimed = (stdout: Writable): Writable => {
  if (stdout !== process.stdout) return stdout;
  const write = process.stdout.write.bind(process.stdout) as (chunk: Buffer, done: (error?: Error | null) => void) => boolean;
  process.stdout.write = process.stderr.write.bind(process.stderr);
  return new Writable({ write: (chunk: Buffer, _encoding, done) => void write(chunk, done) });
};

export const commands = [Mcp];
