// Boots a kernel for a command. Only commands that need a project import this file, because this file loads all of core.

import { createKernel, type Kernel } from "../../../core/boot/kernel.ts";
import { type LoadedManifest, loadManifest } from "../../../core/boot/load.ts";
import { BootError } from "../../../core/diagnostics/problem.ts";
import type { Log, PluginContext, RunMode } from "../../../core/plugin-api.ts";
import { terminalLog } from "../output/log.ts";
import { builtinWords } from "./builtin-words.ts";
import type { Context } from "./context.ts";

/** Loads the manifest of a project. @throws {BootError} */
export const load = async ({ cwd, config }: Context, how: { readonly useBuild?: boolean } = {}): Promise<LoadedManifest> => {
  // Import what manifests import before the TypeScript loader is registered, because each import takes several times as long with
  // the loader. An early import would not help when Quater runs from source, because the loader reads its own copy of these
  // files.
  if (!import.meta.url.endsWith(".ts")) await Promise.all([import("../../../core/index.ts"), import("../../index.ts")]);
  return loadManifest(cwd, config, how);
};

export interface BootChoice {
  readonly mode: RunMode;
  /** The name of the only handler whose module is loaded. Absent: all modules are loaded. */
  readonly only?: string;
  /** The log of the kernel. Default: the log prints warnings and errors on a terminal, and nothing in a pipe. */
  readonly log?: Log;
  /**
   * The kernel calls this function when a plugin wants to stop the process. Default: no effect, because the command ends soon.
   */
  readonly halt?: PluginContext["halt"];
}

/** Boots a kernel for a command. @throws {BootError} */
export const boot = (context: Context, loaded: LoadedManifest, choice: BootChoice): Promise<Kernel> => {
  const { mode, only, log = terminalLog(context.terminal, context.env), halt } = choice;
  for (const warning of loaded.warnings ?? []) log.warn(warning);
  return createKernel({
    loaded,
    mode,
    log,
    takenWords: ["help", ...builtinWords],
    ...(only === undefined ? {} : { only }),
    ...(halt === undefined ? {} : { halt }),
  });
};

/** Boots a kernel, runs `use`, and stops the kernel, even if `use` throws. @throws {BootError} */
export const withKernel = async <Result>(
  context: Context,
  choice: BootChoice,
  use: (kernel: Kernel, loaded: LoadedManifest) => Promise<Result>,
): Promise<Result> => {
  const loaded = await load(context);
  const kernel = await boot(context, loaded, choice);
  try {
    return await use(kernel, loaded);
  } finally {
    await kernel.stop();
  }
};

/** Returns the error of a command that needs a plugin that the manifest does not list. */
export const notConfigured = (loaded: LoadedManifest, plugin: string, example: string, what: string): BootError =>
  new BootError([
    {
      place: loaded.placeOf("plugins"),
      cause: `No ${plugin}() is configured, so ${what}`,
      remedy: `Add ${example} to plugins`,
    },
  ]);

/** Whether the manifest configures a surface. The manifest may be unchecked, so this function expects no valid plugins. */
export const hasSurface = (loaded: LoadedManifest, name: string): boolean =>
  (loaded.manifest.plugins as readonly ({ surface?: { name?: string } } | undefined)[]).some(
    (plugin) => plugin?.surface?.name === name,
  );

export const requireCli = (loaded: LoadedManifest): void => {
  if (!hasSurface(loaded, "cli"))
    throw notConfigured(loaded, "cli", "cli({ authenticate: localUser() })", "no handler can be run from the terminal");
};
