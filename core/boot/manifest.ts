// The type of `quater.config.ts`, the file that lists the handlers, the exposure of each handler, and the plugins.

import { type Branded, brand, isBranded } from "../diagnostics/brand.ts";
import type { Exposed } from "../model/exposure.ts";
import type { ConfiguredPlugin } from "../plugin/plugin.ts";

export interface Config<Handlers extends readonly Exposed[] = readonly Exposed[]> {
  /** The name of the app. Callers and approvers see this name. */
  readonly name: string;
  readonly version?: string;
  readonly handlers: Handlers;
  readonly plugins: readonly ConfiguredPlugin[];
  /** How long a stop waits for running calls, milliseconds. Default 8,000. */
  readonly drainMs?: number;
  /** The largest JSON of an output value or of one stream item, bytes. Default 8,388,608. */
  readonly maxOutputBytes?: number;
  /** The largest total size of all uploaded files that exist at the same time, bytes. Default 1,073,741,824. */
  readonly maxUploadBytes?: number;
  /**
   * The folder for uploaded files, which Quater deletes when their calls end. Default: the folder of the operating system for
   * temporary files.
   */
  readonly uploadFolder?: string;
}

export interface Manifest<Handlers extends readonly Exposed[] = readonly Exposed[]>
  extends Config<Handlers>,
    Branded<"manifest"> {}

export const defineConfig = <const Handlers extends readonly Exposed[]>(config: Config<Handlers>): Manifest<Handlers> =>
  Object.freeze({ ...config, [brand]: "manifest" as const });

export const isManifest = (value: unknown): value is Manifest => isBranded(value, "manifest");
