// The type for locks, and for other things that a call has while its handler runs.

import type { Awaitable } from "./principal.ts";

/** A lock, or another thing that a call has until its handler has ended. */
export interface Holding {
  /**
   * Called directly before the handler starts. If the call no longer has the lock, this function throws, and the handler does not
   * start.
   */
  readonly confirm: () => Awaitable<void>;
  /** Called once, after the end of the call was recorded. An error is logged. */
  readonly release: () => Awaitable<void>;
}
