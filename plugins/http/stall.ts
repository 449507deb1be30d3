// A reader who takes nothing any more: without an end, its call, what the call opened and its connection would be held until
// the server stops.

import type { ServerResponse } from "node:http";

/** trust.md T13, milliseconds. */
export const defaultStallMs = 30_000;

/**
 * Cuts an answer off once its reader has taken nothing of it for so long. A source that has nothing to say is no stall,
 * nor is a slow reader: Node counts what leaves.
 */
export const endWhenStalled = (res: ServerResponse, stallTimeoutMs: number = defaultStallMs): void => {
  res.setTimeout(stallTimeoutMs, () => {
    if (res.writableNeedDrain || (res.writableEnded && !res.writableFinished)) res.destroy();
  });
};
