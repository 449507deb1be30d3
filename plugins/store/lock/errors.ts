// The errors of locks. The page docs/reference/errors.md lists the same error codes, and a test compares this page with this
// file.

import { isQuaterError, QuaterError } from "../../../core/index.ts";
import type { ErrorKind } from "../../../core/plugin-api.ts";

export const lockCodes = {
  lock_busy: "unavailable",
  lock_lost: "unavailable",
} as const satisfies Record<string, ErrorKind>;

/** Returns the error of a call that waited too long for its lock. */
export const lockBusy = (name: string): QuaterError =>
  new QuaterError({
    code: "lock_busy",
    kind: lockCodes.lock_busy,
    message: `Another running call has the lock ${name}. This call did not run, so you can repeat it`,
    retryAfterSeconds: 1,
  });

/**
 * Returns the error of a call that lost its lock to another call, because the process of the first call was paused for longer
 * than the lease of the lock.
 */
export const lockLost = (name: string): QuaterError =>
  new QuaterError({
    code: "lock_lost",
    kind: lockCodes.lock_lost,
    message: `The lock ${name} was lost before the handler started. This call did not run, so you can repeat it`,
    retryAfterSeconds: 1,
  });

/**
 * Returns the error of a call for whose lock the store did not answer or refused the SQL statement. In this case, nobody knows
 * whether the call has its lock.
 */
export const lockUnavailable = (name: string, cause: unknown): QuaterError =>
  isQuaterError(cause)
    ? cause
    : new QuaterError({
        code: "unavailable",
        kind: "unavailable",
        message: `The server cannot take the lock ${name} right now. This call did not run, so you can repeat it`,
        cause,
        retryAfterSeconds: 1,
      });
