// The options of the plugin audit.

import { Type } from "../../core/index.ts";
import type { OptionValues } from "../../core/schema/options.ts";
import { withDefault } from "../../core/schema/with-default.ts";
import type { SinkOption } from "./sinks/sinks.ts";

export const auditOptions = {
  /**
   * The key file, relative to the project's folder. Quater creates the key file at the first start. Instances that share a store
   * need the same key file. Default `.quater/trail-keys.json`.
   */
  keys: withDefault(Type.String({ minLength: 1 }), ".quater/trail-keys.json"),
  /**
   * The sinks that get checkpoints in addition to the store. By default there are no sinks, and Quater logs a warning about the
   * consequence.
   */
  sinks: withDefault(
    Type.Unsafe<readonly SinkOption[]>(
      Type.Array(Type.Union([Type.Literal("stdout"), Type.Object({ file: Type.String({ minLength: 1 }) })])),
    ),
    [],
  ),
  /** How many days Quater keeps events. Default 400. */
  retentionDays: withDefault(Type.Integer({ minimum: 1 }), 400),
  /**
   * How long other instances treat an instance as running after the instance has renewed its lease, milliseconds. After this
   * time, another instance records the unfinished calls of the instance as `unknown`. Default 30,000.
   */
  leaseMs: withDefault(Type.Integer({ minimum: 100 }), 30_000),
  /**
   * The fingerprint `SHA256:...` of the only checkpoint key that `audit verify` accepts. By default, `audit verify` accepts the
   * keys in the key file.
   */
  fingerprint: Type.Optional(
    Type.String({
      pattern: "^SHA256:[A-Za-z0-9+/]{43}$",
      remedy: "Write the fingerprint that `quater audit fingerprint` shows: SHA256: and 43 characters",
    }),
  ),
};

export type AuditOptions = OptionValues<typeof auditOptions>;
