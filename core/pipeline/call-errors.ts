// Decides which error the caller of a failed call gets, and logs the errors that the caller must not see.

import { errorText } from "../diagnostics/error-text.ts";
import {
  cancelled,
  cutOff,
  failedAfterwards,
  internal,
  isQuaterError,
  type QuaterError,
  stopping,
} from "../diagnostics/errors.ts";
import type { Log } from "../diagnostics/log.ts";
import { type Arrival, isAbort } from "../model/call.ts";
import { RefusalLog } from "./refusal-log.ts";
import { noteLate, type RunningCall } from "./running-calls.ts";

export class CallErrors {
  readonly #log: Log;
  readonly #refusals: RefusalLog;

  constructor(log: Log) {
    this.#log = log;
    this.#refusals = new RefusalLog(log);
  }

  /** Returns the error that the caller of a running call gets. The caller of a cancelled call gets `cancelled` or `stopping`. */
  told(error: unknown, { call, stream, isCutOff, hasRun }: RunningCall): QuaterError {
    const { cancellation, handler, operation } = call;
    const changes = operation.handler.effect !== "read";
    const isOfCancel = !hasRun && cancellation.isCancelled && (!isQuaterError(error) || error.kind === "cancelled");
    if (!isOfCancel) {
      const told = asQuaterError(error);
      const isPastRun = hasRun && told.kind !== "outcome_unknown" && changes;
      return this.logged(isPastRun ? failedAfterwards(handler, told) : told, call);
    }
    if (!changes) noteLate(error, call, this.#log);
    else if (!isAbort(error)) this.logged(error, call); // Log the handler's error, because the caller gets another error.
    if (!isCutOff) return cancelled();
    // A call is safe to repeat if its handler did not start, or if the handler only reads.
    const hasBegun = !isQuaterError(error) || stream !== undefined;
    return hasBegun && changes ? cutOff() : stopping();
  }

  /** Logs refusals, internal errors and the causes of other errors. Returns the error that the caller of the failed call gets. */
  logged(error: unknown, arrival: Arrival): QuaterError {
    const { callId, handler, surface } = arrival;
    const told = asQuaterError(error);
    this.#refusals.write(told, arrival);
    if (told.kind === "internal" || told.cause !== undefined)
      this.#log.error(`${handler ?? "A call"} failed`, {
        callId,
        handler,
        surface,
        hint: told.hint,
        error: told.cause === undefined ? undefined : errorText(told.cause),
      });
    return told;
  }
}

const asQuaterError = (error: unknown): QuaterError => (isQuaterError(error) ? error : internal(error));
