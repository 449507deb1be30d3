// What a plugin is: its name, exposure keys, hooks, services, commands, start and stop.

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

/** What a plugin does once it is set up. */
export interface Running {
  readonly hooks?: HookChoice;
  readonly commands?: readonly PluginCommand[];
  /** Nothing listens before every plugin is set up. */
  readonly start?: () => Awaitable<void>;
  /** Runs after calls in flight have ended, in the reverse of the start order. Must be safe to call twice. */
  readonly stop?: () => Awaitable<void>;
  readonly isReady?: () => Awaitable<boolean>;
  /** For tests of a surface: calls it from the outside, as its callers do, and returns the answer. */
  readonly probe?: Probe;
}

/** A run of the same manifest for tests, beside the real one. */
export interface TestRun {
  /** A folder for the plugin's files. It is created for the test run, and deleted after it. */
  readonly folder: string;
  /** How long approvals can be used, milliseconds. Default: as configured. */
  readonly usableForMs?: number;
  /** Keeps the configured authenticators. Default: the test run has its own. */
  readonly hasOwnDoors?: boolean;
}

export interface Plugin extends Running, Omit<ConfiguredName, "optionsDigest"> {
  /** Services without which it cannot work; their plugins boot first. */
  readonly needs?: readonly ServiceRef<unknown>[];
  /** Services it uses where they are configured; their plugins boot first. */
  readonly wants?: readonly ServiceRef<unknown>[];
  readonly provides?: readonly ServiceRef<unknown>[];
  /** The keys of the exposure table that it owns. */
  readonly exposure?: readonly ExposureKey[];
  readonly surface?: Surface;
  /** The files with secrets that it uses, without those of its authenticator. `quater check --gate` checks them. */
  readonly secretFiles?: readonly SecretFile[];
  /**
   * Returns the same plugin for a test run: it listens on a free port of this computer, keeps its files in the given folder, and
   * sends nothing outside. Leave it out if the plugin can run in tests as it is.
   */
  readonly testRun?: (run: TestRun) => Plugin;
  /** Problems of its options and of the catalog, found before anything is set up. */
  readonly check?: (context: {
    readonly catalog: Catalog;
    readonly mode: RunMode;
    readonly root: string;
  }) => readonly BootProblem[];
  // biome-ignore lint/suspicious/noConfusingVoidType: a setup that returns nothing is common and fine
  readonly setup?: (context: PluginContext) => Awaitable<Running | void>;
}

export interface ConfiguredPlugin extends Branded<"plugin">, Plugin, ConfiguredName {
  /** Returns the problems of its options: unknown names and wrong values. */
  readonly optionProblems?: () => readonly BootProblem[];
}

export const isPlugin = (value: unknown): value is ConfiguredPlugin => isBranded(value, "plugin");
