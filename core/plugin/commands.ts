// Checks the commands that plugins add. Each command path must be valid and unique. Each positional name must be an input of the
// command.

import type { BootProblem } from "../diagnostics/problem.ts";
import { nearest, visible } from "../diagnostics/text.ts";
import { propertiesOf } from "../schema/schema.ts";
import type { PluginCommand } from "./command.ts";

/** A command together with the plugin that adds it. */
export interface OwnedCommand {
  readonly plugin: string;
  readonly command: PluginCommand;
}

/** @param taken  The first words of the program's own commands. */
export const commandProblems = (owned: readonly OwnedCommand[], taken: readonly string[]): readonly BootProblem[] => {
  const owners = new Map<string, string>();
  return owned.flatMap(({ plugin, command }) => {
    const path: unknown = command.path;
    const wrong = (cause: string, remedy: string): BootProblem => ({ place: `${plugin}()`, plugin, cause, remedy });
    if (!isPath(path))
      return [wrong(`A command of ${plugin} has an invalid path`, 'Write path as a list of words: ["keys", "create"]')];
    const typed = path.join(" ");
    const owner = owners.get(typed);
    owners.set(typed, plugin);
    const [first = ""] = path;
    return [
      ...(taken.includes(first)
        ? [
            wrong(
              `The command "${typed}" of ${plugin} begins with a word of the program itself`,
              `Choose another first word than "${first}" for the path`,
            ),
          ]
        : []),
      ...(owner === undefined
        ? []
        : [
            wrong(
              `The command "${typed}" is added twice, by ${[...new Set([owner, plugin])].join(" and ")}`,
              "Give one of the two commands another path",
            ),
          ]),
      ...positionalProblems(command).map((cause) => wrong(`The command "${typed}" of ${plugin} ${cause}`, inputsOf(command))),
    ];
  });
};

/** Whether the value is a command path of valid words. No word of a command path may begin with a dash. */
const isPath = (path: unknown): path is readonly string[] =>
  Array.isArray(path) &&
  path.length > 0 &&
  path.every((word) => typeof word === "string" && /^[^\s-]\S*$/.test(word) && visible(word) === word);

const positionalProblems = ({ positional = [], input }: PluginCommand): readonly string[] => {
  if (!Array.isArray(positional)) return ["has an invalid positional: it must be a list"];
  const inputs = propertiesOf(input);
  return positional
    .filter((name) => !Object.hasOwn(inputs, name))
    .map((name) => {
      const near = nearest(String(name), Object.keys(inputs));
      const suggestion = near === undefined ? "" : `; did you mean "${near}"?`;
      return `lists ${JSON.stringify(visible(String(name)))} in positional, but has no input of this name${suggestion}`;
    });
};

const inputsOf = ({ input }: PluginCommand): string => {
  const names = Object.keys(propertiesOf(input));
  return names.length === 0 ? "The command has no inputs" : `The inputs of the command are ${names.join(", ")}`;
};
