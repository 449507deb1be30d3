// What the trail of one process works with.

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
  /** For how long a process that says nothing is taken to be alive. */
  readonly leaseMs: number;
  /** What the process says of itself first. */
  readonly started: () => unknown;
}
