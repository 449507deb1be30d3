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
  /** How large an answer may be, bytes of its JSON. The gate checks values and items; a surface that joins items checks the sum. */
  readonly maxOutputBytes: number;
  /** All configured plugins, in boot order. */
  readonly plugins: readonly ConfiguredName[];
  /**
   * `sha256:...` over what the manifest says: name, version, every exposure table, the plugins' names and the digests of
   * their options. Two processes with equal digests expose the same. Computed when asked for.
   */
  readonly manifestDigest: () => string;
  /**
   * Ends the process, where there is one to end: calls in flight are drained, and the program exits with `exitCode`. For
   * what no plugin may live on with.
   */
  readonly halt: (reason: string, exitCode: number) => void;
}

/** A plugin as others may know it. */
export interface ConfiguredName {
  /** Also the word in the configuration and in the docs. */
  readonly name: string;
  /** Of the package it came in, for the record of what ran. Quater's own plugins have Quater's. */
  readonly version?: string;
  /** `sha256:...`: see `digestOfOptions`. Computed when asked for. */
  readonly optionsDigest?: () => string;
}

export interface Project {
  readonly name: string;
  readonly version: string;
  /** The folder of the manifest. */
  readonly root: string;
}
