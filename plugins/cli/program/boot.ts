// Boots a kernel for a command. Only commands that need a project import this file, because it loads all of core.

import { createKernel, type Kernel } from "../../../core/boot/kernel.ts";
import { type LoadedManifest, loadManifest } from "../../../core/boot/load.ts";
import { BootError } from "../../../core/diagnostics/problem.ts";
import type { Log, PluginContext, RunMode } from "../../../core/plugin-api.ts";
import { terminalLog } from "../output/log.ts";
import { builtinWords } from "./builtin-words.ts";
import type { Context } from "./context.ts";

/** @throws {BootError} */
export const load = async ({ cwd, config }: Context, how: { readonly useBuild?: boolean } = {}): Promise<LoadedManifest> => {
  // What manifests import is read before the loader for TypeScript is in place: through it each file takes several times as
  // long. From source that loader reads a copy of its own anyway.
  if (!import.meta.url.endsWith(".ts")) await Promise.all([import("../../../core/index.ts"), import("../../index.ts")]);
  return loadManifest(cwd, config, how);
};

export interface BootChoice {
  readonly mode: RunMode;
  /** Load the module of this handler alone. */
  readonly only?: string;
  /** Default: warnings and errors on a terminal, nothing elsewhere. */
  readonly log?: Log;
  /** For plugins that the process must not go on with. Default: nothing, the command ends by itself. */
  readonly halt?: PluginContext["halt"];
}

/** @throws {BootError} */
export const boot = (context: Context, loaded: LoadedManifest, { mode, only, log, halt }: BootChoice): Promise<Kernel> =>
  createKernel({
    loaded,
    mode,
    log: log ?? terminalLog(context.terminal, context.env),
    takenWords: ["help", ...builtinWords],
    ...(only === undefined ? {} : { only }),
    ...(halt === undefined ? {} : { halt }),
  });

/** Lends a kernel that is stopped however the use ends. @throws {BootError} */
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

/** The answer of a command whose plugin the manifest does not list. */
export const notConfigured = (loaded: LoadedManifest, plugin: string, example: string, what: string): BootError =>
  new BootError([
    {
      place: loaded.placeOf("plugins"),
      cause: `No ${plugin}() is configured, so ${what}`,
      remedy: `Add ${example} to plugins`,
    },
  ]);

/** Whether the manifest configures the surface; safe to ask before anything else of it was checked. */
export const hasSurface = (loaded: LoadedManifest, name: string): boolean =>
  (loaded.manifest.plugins as readonly ({ surface?: { name?: string } } | undefined)[]).some(
    (plugin) => plugin?.surface?.name === name,
  );

export const requireCli = (loaded: LoadedManifest): void => {
  if (!hasSurface(loaded, "cli"))
    throw notConfigured(loaded, "cli", "cli({ authenticate: localUser() })", "no handler can be run from the terminal");
};
