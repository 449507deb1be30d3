// The store plugin, which offers a database that audit, approval and other plugins share. The store is a separate SQLite file, or
// a separate schema on a PostgreSQL server, but never the app's own database.

import { join } from "node:path";
import { definePlugin, type Plugin } from "../../core/plugin-api.ts";
import { type LockExposure, type LockRule, lockKey, sharedLockProblems } from "./lock/exposure.ts";
import { storeOptions } from "./options.ts";
import { storeRef } from "./service.ts";

export type { LockExposure } from "./lock/exposure.ts";
export { type OpenStore, type Store, storeRef } from "./service.ts";

declare module "quater" {
  interface Exposure {
    /**
     * The lock that calls of the handler need. Calls that need the same lock run one after the other: `"order"`, or
     * `{ name: "order", by: "orderId" }` for one lock per value of an input. Default for a handler with a preview and an
     * approval: the handler's name.
     */
    readonly lock?: LockExposure;
  }
  interface ExposureRules<Input, Given> {
    readonly lock: LockRule<Input, Given>;
  }
}

export const store = definePlugin(
  storeOptions,
  (options): Plugin => ({
    name: "store",
    provides: [storeRef],
    exposure: [lockKey],
    testRun: ({ folder }) => store({ url: `file:${join(folder, "quater.db")}` }),
    check: ({ catalog }) => sharedLockProblems(catalog.operations),
    setup: async (context) => (await import("./setup.ts")).setup(options, context),
  }),
);
