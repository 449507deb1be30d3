// The refusals of locks. docs/reference/errors.md lists the same codes, and a test compares the two.

import { isQuaterError, QuaterError } from "../../../core/index.ts";
import type { ErrorKind } from "../../../core/plugin-api.ts";

export const lockCodes = {
  lock_busy: "unavailable",
  lock_lost: "unavailable",
} as const satisfies Record<string, ErrorKind>;

/** The call waited for its turn and gave up. */
export const lockBusy = (name: string): QuaterError =>
  new QuaterError({
    code: "lock_busy",
    kind: lockCodes.lock_busy,
    message: `Another call holds the lock ${name}; nothing ran, so the call can be repeated`,
    retryAfterSeconds: 1,
  });

/** The process stood still for longer than the lease, and another call has the lock now. */
export const lockLost = (name: string): QuaterError =>
  new QuaterError({
    code: "lock_lost",
    kind: lockCodes.lock_lost,
    message: `The lock ${name} was lost before the handler started; nothing ran, so the call can be repeated`,
    retryAfterSeconds: 1,
  });

/** The store did not answer, or refused the statement. */
export const lockUnavailable = (name: string, cause: unknown): QuaterError =>
  isQuaterError(cause)
    ? cause
    : new QuaterError({
        code: "unavailable",
        kind: "unavailable",
        message: `The lock ${name} cannot be taken right now`,
        cause,
        retryAfterSeconds: 1,
      });
