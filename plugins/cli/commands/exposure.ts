// `quater exposure`: what a reviewer wants to see.

import { withKernel } from "../boot.ts";
import type { Context } from "../context.ts";
import { exit } from "../exit.ts";
import { exposureOf, exposureText } from "../exposure.ts";
import { ProgramCommand, usage } from "../family.ts";
import { resultText } from "../render.ts";

class Exposure extends ProgramCommand {
  static override paths = [["exposure"]];
  static override usage = usage({
    description: "Shows what is reachable: every handler, on every surface, with effect, auth and approval.",
  });

  perform(program: Context): Promise<number> {
    return withKernel(program, { command: "inspect" }, async (kernel) => {
      const report = exposureOf(kernel);
      await program.terminal.write(program.isJson ? resultText(report, program) : exposureText(report, program.terminal.paint));
      return exit.ok;
    });
  }
}

export const commands = [Exposure];
