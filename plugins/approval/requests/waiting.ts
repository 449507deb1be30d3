// Waits outside of a call until people decide an approval request. The wait uses only a timer, and has no lock. A caller can stop
// waiting, and the approval request stays pending.

import { setTimeout as sleep } from "node:timers/promises";
import type { Approvals, OwnStatus } from "../service.ts";

/**
 * The pauses between two reads of the approval request. The first pauses between two reads are short, because the approver may
 * decide quickly. Later pauses are longer, to reduce the load on the store.
 */
const pause = { firstMs: 200, growth: 1.5, longestMs: 2_000 } as const;

export const waitingOn =
  (statusOf: Approvals["statusOf"]): Approvals["untilDecided"] =>
  async (enter, surface, id, { signal, asked }) => {
    let pauseMs: number = pause.firstMs;
    for (;;) {
      asked?.();
      // Authenticate the caller before each read. People may decide after hours, and a caller whose key was revoked in the
      // meantime must not see the decision.
      const status: OwnStatus = await statusOf(await enter(), surface, id);
      if (status.status !== "pending" || signal.aborted) return status;
      await elapsed(pauseMs, signal);
      pauseMs = Math.min(pauseMs * pause.growth, pause.longestMs);
    }
  };

/** Resolves after the given number of milliseconds, or when `signal` aborts. */
const elapsed = (milliseconds: number, signal: AbortSignal): Promise<void> =>
  sleep(milliseconds, undefined, { signal }).catch(() => undefined);
