// Boots a kernel for a command. Only commands that need a project import this file, because it loads all of core.

import { createKernel, type Kernel } from "../../../core/boot/kernel.ts";
import { type LoadedManifest, loadManifest } from "../../../core/boot/load.ts";
import { BootError } from "../../../core/diagnostics/problem.ts";
import type { Log, PluginContext, RunMode } from "../../../core/plugin-api.ts";
import { terminalLog } from "../output/log.ts";
import { builtinWords } from "./builtin-words.ts";
import type { Context } from "./context.ts";

/** Loads the manifest. @throws {BootError} */
export const load = async ({ cwd, config }: Context, how: { readonly useBuild?: boolean } = {}): Promise<LoadedManifest> => {
  // Import what manifests import before the TypeScript loader is registered, because with the loader each file takes several
  // times as long. When Quater runs from source, this would not help, because the loader reads its own copy of these files.
  if (!import.meta.url.endsWith(".ts")) await Promise.all([import("../../../core/index.ts"), import("../../index.ts")]);
  return loadManifest(cwd, config, how);
};

export interface BootChoice {
  readonly mode: RunMode;
  /** Load only the module of this handler. */
  readonly only?: string;
  /** The log. Default: warnings and errors on a terminal, and nothing in a pipe. */
  readonly log?: Log;
  /** Called when a plugin requires that the process stops. Default: the request is ignored, because the command ends soon. */
  readonly halt?: PluginContext["halt"];
}

/** Boots a kernel. @throws {BootError} */
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

/** Returns the error of a command whose plugin the manifest does not list. */
export const notConfigured = (loaded: LoadedManifest, plugin: string, example: string, what: string): BootError =>
  new BootError([
    {
      place: loaded.placeOf("plugins"),
      cause: `No ${plugin}() is configured, so ${what}`,
      remedy: `Add ${example} to plugins`,
    },
  ]);

/** Whether the manifest configures the surface. This function can be called before the manifest is checked. */
export const hasSurface = (loaded: LoadedManifest, name: string): boolean =>
  (loaded.manifest.plugins as readonly ({ surface?: { name?: string } } | undefined)[]).some(
    (plugin) => plugin?.surface?.name === name,
  );

export const requireCli = (loaded: LoadedManifest): void => {
  if (!hasSurface(loaded, "cli"))
    throw notConfigured(loaded, "cli", "cli({ authenticate: localUser() })", "no handler can be run from the terminal");
};
