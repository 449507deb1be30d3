// `definePlugin` makes the factory of a plugin from an option table.

import { brand } from "../diagnostics/brand.ts";
import { isTable } from "../diagnostics/plugin-options.ts";
import type { BootProblem } from "../diagnostics/problem.ts";
import {
  type FactoryArguments,
  type GivenOptions,
  type OptionTable,
  type OptionValues,
  readOptions,
  tableAndMake,
  withTable,
} from "../schema/options.ts";
import { digestOfOptions } from "./options-digest.ts";
import type { ConfiguredPlugin, Plugin } from "./plugin.ts";
import type { Known } from "./plugin-fields.ts";

interface DefinePlugin {
  /** Makes the factory of a plugin without options. */
  <Parts extends Plugin>(make: () => Parts & Known<Parts>): () => ConfiguredPlugin;
  /**
   * Makes the factory of a plugin. Open files and sockets in `start` of the plugin, because loading a manifest must have no
   * effects.
   *
   * @param options  The schema of each option by the name of the option. The schema defines the type, the default and the boot
   * check of the option.
   * @param make  Receives every option, with the default of an option that the manifest does not have. `given` contains only the
   * options of the manifest, for `testRun`.
   *
   * @example
   * export const outcomes = definePlugin(
   *   { print: opaque<(line: string) => void>("a function that takes a line") },
   *   ({ print }) => ({
   *     name: "outcomes",
   *     hooks: { settled: (call, outcome) => print(`${call.handler} ${outcome.ok}`) },
   *   }),
   * );
   */
  <const Options extends OptionTable, Parts extends Plugin>(
    options: Options,
    make: (options: OptionValues<Options>, given: GivenOptions<Options>) => Parts & Known<Parts>,
  ): (...given: FactoryArguments<GivenOptions<Options>>) => ConfiguredPlugin;
}

type Make = (options: object, given: object) => Plugin;

export const definePlugin = ((first: OptionTable | Make, second?: Make) => {
  const [table, make] = tableAndMake(first, second);
  return withTable((...given: readonly unknown[]) => {
    const options = readOptions(table, given[0]);
    const made = madeBy(
      () => make(options.values, Object(given[0])),
      () => options.problems("a plugin"),
    );
    return {
      ...made,
      optionsDigest: () => digestOfOptions(given),
      optionProblems: () =>
        [...(isTable(made as unknown) ? [] : [inheriting(made.name)]), ...options.problems(made.name)].map((wrong) => ({
          ...wrong,
          plugin: made.name,
        })),
      [brand]: "plugin" as const,
    };
  }, table);
}) as DefinePlugin;

/**
 * Calls `make`. If `make` throws because of wrong options, `madeBy` reports the boot problems of the options instead of the error
 * of `make`.
 */
const madeBy = (make: () => Plugin, problems: () => readonly BootProblem[]): Plugin => {
  try {
    return make();
  } catch (error) {
    if (problems().length === 0) throw error;
    return { name: "a plugin" };
  }
};

const inheriting = (plugin: string): BootProblem => ({
  place: `${plugin}()`,
  cause: `${plugin} is an instance of a class, but Quater ignores the methods of classes`,
  remedy: "Return a plain object: { name, hooks, ... }",
});
