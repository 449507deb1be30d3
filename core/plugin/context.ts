// What a plugin receives when it is set up.

import type { Log } from "../diagnostics/log.ts";
import type { Catalog } from "../model/operation.ts";
import type { RunMode } from "../model/run-mode.ts";
import type { Gate } from "./gate.ts";
import type { Services } from "./services.ts";

export interface PluginContext {
  readonly services: Services;
  readonly catalog: Catalog;
  readonly gate: Gate;
  readonly log: Log;
  readonly mode: RunMode;
  readonly project: Project;
  /** The most bytes of JSON in an answer. The gate checks values and items of streams. A surface that joins items checks the sum. */
  readonly maxOutputBytes: number;
  /** All configured plugins, in boot order. */
  readonly plugins: readonly ConfiguredName[];
  /**
   * Returns `sha256:...` over the manifest: its name, version and exposure tables, the plugins' names and the digests of their
   * options. Two processes with equal digests expose the same handlers in the same way.
   */
  readonly manifestDigest: () => string;
  /**
   * Ends the process: calls in flight are drained, and the program exits with `exitCode`. For failures after which the process must
   * not go on. In tests nothing happens.
   */
  readonly halt: (reason: string, exitCode: number) => void;
}

/** What other plugins can know about a plugin. */
export interface ConfiguredName {
  /** Also the word in the configuration and in the docs. */
  readonly name: string;
  /** The version of the plugin's package, for the event `runtime.started`. Quater's own plugins have Quater's version. */
  readonly version?: string;
  /** `sha256:...`: see `digestOfOptions`. Computed when asked for. */
  readonly optionsDigest?: () => string;
}

/** The name, the version and the folder of the project that runs. The version is "0.0.0" if the manifest has none. */
export interface Project {
  readonly name: string;
  readonly version: string;
  /** The folder of the manifest. */
  readonly root: string;
}
