// The options of audit().

import type { SinkOption } from "./sinks/sinks.ts";

/** Of the trail keys, under the project's folder. */
export const defaultKeys = ".quater/trail-keys.json";

export interface AuditOptions {
  /**
   * The key file; relative to the project's folder. Made on first start. Instances that share a store share it. Default
   * `.quater/trail-keys.json`.
   */
  readonly keys?: string;
  /** Where checkpoints go beside the store. Default: nowhere, and the log says what that means. */
  readonly sinks?: readonly SinkOption[];
  /** How long events are kept. Default 400. */
  readonly retentionDays?: number;
  /**
   * For how long an instance that says nothing is taken to be alive. After it, calls that it had begun and not ended are
   * recorded as `unknown`. Milliseconds, default 30,000.
   */
  readonly leaseMs?: number;
  /** `SHA256:...`: the checkpoint key that `audit verify` takes for right. Default: what the key file holds. */
  readonly fingerprint?: string;
}
