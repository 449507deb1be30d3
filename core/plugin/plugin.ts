// The definition of a plugin: name, exposure keys, hooks, services, commands, start and stop.

import { type Branded, isBranded } from "../diagnostics/brand.ts";
import type { BootProblem } from "../diagnostics/problem.ts";
import type { Catalog } from "../model/operation.ts";
import type { Awaitable } from "../model/principal.ts";
import type { RunMode } from "../model/run-mode.ts";
import type { SecretFile } from "../model/secret-file.ts";
import type { PluginCommand } from "./command.ts";
import type { ConfiguredName, PluginContext } from "./context.ts";
import type { ExposureKey } from "./exposure-key.ts";
import type { HookChoice } from "./hooks.ts";
import type { ServiceRef } from "./services.ts";
import type { Probe, Surface } from "./surface.ts";

/** The functions and commands of a plugin after its setup. */
export interface Running {
  readonly hooks?: HookChoice;
  readonly commands?: readonly PluginCommand[];
  /** Opens the ports, files and connections of the plugin. Quater calls `start` after all plugins are set up. */
  readonly start?: () => Awaitable<void>;
  /**
   * Closes the ports, files and connections that `start` opened. Quater calls `stop` after the running calls have ended, in the
   * reverse of the start order. A second call of `stop` must have no effect.
   */
  readonly stop?: () => Awaitable<void>;
  readonly isReady?: () => Awaitable<boolean>;
  /** Calls the surface from outside, as a caller does, and returns the answer. Only tests use the probe. */
  readonly probe?: Probe;
}

/** A second run of the app's manifest for tests, beside the real app. */
export interface TestRun {
  /** The folder for the plugin's files. Quater creates this folder for the test run and deletes the folder after the test run. */
  readonly folder: string;
  /** How long callers can use an approval in the test run, milliseconds. Default: the time in the approval policy. */
  readonly usableForMs?: number;
  /** Whether the test run uses the configured authenticators. Default: the test run has its own authenticators. */
  readonly hasOwnDoors?: boolean;
}

export interface Plugin extends Running, Omit<ConfiguredName, "optionsDigest"> {
  /** The services that the plugin requires. The plugins that provide these services boot first. */
  readonly needs?: readonly ServiceRef<unknown>[];
  /** The services that the plugin uses if the services are configured. The plugins that provide these services boot first. */
  readonly wants?: readonly ServiceRef<unknown>[];
  readonly provides?: readonly ServiceRef<unknown>[];
  /** The exposure keys that the plugin owns. */
  readonly exposure?: readonly ExposureKey[];
  readonly surface?: Surface;
  /**
   * The files with secrets that the plugin reads, except the files of the plugin's authenticator. `quater check --gate` checks
   * these files.
   */
  readonly secretFiles?: readonly SecretFile[];
  /**
   * Returns the plugin for a test run. The returned plugin listens on a free port of this computer, writes its files into the
   * folder of the test run, and sends nothing to other computers. Omit `testRun` if the plugin can run unchanged in tests.
   */
  readonly testRun?: (run: TestRun) => Plugin;
  /** Returns the boot problems of the plugin's options and of the catalog, before Quater sets up any plugin. */
  readonly check?: (context: {
    readonly catalog: Catalog;
    readonly mode: RunMode;
    readonly root: string;
  }) => Awaitable<readonly BootProblem[]>;
  // biome-ignore lint/suspicious/noConfusingVoidType: a setup that returns nothing is common and fine
  readonly setup?: (context: PluginContext) => Awaitable<Running | void>;
}

export interface ConfiguredPlugin extends Branded<"plugin">, Plugin, ConfiguredName {
  /** Returns the boot problems of the plugin's options, such as unknown names and wrong values. */
  readonly optionProblems?: () => readonly BootProblem[];
}

export const isPlugin = (value: unknown): value is ConfiguredPlugin => isBranded(value, "plugin");
