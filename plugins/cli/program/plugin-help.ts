// Describes commands whose flags are derived from an input schema: the commands of plugins, and built-in commands of the same
// form.

import type { PluginCommand } from "../../../core/plugin-api.ts";
import { aboutOf, spelled } from "../actions/action-help.ts";
import { type Flag, flagsOf, isByInput, ofEveryCommand, placeholderOf, valuesOfFlag } from "../actions/flags.ts";
import type { CommandHelp, FlagHelp } from "./command-help.ts";

export const pluginHelp = (command: PluginCommand): CommandHelp => {
  const { path, description, positional = [] } = command;
  const flags = flagsOf(command.input, ofEveryCommand);
  const words = positional.map((name) => `[${name}]`);
  return {
    path,
    usage: [...path, ...words, ...(flags.length === 0 ? [] : ["[flags]"])].join(" "),
    description,
    flags: flags.map(flagHelpOf),
    examples: [[exampleTitle(description), command.example ?? exampleOf(command, flags)]],
  };
};

/** Returns the first sentence of a command's description, which becomes the title of the example. */
const exampleTitle = (description: string): string => /^[^.]+/.exec(description)?.[0] ?? description;

/** Returns a command line with placeholders for the required inputs, for a command that has no example of its own. */
const exampleOf = ({ path, positional = [] }: PluginCommand, flags: readonly Flag[]): string => {
  const needed = flags.filter(({ isRequired, isSecret, isShadowed }) => isRequired && !isSecret && !isShadowed);
  const byPosition = positional.flatMap((name) => needed.find((flag) => flag.name === name) ?? []).map(placeholderOf);
  const byFlag = needed.filter(({ name }) => !positional.includes(name)).map(spelled);
  return ["quater", ...path, ...byPosition, ...byFlag].join(" ");
};

export const flagHelpOf = (flag: Flag): FlagHelp => {
  const values = valuesOfFlag(flag);
  return {
    flag: `--${flag.flag}`,
    spelled: isByInput(flag) ? flag.name : spelled(flag),
    about: aboutOf(flag),
    takesValue: flag.kind !== "switch",
    ...(values === undefined ? {} : { values }),
  };
};
