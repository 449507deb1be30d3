// The command `quater exposure`, which prints which handlers are exposed over which surface, for reviewers.

import { exposureOf, exposureText } from "../exposure/exposure.ts";
import { exit } from "../output/exit.ts";
import { resultText } from "../output/render.ts";
import { withKernel } from "../program/boot.ts";
import type { Context } from "../program/context.ts";
import { ProgramCommand, usage } from "../program/family.ts";

class Exposure extends ProgramCommand {
  static override paths = [["exposure"]];
  static override usage = usage({
    description: "Lists every handler with its surfaces, effect, auth and approval.",
  });

  perform(program: Context): Promise<number> {
    return withKernel(program, { mode: "inspect" }, async (kernel) => {
      const report = exposureOf(kernel);
      await program.terminal.write(program.isJson ? resultText(report, program) : exposureText(report, program.terminal.paint));
      return exit.ok;
    });
  }
}

export const commands = [Exposure];
