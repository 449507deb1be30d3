// Runs commands that configured plugins add. These commands are known only after the kernel has set up the project, so the
// program looks for them last.

import type { Kernel } from "../../../core/boot/kernel.ts";
import { isBootError } from "../../../core/diagnostics/problem.ts";
import { commandFor, runCommand, unknownAmong } from "../output/plain.ts";
import { boot, load } from "./boot.ts";
import type { Context } from "./context.ts";

/**
 * @param words  The typed words, including flags.
 * @param unknown  Makes the error for words that no plugin command has.
 */
export const runPluginCommand = async (
  context: Context,
  words: readonly string[],
  unknown: (why?: string) => Error,
): Promise<number> => {
  let kernel: Kernel;
  try {
    kernel = await boot(context, await load(context), { mode: "run" });
  } catch (error) {
    if (!isBootError(error)) throw error;
    const [first] = error.problems;
    throw unknown(`the commands of plugins are not known, because the project does not boot (${first?.place}: ${first?.cause})`);
  }
  try {
    const command = commandFor(kernel.commands, words);
    if (command === undefined) {
      const alike = kernel.commands.filter(({ path }) => path[0] === words[0]);
      throw alike.length === 0 ? unknown() : unknownAmong(alike, words);
    }
    if (!context.isHelp) await kernel.start();
    return await runCommand(context, command, words.slice(command.path.length));
  } finally {
    await kernel.stop();
  }
};
