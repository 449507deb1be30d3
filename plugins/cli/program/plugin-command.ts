// Runs commands that configured plugins add. The program knows these commands only after the kernel has set up the project, so
// the program looks for these commands last.

import type { Kernel } from "../../../core/boot/kernel.ts";
import type { LoadedManifest } from "../../../core/boot/load.ts";
import { isBootError } from "../../../core/diagnostics/problem.ts";
import { exit } from "../output/exit.ts";
import { commandFor, runCommand, unknownAmong } from "../output/plain.ts";
import { boot, load, notConfigured } from "./boot.ts";
import { helpsFor, helpText } from "./command-help.ts";
import type { Context } from "./context.ts";
import { groupHelp, pluginGroups } from "./plugin-groups.ts";

/**
 * @param words  The typed words, including flags.
 * @param unknown  A function that makes the error for words that are no command of a plugin.
 */
export const runPluginCommand = async (
  context: Context,
  words: readonly string[],
  unknown: (why?: string) => Error,
): Promise<number> => {
  const group = pluginGroups.find(({ word }) => word === words[0]);
  if (group !== undefined && context.isHelp) {
    await context.terminal.write(helpText(helpsFor((await groupHelp(group.word)) ?? [], words), context.terminal.paint));
    return exit.ok;
  }
  let kernel: Kernel;
  let loaded: LoadedManifest;
  try {
    loaded = await load(context);
    kernel = await boot(context, loaded, { mode: "run" });
  } catch (error) {
    // The typed command exists, so the mistake is in the project and not in the command line.
    if (!isBootError(error) || group !== undefined) throw error;
    const [first] = error.problems;
    throw unknown(`the commands of plugins are not known, because the project does not boot (${first?.place}: ${first?.cause})`);
  }
  try {
    const command = commandFor(kernel.commands, words);
    if (command === undefined) {
      const alike = kernel.commands.filter(({ path }) => path[0] === words[0]);
      if (alike.length > 0) throw unknownAmong(alike, words);
      if (group !== undefined) throw notConfigured(loaded, group.plugin, group.example, `there is no command ${group.word}`);
      throw unknown();
    }
    if (!context.isHelp) await kernel.start();
    return await runCommand(context, command, words.slice(command.path.length));
  } finally {
    await kernel.stop();
  }
};
