// The one file a reviewer reads: which handlers there are, how each is exposed, which plugins run.

import { type Branded, brand, isBranded } from "../diagnostics/brand.ts";
import type { Exposed } from "../model/exposure.ts";
import type { ConfiguredPlugin } from "../plugin/plugin.ts";

export interface Config<Handlers extends readonly Exposed[] = readonly Exposed[]> {
  /** The app's name, shown to callers and approvers. */
  readonly name: string;
  readonly version?: string;
  readonly handlers: Handlers;
  readonly plugins: readonly ConfiguredPlugin[];
  /** How long a stop waits for calls in flight, milliseconds. Default 8,000. */
  readonly drainMs?: number;
  /** How large an answer may be, bytes of its JSON: a value, or one item of a stream. Default 8,388,608. */
  readonly maxOutputBytes?: number;
  /** How many bytes uploaded files may have that are there at the same time, all together. Default 1,073,741,824. */
  readonly maxUploadBytes?: number;
  /** Where uploaded files are until their call ends. Default: the system's folder for temporary files. */
  readonly uploadFolder?: string;
}

export interface Manifest<Handlers extends readonly Exposed[] = readonly Exposed[]>
  extends Config<Handlers>,
    Branded<"manifest"> {}

export const defineConfig = <const Handlers extends readonly Exposed[]>(config: Config<Handlers>): Manifest<Handlers> =>
  Object.freeze({ ...config, [brand]: "manifest" as const });

export const isManifest = (value: unknown): value is Manifest => isBranded(value, "manifest");
