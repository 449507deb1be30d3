// The options of store().

import { secret, Type } from "../../core/index.ts";
import { opaque } from "../../core/plugin-api.ts";
import type { OptionValues } from "../../core/schema/options.ts";
import { withDefault } from "../../core/schema/with-default.ts";

const isUrl = (value: unknown): boolean => typeof value === "string" && /^file:.|^postgres(?:ql)?:\/\//.test(value);

export const storeOptions = {
  /**
   * The database of the store: `file:` and a path, relative to the project's folder, or `postgres://...` for several instances.
   * Default `file:.quater/quater.db`.
   */
  url: withDefault(secret(opaque<string>("a string that begins with file: or postgres://", isUrl)), "file:.quater/quater.db"),
  /** On PostgreSQL: the name of the schema with the store's tables. Default "quater". */
  schema: withDefault(
    Type.String({
      pattern: "^[a-z_][a-z0-9_]{0,62}$",
      remedy: "Write lower-case letters, digits and _, beginning with a letter or _",
    }),
    "quater",
  ),
  /**
   * Whether the process starts although PostgreSQL has `fsync` or `full_page_writes` switched off. Only for tests. Default false.
   */
  mayLoseCommits: withDefault(Type.Boolean(), false),
  /** How long a process that pauses or dies keeps its locks, milliseconds. A running process renews its locks. Default 30,000. */
  lockLeaseMs: withDefault(Type.Integer({ minimum: 1_000, maximum: 600_000 }), 30_000),
};

export type StoreOptions = OptionValues<typeof storeOptions>;
