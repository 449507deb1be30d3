// The options of the trail of one process.

import type { Log } from "../../../core/plugin-api.ts";
import type { Store } from "../../store/service.ts";
import type { Sink } from "../sinks/sinks.ts";
import type { KeyRing } from "./key-ring.ts";

export interface TrailOptions {
  readonly app: string;
  readonly store: Store;
  readonly keys: KeyRing;
  readonly sinks: readonly Sink[];
  readonly log: Log;
  /** How long other processes treat a process as running after the process has renewed its lease, milliseconds. */
  readonly leaseMs: number;
  /** Returns the `detail` of the event `runtime.started`. */
  readonly started: () => unknown;
}
