// A trail without a process around it: the real ledger on a real file, for tests that need many of them.

import { join } from "node:path";
import type { Catalog } from "../../../core/plugin-api.ts";
import { erase } from "../../../plugins/audit/erasing/erase.ts";
import { signed } from "../../../plugins/audit/log/chain.ts";
import { KeyRing } from "../../../plugins/audit/log/key-ring.ts";
import type { TrailKeys } from "../../../plugins/audit/log/keys.ts";
import { Ledger } from "../../../plugins/audit/log/ledger.ts";
import { prune } from "../../../plugins/audit/log/prune.ts";
import { sweepUnknown } from "../../../plugins/audit/log/sweep.ts";
import { migrations } from "../../../plugins/audit/log/tables.ts";
import { Trail } from "../../../plugins/audit/log/trail.ts";
import { lineOf, sinksOf } from "../../../plugins/audit/sinks/sinks.ts";
import type { Report } from "../../../plugins/audit/verify/damage.ts";
import { storeSource } from "../../../plugins/audit/verify/source.ts";
import { verifySource } from "../../../plugins/audit/verify/verify-source.ts";
import type { Database } from "../../../plugins/store/connection.ts";
import { openInProcess } from "../../../plugins/store/in-process.ts";
import { openStore } from "../../../plugins/store/open.ts";
import { openPostgres } from "../../../plugins/store/postgres.ts";
import type { Migration, OpenStore, Store } from "../../../plugins/store/service.ts";
import { openThreaded } from "../../../plugins/store/threaded.ts";

export interface OpenTrail {
  readonly store: OpenStore;
  readonly keys: TrailKeys;
  readonly ledger: Ledger;
  /** Signs where the chain stands, stores it as an event and returns the line a sink would get. */
  readonly checkpoint: () => Promise<string>;
  readonly close: () => Promise<void>;
}

export const keyFileIn = (root: string): string => join(root, "trail-keys.json");

export interface StoreGiven {
  /** SQLite in a thread, as servers and `audit verify` have it. */
  readonly isThreaded?: boolean;
  /** Of PostgreSQL. Default: SQLite in `root`. */
  readonly url?: string | undefined;
  /** Default: all of the trail's. */
  readonly migrations?: readonly Migration[];
}

const databaseAt = (path: string, { isThreaded = false, url }: StoreGiven): Promise<Database> | Database => {
  if (url !== undefined) return openPostgres({ url, schema: "quater", onLost: () => undefined });
  return isThreaded ? openThreaded(path) : openInProcess(path);
};

export const storeAt = async (root: string, given: StoreGiven = {}) => {
  const path = join(root, "trail.db");
  const database = await databaseAt(path, given);
  const store = await openStore(database, {
    place: {
      url: given.url ?? `file:${path}`,
      path: given.url === undefined ? path : undefined,
      schema: "quater",
      mayLoseCommits: true,
    },
    command: "run",
    registered: [{ plugin: "audit", migrations: given.migrations ?? migrations }],
    onFailure: () => undefined,
    onLost: () => undefined,
    assertOpen: () => undefined,
  });
  return { store, close: () => database.close() };
};

export const trailAt = async (root: string, given: StoreGiven = {}): Promise<OpenTrail> => {
  const { store, close } = await storeAt(root, given);
  const ring = new KeyRing(keyFileIn(root));
  const keys = ring.current;
  const ledger = await Ledger.open(store, { app: "test", keys: ring, instance: "000000000000" });
  return {
    store,
    keys,
    ledger,
    checkpoint: async () => {
      let line = "";
      await ledger.write([
        {
          events: [
            {
              fields: ({ seq, hash, at }) => {
                const about = {
                  app: "test",
                  chain: 1,
                  genesis: ledger.genesis,
                  size: seq,
                  head: hash,
                  at,
                  key: keys.checkpoint.id,
                };
                const checkpoint = signed(about, keys.checkpoint.privateKey);
                line = lineOf(checkpoint);
                return { type: "audit.checkpoint", detail: checkpoint };
              },
            },
          ],
        },
      ]);
      return line;
    },
    close,
  };
};

export const verifyAt = async (root: string, against: readonly string[] = [], given: StoreGiven = {}): Promise<Report> => {
  const { store, close } = await storeAt(root, given);
  try {
    const report = await verifySource(storeSource(store), { keyFile: keyFileIn(root), against });
    if (report === undefined) throw new Error("There is no trail");
    return report;
  } finally {
    await close();
  }
};

/** What Quater does to a trail by itself or on an operator's command. */
export type Maintenance = "prune" | "sweep" | "erase";

/** The trail of one process, which is not booted as a kernel. */
export const trailOf = (store: OpenStore, keys: KeyRing, sink: string, root: string): Trail => {
  const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
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
    stays: false,
    started: () => ({}),
  };
  return new Trail(options);
};

/**
 * Runs one kind of maintenance over a trail that nobody else writes: retention of no days at all, the sweep of lost calls, or
 * an erasure of every body.
 *
 * @returns How many events were removed, calls found or bodies erased. @throws when it is refused.
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
