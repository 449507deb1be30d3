// `quater openapi`: prints the whole document, not filtered by rights.

import { httpRef } from "../../offered.ts";
import { exit } from "../output/exit.ts";
import { resultText } from "../output/render.ts";
import { notConfigured, withKernel } from "../program/boot.ts";
import type { Context } from "../program/context.ts";
import { ProgramCommand, usage } from "../program/family.ts";

class OpenApi extends ProgramCommand {
  static override paths = [["openapi"]];
  static override usage = usage({ description: "Prints the OpenAPI 3.1 document of all routes, as JSON." });

  perform(program: Context): Promise<number> {
    return withKernel(program, { mode: "inspect" }, async (kernel, loaded) => {
      const http = kernel.services.find(httpRef);
      if (http === undefined)
        throw notConfigured(loaded, "http", "http({ authenticate: apiKeys() })", "there are no routes to document");
      await program.terminal.write(resultText(await http.openApi(undefined), { ...program, isJson: true }));
      return exit.ok;
    });
  }
}

export const commands = [OpenApi];
