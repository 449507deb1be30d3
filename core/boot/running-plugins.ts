// Sets up the plugins of a process and the authenticators of the surfaces. Starts the plugins in boot order, and stops the
// plugins in reverse order.

import { errorText, thrownText } from "../diagnostics/error-text.ts";
import { isQuaterError } from "../diagnostics/errors.ts";
import { fileProblem } from "../diagnostics/file-error.ts";
import type { Log } from "../diagnostics/log.ts";
import { BootError, type BootProblem, isBootError } from "../diagnostics/problem.ts";
import type { Authenticator } from "../model/authenticator.ts";
import type { Awaitable } from "../model/principal.ts";
import type { Door } from "../pipeline/door.ts";
import type { PipelineGate } from "../pipeline/gate.ts";
import type { PluginCommand } from "../plugin/command.ts";
import { commandProblems } from "../plugin/commands.ts";
import type { PluginContext } from "../plugin/context.ts";
import type { ConfiguredPlugin, Running } from "../plugin/plugin.ts";
import { returnedProblems } from "../plugin/plugin-fields.ts";
import type { Services } from "../plugin/services.ts";
import type { Probe } from "../plugin/surface.ts";
import { firstFrame, type LoadedManifest } from "./load.ts";

export class RunningPlugins {
  readonly #loaded: LoadedManifest;
  readonly #log: Log;
  /** The plugins that Quater has set up, in boot order. */
  readonly #plugins: { readonly plugin: ConfiguredPlugin; readonly parts: Running }[] = [];
  /** The authenticators that Quater has opened. */
  readonly #authenticators = new Set<Authenticator>();

  constructor(loaded: LoadedManifest, log: Log) {
    this.#loaded = loaded;
    this.#log = log;
  }

  get authenticators(): readonly Authenticator[] {
    return [...this.#authenticators];
  }

  get commands(): readonly PluginCommand[] {
    return this.#plugins.flatMap(({ parts }) => parts.commands ?? []);
  }

  /** The probes of the surfaces, by the name of the surface. */
  get probes(): ReadonlyMap<string, Probe> {
    return new Map(
      this.#plugins.flatMap(({ plugin, parts }) =>
        plugin.surface === undefined || parts.probe === undefined ? [] : [[plugin.surface.name, parts.probe] as const],
      ),
    );
  }

  /**
   * Opens the authenticators of the surfaces, each authenticator once, even when surfaces share an authenticator. @throws
   * {BootError}
   */
  async openAuthenticators(doors: Iterable<Door>, { project: { root }, mode, log }: PluginContext): Promise<void> {
    for (const { authenticator } of doors) {
      if (authenticator === undefined || this.#authenticators.has(authenticator)) continue;
      this.#authenticators.add(authenticator);
      await this.blaming(`The authenticator ${authenticator.name}`, "open", () => authenticator.open?.({ root, mode, log }));
    }
  }

  /**
   * Sets up the plugins and compiles the hooks that the plugins return.
   *
   * @param takenWords  The first words of the program's own commands. No command of a plugin may begin with such a word.
   * @throws {BootError} with every boot problem of the plugins.
   */
  async setUp(
    plugins: readonly ConfiguredPlugin[],
    gate: PipelineGate,
    context: PluginContext,
    takenWords: readonly string[],
  ): Promise<void> {
    const problems: BootProblem[] = [];
    for (const plugin of plugins) {
      const { name } = plugin;
      const made = (await this.blaming(`The plugin ${name}`, "setup", () => plugin.setup?.(context), name)) ?? {};
      this.#plugins.push({ plugin, parts: { ...plugin, ...made } });
      const missing = missingServices(plugin, plugins, context.services, this.#loaded.placeOf("plugins"));
      problems.push(...returnedProblems(name, made), ...missing);
      // Stop the boot here, because the next plugins need the missing service in their setup.
      if (missing.length > 0) throw new BootError(problems);
    }
    const hooks = this.#plugins.flatMap(({ plugin: { name }, parts }) =>
      parts.hooks === undefined ? [] : { plugin: name, hooks: parts.hooks },
    );
    problems.push(...gate.compile(hooks, context.project.root));
    const commands = this.#plugins.flatMap(({ plugin: { name }, parts }) =>
      (parts.commands ?? []).map((command) => ({ plugin: name, command })),
    );
    // commandProblems reads the fields of the commands. Run commandProblems only if the commands have the correct form.
    if (problems.length === 0) problems.push(...commandProblems(commands, takenWords));
    // A function that chooses hooks runs for every handler and returns the same wrong hook each time, so report each cause once.
    const byCause = new Map(problems.map((problem) => [problem.cause, problem]));
    if (byCause.size > 0) throw new BootError([...byCause.values()]);
  }

