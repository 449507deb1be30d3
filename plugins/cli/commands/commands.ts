// The command `quater commands`, which lists the commands that configured plugins add to the program.

import { visible } from "../../../core/diagnostics/text.ts";
import { exit } from "../output/exit.ts";
import { aligned, resultText } from "../output/render.ts";
import { withKernel } from "../program/boot.ts";
import type { Context } from "../program/context.ts";
import { ProgramCommand, usage } from "../program/family.ts";

class Commands extends ProgramCommand {
  static override paths = [["commands"]];
  static override usage = usage({
    description: "Lists the commands that configured plugins add.",
    examples: [["List the commands", "quater commands"]],
  });

  perform(program: Context): Promise<number> {
    return withKernel(program, { mode: "inspect" }, async (kernel) => {
      const found = kernel.commands.map(({ path, description }) => ({ command: path.join(" "), description }));
      const text = aligned(
        found.map(({ command, description }) => [visible(`quater ${command}`), visible(description)]),
        "",
      );
      const none = "No configured plugin adds a command.\n";
      await program.terminal.write(program.isJson ? resultText(found, program) : text === "" ? none : text);
      return exit.ok;
    });
  }
}

export const commands = [Commands];
