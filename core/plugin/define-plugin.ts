// `definePlugin`: from a function of options to a plugin's factory.

import { brand } from "../diagnostics/brand.ts";
import { isTable, type OptionNames, optionProblems } from "../diagnostics/plugin-options.ts";
import type { BootProblem } from "../diagnostics/problem.ts";
import { digestOfOptions } from "./options-digest.ts";
import type { ConfiguredPlugin, Plugin } from "./plugin.ts";
import type { Known } from "./plugin-fields.ts";

/**
 * Makes a plugin's factory. Loading a configuration touches nothing: open files and sockets in `start`.
 *
 * @param names  Every option, so that a misspelt one is a problem at boot and not passed over in silence; `true`, or a rule
 *   for its value.
 *
 * @example
 * export const outcomes = definePlugin(
 *   (options: { print: (line: string) => void }) => ({
 *     name: "outcomes",
 *     hooks: { settled: (call, outcome) => options.print(`${call.handler} ${outcome.ok}`) },
 *   }),
 *   { print: true },
 * );
 */
export const definePlugin =
  <Options extends unknown[], Parts extends Plugin>(
    make: (...options: Options) => Parts & Known<Parts>,
    names?: OptionNames<NoInfer<Options>>,
  ): ((...options: Options) => ConfiguredPlugin) =>
  (...options) => {
    const made: Plugin = make(...options);
    return {
      ...made,
      optionsDigest: () => digestOfOptions(options),
      optionProblems: () =>
        [
          ...(isTable(made as unknown) ? [] : [inheriting(made.name)]),
          ...(names === undefined ? [] : optionProblems(made.name, options[0], names)),
        ].map((wrong) => ({ ...wrong, plugin: made.name })),
      [brand]: "plugin" as const,
    };
  };

const inheriting = (plugin: string): BootProblem => ({
  place: `${plugin}()`,
  cause: `${plugin} is an instance of a class, whose methods are not seen`,
  remedy: "Write { name, hooks, ... }",
});