  /** Starts the plugins in boot order. @throws {BootError} */
  async start(): Promise<void> {
    for (const { plugin, parts } of this.#plugins)
      await this.blaming(`The plugin ${plugin.name}`, "start", () => parts.start?.(), plugin.name);
  }

  /**
   * Stops all plugins. The promise never rejects. If a plugin fails to stop, `stop` logs the error and still stops the other
   * plugins.
   */
  async stop(): Promise<void> {
    for (const { plugin, parts } of this.#plugins.toReversed())
      await quietly(`Plugin ${plugin.name}`, () => parts.stop?.(), this.#log);
    for (const authenticator of this.authenticators.toReversed())
      await quietly(`The authenticator ${authenticator.name}`, () => authenticator.close?.(), this.#log);
  }

  /** Returns the names of the plugins that are not ready for calls. */
  async unready(): Promise<readonly string[]> {
    const waiting = await Promise.all(
      this.#plugins.map(async ({ plugin, parts }) => ((await isReady(parts)) ? [] : [plugin.name])),
    );
    return waiting.flat();
  }

  /**
   * Runs a part of the boot. Turns an error of this part into a boot problem that names a line of the project's code, and logs
   * the stack of the error.
   *
   * @param who  The subject of the sentence in the boot problem: `The plugin audit`.
   * @throws {BootError | QuaterError}
   */
  async blaming<Result>(who: string, phase: string, act: () => Awaitable<Result>, plugin?: string): Promise<Result> {
    try {
      return await act();
    } catch (error) {
      if (isQuaterError(error) || isBootError(error)) throw error;
      const stack = error instanceof Error ? error.stack : undefined;
      const text = thrownText(error);
      this.#log.info(`${who} failed in ${phase}`, { error: stack ?? text });
      const { root, placeOf } = this.#loaded;
      const place = firstFrame(stack, root) ?? placeOf("plugins");
      const file = fileProblem(error);
      const remedy = file?.remedy ?? "Correct the code that threw this error. The log contains the stack of the error";
      const cause = `${who} failed in ${phase}: ${file?.cause ?? text}`;
      const problem = { place, cause, remedy, ...(plugin === undefined ? {} : { plugin }) };
      throw new BootError([problem], error);
    }
  }
}

/**
 * Finds the services that a plugin lists in `provides` and did not provide. A service that no other plugin needs may be missing.
 */
const missingServices = (
  { name, provides = [] }: ConfiguredPlugin,
  plugins: readonly ConfiguredPlugin[],
  services: Services,
  place: string,
): readonly BootProblem[] => {
  const needed = new Set(plugins.flatMap(({ needs = [] }) => needs.map((ref) => ref.name)));
  return provides
    .filter((ref) => services.find(ref) === undefined && needed.has(ref.name))
    .map((ref) => ({
      place,
      plugin: name,
      cause: `The plugin ${name} lists the service ${ref.name} in provides, but its setup function did not provide this service`,
      remedy: `Call services.provide for ${ref.name} in the setup function of the plugin, or remove ${ref.name} from provides`,
    }));
};

/** Calls `stop`. Logs an error of `stop` instead of throwing the error, so that the other plugins are also stopped. */
export const quietly = async (what: string, stop: () => Awaitable<void>, log: Log): Promise<void> => {
  try {
    await stop();
  } catch (error) {
    log.error(`${what} failed to stop`, { error: errorText(error) });
  }
};

/** Whether a plugin is ready for calls. A plugin whose `isReady` throws is not ready. */
const isReady = async (parts: Running): Promise<boolean> => {
  try {
    return (await parts.isReady?.()) !== false;
  } catch {
    return false;
  }
};
