// A trail without a process around it: the real ledger on a real file, for tests that need many of them.

import { join } from "node:path";
import { signed } from "../../../plugins/audit/chain.ts";
import type { Report } from "../../../plugins/audit/damage.ts";
import { openKeys, type TrailKeys } from "../../../plugins/audit/keys.ts";
import { Ledger } from "../../../plugins/audit/ledger.ts";
import { lineOf } from "../../../plugins/audit/sinks.ts";
import { heldIn, storeSource } from "../../../plugins/audit/source.ts";
import { migrations } from "../../../plugins/audit/tables.ts";
import { verifySource } from "../../../plugins/audit/verify-source.ts";
import { openInProcess } from "../../../plugins/store/in-process.ts";
import { openStore } from "../../../plugins/store/open.ts";
import type { OpenStore } from "../../../plugins/store/service.ts";
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

export const storeAt = async (root: string, isThreaded = false) => {
  const path = join(root, "trail.db");
  const database = isThreaded ? await openThreaded(path) : openInProcess(path);
  const store = await openStore(database, {
    place: { url: `file:${path}`, path, schema: "quater", mayLoseCommits: false },
    command: "run",
    registered: [{ plugin: "audit", migrations }],
    onFailure: () => undefined,
    onLost: () => undefined,
    assertOpen: () => undefined,
  });
  return { store, close: () => database.close() };
};

export const trailAt = async (root: string): Promise<OpenTrail> => {
  const { store, close } = await storeAt(root);
  const keys = openKeys(keyFileIn(root));
  const ledger = await Ledger.open(store, { app: "test", keys, instance: "000000000000" });
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

export const verifyAt = async (root: string, against: readonly string[] = []): Promise<Report> => {
  const { store, close } = await storeAt(root);
  try {
    const report = await verifySource(storeSource(store), { keyFile: keyFileIn(root), against });
    if (report === undefined) throw new Error("There is no trail");
    return report;
  } finally {
    await close();
  }
};

export { heldIn };
