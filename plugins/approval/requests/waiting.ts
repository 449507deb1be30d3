// Waits outside of a call until people decide. Meanwhile only a timer is open. A caller can stop waiting without losing the request.

import type { Approvals, OwnStatus } from "../service.ts";

/** The first pauses are short, because the approver may be waiting for the request. Later pauses are longer, to spare the store. */
const pause = { firstMs: 200, growth: 1.5, longestMs: 2_000 } as const;

export const waitingOn =
  (statusOf: Approvals["statusOf"]): Approvals["untilDecided"] =>
  async (enter, surface, id, { signal, asked }) => {
    let pauseMs: number = pause.firstMs;
    for (;;) {
      asked?.();
      // People may take hours. A key that was revoked meanwhile must not see the decision.
      const status: OwnStatus = await statusOf(await enter(), surface, id);
      if (status.status !== "pending" || signal.aborted) return status;
      await elapsed(pauseMs, signal);
      pauseMs = Math.min(pauseMs * pause.growth, pause.longestMs);
    }
  };

/** Resolves after so many milliseconds, or when `signal` aborts. */
const elapsed = (milliseconds: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", done);
    if (signal.aborted) done();
  });
