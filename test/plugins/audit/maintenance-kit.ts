// Runs the maintenance of a trail without an app. Quater does this maintenance periodically, or on an operator's command.

import { join } from "node:path";
import { storeRef } from "quater/store";
import type { TestApp } from "quater/testing";
import type { Catalog } from "../../../core/plugin-api.ts";
import { erase } from "../../../plugins/audit/erasing/erase.ts";
import { KeyRing } from "../../../plugins/audit/log/key-ring.ts";
import { prune } from "../../../plugins/audit/log/prune.ts";
import { sweepUnknown } from "../../../plugins/audit/log/sweep.ts";
import { Trail } from "../../../plugins/audit/log/trail.ts";
import { sinksOf } from "../../../plugins/audit/sinks/sinks.ts";
import type { OpenStore, Store } from "../../../plugins/store/service.ts";
import { keyFileIn, type StoreGiven, storeAt } from "./ledger-kit.ts";

/** The kinds of maintenance that Quater does periodically, or on an operator's command. */
export type Maintenance = "prune" | "sweep" | "erase";

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** Returns the trail of a further process on the store of an app, without sinks. */
export const trailOn = (app: TestApp, root: string, leaseMs = 30_000): Trail =>
  new Trail({
    app: "test",
    store: app.services.get(storeRef),
    keys: new KeyRing(join(root, ".quater/trail-keys.json")),
    sinks: [],
    log: quiet,
    leaseMs,
    started: () => ({}),
  });

/** Returns the trail of one process without a booted kernel. */
export const trailOf = (store: OpenStore, keys: KeyRing, sink: string, root: string): Trail => {
  const service: Store = {
    register: () => undefined,
    open: async () => store,
    isMade: async () => true,
    checkWith: () => undefined,
    whenLost: () => undefined,
    fence: () => undefined,
    isFenced: false,
    lockOf: () => undefined,
  };
  const options = {
    app: "test",
    store: service,
    keys,
    sinks: sinksOf([{ file: sink }], root, false),
    log: quiet,
    leaseMs: 30_000,
    started: () => ({}),
  };
  return new Trail(options);
};

/**
 * Runs one kind of maintenance on a trail to which no other process writes: retention of zero days, the sweep of lost calls, or
 * an erasure of every body.
 *
 * @returns How many events were removed, calls found or bodies erased. @throws if Quater refuses the maintenance.
 */
export const maintain = async (kind: Maintenance, root: string, sink: string, given: StoreGiven = {}): Promise<number> => {
  const { store, close } = await storeAt(root, given);
  const ring = new KeyRing(keyFileIn(root));
  const trail = trailOf(store, ring, sink, root);
  try {
    await trail.open();
    const parts = { trail, store, keys: ring.current, sinkFiles: [sink] };
    if (kind === "prune") return await prune(parts, Date.now() + 3_600_000);
    if (kind === "sweep") return await sweepUnknown(parts);
    const catalog = { get: () => undefined } as unknown as Catalog;
    const eraser = { credential: "c", issuer: "i", kind: "user", person: "root", subject: "root" } as const;
    const counts = await erase(
      { trail, store, keyFile: ring.file, catalog, erasers: [], tagOf: () => "" },
      { person: undefined, filter: {}, isWhole: true, reason: "old", principal: eraser, by: "root" },
    );
    return counts["erasedBodies"] ?? 0;
  } finally {
    trail.writer.close();
    await close();
  }
};
