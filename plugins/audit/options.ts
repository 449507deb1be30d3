// The options of audit().

import { Type } from "../../core/index.ts";
import type { OptionValues } from "../../core/schema/options.ts";
import { withDefault } from "../../core/schema/with-default.ts";
import type { SinkOption } from "./sinks/sinks.ts";

export const auditOptions = {
  /**
   * The key file; relative to the project's folder. Made on first start. Instances that share a store share it. Default
   * `.quater/trail-keys.json`.
   */
  keys: withDefault(Type.String({ minLength: 1 }), ".quater/trail-keys.json"),
  /** Where checkpoints go beside the store. Default: nowhere, and the log says what that means. */
  sinks: withDefault(
    Type.Unsafe<readonly SinkOption[]>(
      Type.Array(Type.Union([Type.Literal("stdout"), Type.Object({ file: Type.String({ minLength: 1 }) })])),
    ),
    [],
  ),
  /** How long events are kept. Default 400. */
  retentionDays: withDefault(Type.Integer({ minimum: 1 }), 400),
  /**
   * For how long an instance that says nothing is taken to be alive. After it, calls that it had begun and not ended are
   * recorded as `unknown`. Milliseconds, default 30,000.
   */
  leaseMs: withDefault(Type.Integer({ minimum: 100 }), 30_000),
  /** `SHA256:...`: the checkpoint key that `audit verify` takes for right. Default: what the key file holds. */
  fingerprint: Type.Optional(
    Type.String({ pattern: "^SHA256:[A-Za-z0-9+/]{43}$", remedy: "Write SHA256: and 43 characters: audit keys shows them" }),
  ),
};

export type AuditOptions = OptionValues<typeof auditOptions>;
