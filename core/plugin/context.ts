// The context that a plugin receives when Quater sets the plugin up.

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
  /**
   * The largest JSON of an answer, bytes. The gate checks the size of values and of stream items. A surface that joins stream
   * items must check the size of all joined items.
   */
  readonly maxOutputBytes: number;
  /** All configured plugins, in boot order. */
  readonly plugins: readonly ConfiguredName[];
  /**
   * Returns `sha256:...` over the manifest. The digest covers the name, the version and the exposure tables of the manifest, and
   * the names and options digests of the plugins. Two processes with equal digests expose the same handlers in the same way.
   */
  readonly manifestDigest: () => string;
  /**
   * Ends the process with `exitCode` after the running calls have ended. Use `halt` for failures after which the process must not
   * continue, such as a damaged store. In tests, `halt` does nothing.
   */
  readonly halt: (reason: string, exitCode: number) => void;
}

/** The facts about a configured plugin that other plugins can read. */
export interface ConfiguredName {
  /** The name of the plugin. The manifest and the documentation use the same name. */
  readonly name: string;
  /**
   * The version of the plugin's package, for the event `runtime.started` on the trail. Quater's own plugins have Quater's
   * version.
   */
  readonly version?: string;
  /** Returns `sha256:...` over the plugin's options. `digestOfOptions` computes this digest. */
  readonly optionsDigest?: () => string;
}

/** The name, version and folder of the project. The version is "0.0.0" if the manifest has no version. */
export interface Project {
  readonly name: string;
  readonly version: string;
  /** The folder of the manifest. */
  readonly root: string;
}
