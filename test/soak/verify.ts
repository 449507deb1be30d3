// A trail of a million events: how fast it verifies, and how much memory that takes.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { storeSource } from "../../plugins/audit/verify/source.ts";
import { verifySource } from "../../plugins/audit/verify/verify-source.ts";
import { keyFileIn, storeAt, trailAt } from "../plugins/audit/ledger-kit.ts";

export interface VerifyFigures {
  readonly events: number;
  readonly perSecond: number;
  /** Most resident memory while verifying, above what there was before, MiB. */
  readonly grownMiB: number;
  /** Most memory in use after a collection while verifying, above what there was before, MiB. The collector's haste does not change it. */
  readonly heldMiB: number;
}

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

const inUse = (): number => {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

const who = { credential: "key:abc", issuer: "keys", kind: "user", person: "ana", subject: "ana" } as const;
const about = { handler: "refundOrder", surface: "http", principal: who, schema: `sha256:${"a".repeat(64)}` } as const;
const argsTag = `hmac:tag-123456:${"b".repeat(64)}`;
const body = '{"args":{"amountCents":100,"orderId":"ord_1001"}}';

/** Events as a busy shop writes them, with a checkpoint every thousand. */
export const fillTrail = async (root: string, events: number): Promise<void> => {
  const trail = await trailAt(root);
  for (let n = 0; trail.ledger.head.seq < events; n++) {
    const drafts = Array.from({ length: 498 }, (_, at) => {
      const call = { ...about, argsTag, callId: `00000000-0000-4000-8000-${String(n * 250 + (at >> 1)).padStart(12, "0")}` };
      return at % 2 === 0
        ? { fields: { ...call, type: "call.started" as const }, body }
        : { fields: { ...call, type: "call.ended" as const, outcome: "succeeded" as const, durationMs: 3 } };
    });
    await trail.ledger.write([{ events: drafts }]);
    await trail.checkpoint();
  }
  await trail.close();
};

/** @throws when the trail is not found whole. */
export const verifyFigures = async (events: number): Promise<VerifyFigures> => {
  const root = mkdtempSync(join(tmpdir(), "quater-verify-"));
  try {
    await fillTrail(root, events);
    const { store, close } = await storeAt(root, { isThreaded: true }); // as the command has it
    const [heldBefore, before] = [inUse(), process.memoryUsage().rss];
    let [heldMost, most, pages] = [heldBefore, before, 0];
    const source = storeSource(store);
    const begin = performance.now();
    const report = await verifySource(
      {
        ...source,
        after: (seq) => {
          most = Math.max(most, process.memoryUsage().rss);
          if (pages++ % 10 === 0) heldMost = Math.max(heldMost, inUse());
          return source.after(seq);
        },
      },
      { keyFile: keyFileIn(root) },
    );
    const seconds = (performance.now() - begin) / 1_000;
    await close();
    if (report?.isWhole !== true) throw new Error(`The trail is not whole: ${JSON.stringify(report?.damage[0])}`);
    const [grownMiB, heldMiB] = [(most - before) / 2 ** 20, (heldMost - heldBefore) / 2 ** 20];
    return { events: report.events, perSecond: report.events / seconds, grownMiB, heldMiB };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
};
