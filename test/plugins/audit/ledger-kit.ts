// A trail without an app: the real ledger on a real file, for tests that need many trails.

import { join } from "node:path";
import { signed } from "../../../plugins/audit/log/chain.ts";
import { KeyRing } from "../../../plugins/audit/log/key-ring.ts";
import type { TrailKeys } from "../../../plugins/audit/log/keys.ts";
import { Ledger } from "../../../plugins/audit/log/ledger.ts";
import { migrations } from "../../../plugins/audit/log/tables.ts";
import { lineOf } from "../../../plugins/audit/sinks/sinks.ts";
import type { Report } from "../../../plugins/audit/verify/damage.ts";
import { storeSource } from "../../../plugins/audit/verify/source.ts";
import { verifySource } from "../../../plugins/audit/verify/verify-source.ts";
import type { Database } from "../../../plugins/store/connection.ts";
import { openInProcess } from "../../../plugins/store/in-process.ts";
import { openStore } from "../../../plugins/store/open.ts";
import { openPostgres } from "../../../plugins/store/postgres.ts";
import type { Migration, OpenStore } from "../../../plugins/store/service.ts";
import { openThreaded } from "../../../plugins/store/threaded.ts";

export interface OpenTrail {
  readonly store: OpenStore;
  readonly keys: TrailKeys;
  readonly ledger: Ledger;
  /** Writes a signed checkpoint event about the current end of the trail. @returns The line that a sink would get. */
  readonly checkpoint: () => Promise<string>;
  readonly close: () => Promise<void>;
}

export const keyFileIn = (root: string): string => join(root, "trail-keys.json");

export interface StoreGiven {
  /** Whether SQLite runs in a thread, as in servers and in `audit verify`. */
  readonly isThreaded?: boolean;
  /** The URL of PostgreSQL. Without a URL, the trail uses SQLite in `root`. */
  readonly url?: string | undefined;
  /** The migrations of the store. Default: all migrations of the trail. */
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
    mode: "run",
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
