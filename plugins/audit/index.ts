// The audit plugin, which records calls on the trail. A write does not run if the plugin cannot record the write.

import { join } from "node:path";
import { definePlugin, type Plugin } from "../../core/plugin-api.ts";
import { auditReadsRef } from "../offered.ts";
import { storeRef } from "../store/service.ts";
import { type AuditLevel, auditKey } from "./log/level.ts";
import { auditOptions } from "./options.ts";
import { auditRef } from "./service.ts";

export type { AuditLevel } from "./log/level.ts";
export { type Audit, type AuditEvent, auditRef } from "./service.ts";
export type { SinkOption } from "./sinks/sinks.ts";

declare module "quater" {
  interface Exposure {
    /**
     * How much of a call Quater stores on the trail: `off` (no event, for reads only), `metadata` (the caller, the handler, the
     * time and the outcome of the call), `request` (also the arguments), `response` (also the results). Default: `request` for
     * writes; `metadata` for reads, except that Quater does not record reads over http.
     */
    readonly audit?: AuditLevel;
  }
}

/**
 * Makes the plugin audit, which records calls on the trail, a chained and signed log in the store.
 *
 * @example
 * plugins: [store(), audit({ sinks: [{ file: "/var/log/shop/checkpoints.jsonl" }] })]
 */
export const audit = definePlugin(auditOptions, (options, given): Plugin => {
  /** Returns the plugin for a test run: this plugin has its own trail and its own keys, and writes to no sink. */
  const rehearsal = (folder: string): Plugin => {
    const { sinks, fingerprint, ...kept } = given;
    return audit({ ...kept, keys: join(folder, "trail-keys.json") });
  };
  return {
    name: "audit",
    needs: [storeRef],
    provides: [auditRef, auditReadsRef],
    secretFiles: [{ file: options.keys }],
    testRun: ({ folder }) => rehearsal(folder),
    exposure: [auditKey],
    setup: async (context) => (await import("./setup.ts")).setup(options, context),
  };
});
