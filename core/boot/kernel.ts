// The kernel checks a manifest and sets up the plugins of the manifest. The kernel then passes calls through the gate, and stops
// the plugins at the end.

import { isQuaterError } from "../diagnostics/errors.ts";
import type { Log } from "../diagnostics/log.ts";
import { BootError } from "../diagnostics/problem.ts";
import { newCallId } from "../model/call-id.ts";
import type { Catalog } from "../model/operation.ts";
import { isServing, type RunMode } from "../model/run-mode.ts";
import { doorsOf } from "../pipeline/door.ts";
import { PipelineGate } from "../pipeline/gate.ts";
import { Uploads } from "../pipeline/uploads.ts";
import type { PluginCommand } from "../plugin/command.ts";
import type { PluginContext, Project } from "../plugin/context.ts";
import type { Gate } from "../plugin/gate.ts";
import type { ConfiguredPlugin } from "../plugin/plugin.ts";
import { type Services, servicesOf } from "../plugin/services.ts";
import type { Probe } from "../plugin/surface.ts";
import { hasFile } from "../schema/file.ts";
import { appResourcesOf } from "./app-resources.ts";
import { checkedPlan } from "./checked-plan.ts";
import type { LoadedManifest } from "./load.ts";
import { manifestDigest } from "./manifest-digest.ts";
import { quietly, RunningPlugins } from "./running-plugins.ts";

export interface KernelOptions {
  readonly loaded: LoadedManifest;
  readonly mode: RunMode;
  readonly log: Log;
  /**
   * The kernel calls this function when a plugin says that the process must stop, for example because the store is damaged.
   * Default: nothing happens.
   */
  readonly halt?: PluginContext["halt"];
  /** Load only the module of this handler. */
  readonly only?: string;
  /**
   * The first words of the program's own commands. Boot refuses a plugin's command that begins with a first word of a program's
   * own command.
   */
  readonly takenWords?: readonly string[];
}

export interface Kernel extends Gate {
  readonly project: Project;
  readonly catalog: Catalog;
  readonly services: Services;
  readonly commands: readonly PluginCommand[];
  readonly plugins: readonly ConfiguredPlugin[];
  /** The probe of each surface, by the name of the surface. A probe calls the surface from outside. */
  readonly probes: ReadonlyMap<string, Probe>;
  /** Starts the plugins in boot order. */
  start(): Promise<void>;
  /**
   * Waits for running calls, then stops the plugins in reverse order. A second call of `stop` waits for the first call of `stop`.
   *
   * @param most  The longest time that running calls get, milliseconds. `most` applies when `drainMs` of the manifest is longer.
   */
  stop(most?: number): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * How long a stop waits for running calls by default, milliseconds. A container gets ten seconds between SIGTERM and SIGKILL. The
 * other two seconds of a container are for stopping the plugins.
 */
const defaultDrainMs = 8_000;
const defaultOutputBytes = 8 * 1024 * 1024;
const defaultUploadBytes = 1024 * 1024 * 1024;

/**
 * Checks the manifest and sets up the plugins of the manifest. No port opens before `start`.
 *
 * @throws {BootError} with every boot problem. Before `createKernel` throws, `createKernel` stops the plugins that were already
 * set up.
 */
export const createKernel = async (options: KernelOptions): Promise<Kernel> => {
  const { loaded, mode, log, only, halt = () => {}, takenWords = [] } = options;
  const { manifest, root } = loaded;
  const { plugins, catalog } = await checkedPlan(loaded, mode, only);
  const doors = doorsOf(plugins);
  const project: Project = { name: manifest.name, version: manifest.version ?? "0.0.0", root };
  const services = servicesOf();
  const maxOutputBytes = manifest.maxOutputBytes ?? defaultOutputBytes;
  const uploads = new Uploads({ folder: manifest.uploadFolder, maxBytes: manifest.maxUploadBytes ?? defaultUploadBytes });
  const gate = new PipelineGate(catalog, doors, log, maxOutputBytes, uploads);
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
  const running = new RunningPlugins(loaded, log);
  const stop = once(async (mostMs: number) => {
    await gate.drain(Math.min(manifest.drainMs ?? defaultDrainMs, mostMs));
    await running.stop();
    uploads.close();
    await quietly("A resource", () => gate.appResources.close({ failed: false }), log);
  });
  const stoppingOnFailure = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      await stop();
      throw error;
    }
  };
  await stoppingOnFailure(async () => {
    try {
      await running.openAuthenticators(doors.values(), context);
      await running.setUp(plugins, gate, context, takenWords);
    } catch (error) {
      if (!isQuaterError(error)) throw error;
      const remedy = error.hint ?? "Correct the part of the manifest that the cause names";
      throw new BootError([{ place: loaded.placeOf("plugins"), cause: error.message, remedy }]);
    }
  });
  const resources = appResourcesOf(catalog, running.authenticators, gate.appResources, log);
  gate.readiness = async () => (await Promise.all([running.unready(), resources.unready()])).flat();
  return {
    project,
    catalog,
    services,
    plugins,
    commands: running.commands,
    probes: running.probes,
    enter: (entry) => gate.enter(entry),
    enterAgain: (entry, principal, since) => gate.enterAgain(entry, principal, since),
    invoke: (invocation) => gate.invoke(invocation),
    call: (invocation, answer) => gate.call(invocation, answer),
    explain: (asked) => gate.explain(asked),
    newCallId,
    unready: () => gate.unready(),
    get isStopping() {
      return gate.isStopping;
    },
    start: async () => {
      if (catalog.operations.some(({ input }) => hasFile(input))) uploads.sweep();
      await stoppingOnFailure(async () => {
        // `quater run` and other commands that run once open only the resources that they use.
        for (const used of isServing(mode) ? resources.atStart : [])
          await running.blaming(`The resource ${used.name}`, "open", () => gate.appResources.open({ used }));
        await running.start();
      });
      gate.phase = "running";
    },
    stop,
    [Symbol.asyncDispose]: () => stop(),
  };
};

/**
 * Makes a stop function that stops the kernel once. Every later call of the stop function waits for the first call of the stop
 * function.
 */
const once = (stop: (mostMs: number) => Promise<void>): ((mostMs?: number) => Promise<void>) => {
  let stopping: Promise<void> | undefined;
  return (mostMs = Number.POSITIVE_INFINITY) => {
    stopping ??= stop(mostMs);
    return stopping;
  };
};
