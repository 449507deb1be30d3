// The audit plugin: the trail of every call, hard to falsify, and no write without a record.

import { join } from "node:path";
import { type BootProblem, definePlugin, type Plugin } from "../../core/plugin-api.ts";
import { storeRef } from "../store/service.ts";
import { type AuditLevel, auditKey } from "./log/level.ts";
import { type AuditOptions, defaultKeys } from "./options.ts";
import { auditRef } from "./service.ts";

export type { AuditLevel } from "./log/level.ts";
export type { AuditOptions } from "./options.ts";
export { type Audit, type AuditEvent, auditRef } from "./service.ts";
export type { SinkOption } from "./sinks/sinks.ts";

declare module "quater" {
  interface Exposure {
    /**
     * How much of a call the trail keeps: `off` (reads only), `metadata` (who, what, when, how it ended), `request`
     * (arguments too), `response` (results too). Default: `request` for what writes; `metadata` for reads, and nothing
     * for reads over http.
     */
    readonly audit?: AuditLevel;
  }
}

/**
 * Keeps the trail.
 *
 * @example
 * plugins: [store(), audit({ sinks: [{ file: "/var/log/shop/checkpoints.jsonl" }] })]
 */
export const audit = definePlugin(
  (options: AuditOptions = {}): Plugin => ({
    name: "audit",
    needs: [storeRef],
    provides: [auditRef],
    secretFiles: [{ file: options.keys ?? defaultKeys }],
    rehearsed: ({ folder }) => rehearsal(options, folder),
    exposure: [auditKey],
    check: () => optionProblems(options),
    setup: async (context) => (await import("./setup.ts")).setup(options, context),
  }),
  { keys: true, sinks: true, retentionDays: true, leaseMs: true, fingerprint: true },
);

/** A trail of its own, under keys of its own, which no sink hears of. */
const rehearsal = ({ sinks, fingerprint, ...options }: AuditOptions, folder: string): Plugin =>
  audit({ ...options, keys: join(folder, "trail-keys.json") });

const optionProblems = ({ retentionDays = 400, leaseMs = 30_000, fingerprint }: AuditOptions): BootProblem[] => {
  const found: BootProblem[] = [];
  const say = (cause: string, remedy: string) => found.push({ place: "audit()", plugin: "audit", cause, remedy });
  if (!Number.isInteger(retentionDays) || retentionDays < 1)
    say(`audit's retentionDays is ${retentionDays}`, "Write a number of days, at least 1");
  if (!Number.isInteger(leaseMs) || leaseMs < 100)
    say(`audit's leaseMs is ${leaseMs}`, "Write a number of milliseconds, at least 100");
  if (fingerprint !== undefined && !/^SHA256:[A-Za-z0-9+/]{43}$/.test(fingerprint))
    say(`audit's fingerprint ${JSON.stringify(fingerprint)} is none`, "It begins with SHA256: and has 43 more characters");
  return found;
};
