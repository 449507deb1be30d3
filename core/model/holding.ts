// The type of locks and of other things that a call has while the handler of the call runs.

import type { Awaitable } from "./principal.ts";

/** A lock, or another thing that a call has until the handler of the call has ended. */
export interface Holding {
  /**
   * The pipeline calls `confirm` directly before the handler starts. If the call no longer has the lock, `confirm` throws, and
   * the handler does not start.
   */
  readonly confirm: () => Awaitable<void>;
  /** Quater calls `release` once, after the end of the call was recorded. Quater logs an error of `release`. */
  readonly release: () => Awaitable<void>;
}
