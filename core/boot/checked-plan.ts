// Runs all checks that are possible before Quater sets up a plugin: checks of the list of plugins, the order of the plugins, the
// handlers, and the policies of the handlers.

import { kindOf } from "../diagnostics/plugin-options.ts";
import { BootError, type BootProblem } from "../diagnostics/problem.ts";
import { isExposed } from "../model/exposure.ts";
import type { Catalog } from "../model/operation.ts";
import type { RunMode } from "../model/run-mode.ts";
import { authenticatorProblems, doorProblems, publicProblems } from "../pipeline/door.ts";
import { inBootOrder } from "../plugin/order.ts";
import { type ConfiguredPlugin, isPlugin } from "../plugin/plugin.ts";
import { pluginProblems } from "../plugin/plugin-fields.ts";
import { isPlainObject } from "../schema/schema.ts";
import { buildCatalog } from "./catalog.ts";
import type { LoadedManifest } from "./load.ts";
import { untrustedProblems } from "./trusted-files.ts";

/** The checked parts of a manifest. The kernel runs from these parts. */
export interface CheckedPlan {
  /** The plugins in boot order. Each plugin comes after the plugins whose services the plugin needs. */
  readonly plugins: readonly ConfiguredPlugin[];
  readonly catalog: Catalog;
}

/**
 * @param only  Import only the module of this handler.
 * @throws {BootError} with every boot problem that the checks found.
 */
export const checkedPlan = async (loaded: LoadedManifest, mode: RunMode, only: string | undefined): Promise<CheckedPlan> => {
  const { manifest, placeOf, root } = loaded;
  const place = placeOf("plugins");
  const given = manifest.plugins as readonly unknown[];
  const configured = given.filter(isPlugin);
  const notPlugins = given.flatMap((value, index) => (isPlugin(value) ? [] : [notAPlugin(value, index, place)]));
  const malformed = configured.flatMap(pluginProblems);
  if (malformed.length > 0) throw new BootError([...notPlugins, ...malformed]);
  const { plugins, problems: orderProblems } = inBootOrder(configured, placeOf);
  const { catalog, problems: handlerProblems } = await buildCatalog(loaded, plugins, only);
  // Read the exposures from the manifest and not from the catalog, because most modules are not imported if `only` is set.
  const exposures = manifest.handlers.filter(isExposed).flatMap(({ table }) => Object.values(table ?? {}).filter(isPlainObject));
  const problems: readonly BootProblem[] = [
    ...notPlugins,
    ...orderProblems,
    ...handlerProblems,
    // Check the ownership of the loaded modules. The earlier check of ownership covers only modules that are imported by a
    // relative path, and not modules that are imported through `paths` of tsconfig.json.
    ...untrustedProblems(loaded.files?.() ?? [], root),
    ...doorProblems(plugins, exposures, place),
    ...publicProblems(plugins, catalog),
    ...authenticatorProblems(plugins),
    ...(await Promise.all(plugins.map((plugin) => ownProblems(plugin, { catalog, mode, root })))).flat(),
  ];
  if (problems.length > 0) throw new BootError(problems);
  return { plugins, catalog };
};

const ownProblems = async (
  plugin: ConfiguredPlugin,
  context: Parameters<NonNullable<ConfiguredPlugin["check"]>>[0],
): Promise<readonly BootProblem[]> => [...(plugin.optionProblems?.() ?? []), ...((await plugin.check?.(context)) ?? [])];

const notAPlugin = (value: unknown, index: number, place: string): BootProblem => {
  const isFactory = typeof value === "function";
  return {
    place,
    cause: `plugins[${index}] is ${isFactory ? "a function that was not called" : `${kindOf(value)}, not a plugin`}`,
    remedy: isFactory ? "Call the function: name()" : "Create the plugin with definePlugin",
  };
};
