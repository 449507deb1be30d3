// The kernel: checks everything before anything listens, boots plugins in the order of their needs, lets calls through
// the one pipeline, and stops in reverse.

import { randomUUID } from "node:crypto";
import { errorText } from "../diagnostics/error-text.ts";
import { isQuaterError } from "../diagnostics/errors.ts";
import type { Log } from "../diagnostics/log.ts";
import { BootError, type BootProblem, isBootError } from "../diagnostics/problem.ts";
import type { Authenticator } from "../model/authenticator.ts";
import { isExposed } from "../model/exposure.ts";
import type { Catalog } from "../model/operation.ts";
import type { Awaitable } from "../model/principal.ts";
import type { RunMode } from "../model/run-mode.ts";
import { authenticatorProblems, doorProblems, doorsOf, publicProblems } from "../pipeline/door.ts";
import { PipelineGate } from "../pipeline/gate.ts";
import type { PluginCommand } from "../plugin/command.ts";
import { commandProblems } from "../plugin/commands.ts";
import type { PluginContext, Project } from "../plugin/context.ts";
import type { Gate } from "../plugin/gate.ts";
import { inBootOrder } from "../plugin/order.ts";
import { type ConfiguredPlugin, isPlugin, type Running } from "../plugin/plugin.ts";
import { pluginProblems, returnedProblems } from "../plugin/plugin-fields.ts";
import type { Services } from "../plugin/services.ts";
import { servicesOf } from "../plugin/services.ts";
import type { Probe } from "../plugin/surface.ts";
import { isPlainObject } from "../schema/schema.ts";
import { appResourcesOf } from "./app-resources.ts";
import { buildCatalog } from "./catalog.ts";
import { firstFrame, type LoadedManifest } from "./load.ts";
import { manifestDigest } from "./manifest-digest.ts";
import { untrustedProblems } from "./trusted-files.ts";

export interface KernelOptions {
  readonly loaded: LoadedManifest;
  readonly mode: RunMode;
  readonly log: Log;
  /** Called by plugins that the process must not go on with. Default: nothing happens, and the caller of `boot` decides. */
  readonly halt?: PluginContext["halt"];
  /** Load only the module of this handler. */
  readonly only?: string;
  /** First words of commands that plugins cannot have. */
  readonly takenWords?: readonly string[];
}

