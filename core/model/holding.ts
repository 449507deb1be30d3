// Things that a call holds while its handler runs, such as a lock.

import type { Awaitable } from "./principal.ts";

/** What a call holds until its handler has ended, such as a lock. */
export interface Holding {
  /**
   * Called directly before the handler starts. Throws if the call no longer holds the lock, and then the handler does not start.
   */
  readonly confirm: () => Awaitable<void>;
  /** Called once, after the end of the call was recorded. An error is logged. */
  readonly release: () => Awaitable<void>;
}