export interface Kernel extends Gate {
  readonly project: Project;
  readonly catalog: Catalog;
  readonly services: Services;
  readonly commands: readonly PluginCommand[];
  readonly plugins: readonly ConfiguredPlugin[];
  /** By surface. */
  readonly probes: ReadonlyMap<string, Probe>;
  /** Starts what listens, in boot order. */
  start(): Promise<void>;
  /**
   * Drains calls in flight, then stops plugins in reverse order. Safe to call twice.
   *
   * @param most  Milliseconds that calls get at most, where `drainMs` of the manifest is more.
   */
  stop(most?: number): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** With what follows it fits into the ten seconds that containers get between SIGTERM and SIGKILL. */
const defaultDrainMs = 8_000;
/** A command that runs once opens only the resources that it uses. */
const serving: ReadonlySet<RunMode> = new Set(["serve", "dev", "mcp", "test"]);
const defaultOutputBytes = 8 * 1024 * 1024;

/** @throws {BootError} with every problem found. */
export const createKernel = async (options: KernelOptions): Promise<Kernel> => {
  const { loaded, mode, log, only, halt = () => {}, takenWords = [] } = options;
  const { manifest, root } = loaded;
  const { plugins, catalog } = await checkedPlan(loaded, mode, only);
  const doors = doorsOf(plugins);
  const project: Project = { name: manifest.name, version: manifest.version ?? "0.0.0", root };
  const services = servicesOf();
  const maxOutputBytes = manifest.maxOutputBytes ?? defaultOutputBytes;
  const gate = new PipelineGate(catalog, doors, log, maxOutputBytes);
  const context: PluginContext = {
    services,
    catalog,
    gate,
    log,
    mode,
    project,
    maxOutputBytes,
    halt,
    plugins: plugins.map(({ name, version, optionsDigest }) => ({
      name,
      ...(version === undefined ? {} : { version }),
      ...(optionsDigest === undefined ? {} : { optionsDigest }),
    })),
    manifestDigest: () => manifestDigest(manifest, plugins),
  };
  const opened = new Set<Authenticator>();
  const running: { plugin: ConfiguredPlugin; parts: Running }[] = [];
  const stopAll = once(async (most: number) => {
    await gate.drain(Math.min(manifest.drainMs ?? defaultDrainMs, most));
    for (const { plugin, parts } of [...running].reverse()) await quietly(`Plugin ${plugin.name}`, () => parts.stop?.(), log);
    for (const authenticator of [...opened].reverse())
      await quietly(`The authenticator ${authenticator.name}`, () => authenticator.close?.(), log);
    await quietly("A resource", () => gate.appResources.close({ failed: false }), log);
  });
  const problems: BootProblem[] = [];
  const blaming = blamingIn(loaded, log);
  try {
    for (const { authenticator } of doors.values()) {
      if (authenticator === undefined || opened.has(authenticator)) continue; // two surfaces may share one
      opened.add(authenticator);
      await blaming(`The authenticator ${authenticator.name}`, "open", () => authenticator.open?.({ root, mode }));
    }
    for (const plugin of plugins) {
      const { name } = plugin;
      const made = (await blaming(`The plugin ${name}`, "setup", () => plugin.setup?.(context), name)) ?? {};
      running.push({ plugin, parts: { ...plugin, ...made } });
      const unkept = unkeptPromises(plugin, plugins, services, loaded.placeOf("plugins"));
      problems.push(...returnedProblems(name, made), ...unkept);
      if (unkept.length > 0) throw new BootError(problems); // before anybody relies on it
    }
    problems.push(
      ...gate.compile(
        running.flatMap(({ plugin, parts }) => (parts.hooks === undefined ? [] : { plugin: plugin.name, hooks: parts.hooks })),
      ),
    );
    const commands = running.flatMap(({ plugin, parts }) =>
      (parts.commands ?? []).map((added) => ({ plugin: plugin.name, command: added })),
    );
    if (problems.length === 0) problems.push(...commandProblems(commands, takenWords)); // of what has the right shape
    const said = new Set<string>(); // a wrong hook is found again for every handler
    if (problems.length > 0) throw new BootError(problems.filter(({ cause }) => !said.has(cause) && said.add(cause)));
  } catch (error) {
    await stopAll();
    throw isQuaterError(error)
      ? new BootError([{ place: loaded.placeOf("plugins"), cause: error.message, remedy: error.hint ?? "See the message" }])
      : error;
  }
  const resources = appResourcesOf(catalog, [...opened], gate.appResources, log);
  gate.readiness = async () => {
    const waiting = running.map(async ({ plugin, parts }) => ((await isReady(parts)) ? [] : [plugin.name]));
    return (await Promise.all([...waiting, resources.unready()])).flat();
  };
  return {
    project,
    catalog,
    services,
    plugins,
    commands: running.flatMap(({ parts }) => parts.commands ?? []),
    probes: new Map(
      running.flatMap(({ plugin, parts }) =>
        plugin.surface === undefined || parts.probe === undefined ? [] : [[plugin.surface.name, parts.probe] as const],
      ),
    ),
    enter: (entry) => gate.enter(entry),
    enterAgain: (entry, principal, since) => gate.enterAgain(entry, principal, since),
    invoke: (invocation) => gate.invoke(invocation),
    newCallId: randomUUID,
    unready: () => gate.unready(),
    get isStopping() {
      return gate.isStopping;
    },
    start: async () => {
      try {
        for (const used of serving.has(mode) ? resources.atStart : [])
          await blaming(`The resource ${used.name}`, "open", () => gate.appResources.open({ used }));
        for (const { plugin, parts } of running)
          await blaming(`The plugin ${plugin.name}`, "start", () => parts.start?.(), plugin.name);
      } catch (error) {
        await stopAll();
        throw error;
      }
      gate.phase = "running";
    },
    stop: stopAll,
    [Symbol.asyncDispose]: () => stopAll(),
  };
};

type Blaming = <Result>(who: string, phase: string, act: () => Awaitable<Result>, plugin?: string) => Promise<Result>;

/** Turns an error of a plugin's setup or start into a boot problem with the plugin and the line. The log has the stack. */
const blamingIn =
  ({ placeOf, root }: LoadedManifest, log: Log): Blaming =>
  async (who, phase, act, plugin) => {
    try {
      return await act();
    } catch (error) {
      if (isQuaterError(error) || isBootError(error)) throw error;
      const { stack, said } =
        error instanceof Error
          ? { stack: error.stack, said: `${error.name}: ${error.message}` }
          : { stack: undefined, said: String(error) };
      log.info(`${who} failed in ${phase}`, { error: stack ?? said });
      const place = firstFrame(stack, root) ?? placeOf("plugins");
      const remedy = "Correct the code that threw this error. The stack is in the log";
      const problem = { place, cause: `${who} failed in ${phase}: ${said}`, remedy, ...(plugin === undefined ? {} : { plugin }) };
      throw new BootError([problem], error);
    }
  };

/** Names the plugin that did not provide its service. Services that no plugin needs may be missing. */
const unkeptPromises = (
  { name, provides = [] }: ConfiguredPlugin,
  plugins: readonly ConfiguredPlugin[],
  services: Services,
  place: string,
): readonly BootProblem[] =>
  provides
    .filter(
      (ref) =>
        services.find(ref) === undefined && plugins.some(({ needs }) => needs?.some(({ name: needed }) => needed === ref.name)),
    )
    .map((ref) => ({
      place,
      plugin: name,
      cause: `The plugin ${name} names ${ref.name} in provides, and its setup did not provide it`,
      remedy: "Call services.provide in setup, before it ends, or remove it from provides",
    }));

/** Checks everything that can be checked before plugins are set up. */
const checkedPlan = async (loaded: LoadedManifest, mode: RunMode, only: string | undefined) => {
  const { manifest, placeOf, root } = loaded;
  const problems: BootProblem[] = [];
  const configured = (manifest.plugins as readonly unknown[]).filter((plugin, index): plugin is ConfiguredPlugin => {
    if (isPlugin(plugin)) return true;
    const isFactory = typeof plugin === "function";
    problems.push({
      place: placeOf("plugins"),
      cause: `plugins[${index}] is ${isFactory ? "a plugin that was not called" : "no plugin"}`,
      remedy: isFactory ? "Write it with parentheses: name()" : "Make it with definePlugin",
    });
    return false;
  });
  const misshapen = configured.flatMap(pluginProblems);
  if (misshapen.length > 0) throw new BootError([...problems, ...misshapen]);
  const order = inBootOrder(configured, placeOf);
  const { catalog, problems: found } = await buildCatalog(loaded, order.plugins, only);
  // Modules that are found by another way than a relative path, such as `paths` of tsconfig.json, were not checked before.
  problems.push(...order.problems, ...found, ...untrustedProblems(loaded.files?.() ?? [], root));
  // From the tables: with `only`, most modules are not loaded.
  const exposures = manifest.handlers.filter(isExposed).flatMap(({ table }) => Object.values(table ?? {}).filter(isPlainObject));
  problems.push(...doorProblems(order.plugins, exposures, placeOf("plugins")), ...publicProblems(order.plugins, catalog));
  problems.push(...authenticatorProblems(order.plugins));
  for (const plugin of order.plugins)
    problems.push(...(plugin.optionProblems?.() ?? []), ...(plugin.check?.({ catalog, mode, root }) ?? []));
  if (problems.length > 0) throw new BootError(problems);
  return { plugins: order.plugins, catalog };
};

const once = (stop: (most: number) => Promise<void>): ((most?: number) => Promise<void>) => {
  let stopping: Promise<void> | undefined;
  return (most = Number.POSITIVE_INFINITY) => {
    stopping ??= stop(most);
    return stopping;
  };
};

/** A plugin that fails to stop must not keep the others from stopping. */
const quietly = async (what: string, stop: () => Awaitable<void>, log: Log): Promise<void> => {
  try {
    await stop();
  } catch (error) {
    log.error(`${what} failed to stop`, { error: errorText(error) });
  }
};

const isReady = async (parts: Running): Promise<boolean> => {
  try {
    return (await parts.isReady?.()) !== false;
  } catch {
    return false; // a plugin whose check throws is not ready
  }
};
