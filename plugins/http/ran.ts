// Remembers which handler ran for an HTTP request. If middleware fails after a handler has changed something, the response must
// not say that the call failed, because the caller would repeat the call.

import type Koa from "koa";
import { failedAfterwards, outputUndelivered, refusedMidway, tooMuchUnread } from "../../core/diagnostics/errors.ts";
import type { QuaterError } from "../../core/index.ts";
import type { Operation, Outcome } from "../../core/plugin-api.ts";

/**
 * The handler that ran for an HTTP request. This object does not contain the output, because the output would stay in memory
 * while the server sends the response.
 */
export interface Run {
  readonly operation: Operation;
  /** The error for the caller, if the error has the kind `outcome_unknown`. */
  readonly unknown: QuaterError | undefined;
}

// Quater stores the run on the Koa context and not in `ctx.state`, because middleware may replace `ctx.state`.
export const ran = Symbol("ran");
type Noted = Koa.Context & { [ran]?: Run };

/**
 * Returns which handler ran; `undefined` if the gate refused the call or the handler failed, so that the handler changed nothing.
 * Do not call this function for dry runs.
 */
export const runOf = (operation: Operation, outcome: Outcome): Run | undefined =>
  outcome.ok || outcome.error.kind === "outcome_unknown"
    ? { operation, unknown: outcome.ok ? undefined : outcome.error }
    : undefined;

/** Records the outcome of a call that is not a dry run. For a stream, `outcome` is the beginning of the stream. */
export const noteRun = (ctx: object, operation: Operation, outcome: Outcome): void => note(ctx, runOf(operation, outcome));

export const note = (ctx: object, run: Run | undefined): void => {
  if (run !== undefined) (ctx as Noted)[ran] = run;
};

export const runIn = (ctx: object): Run | undefined => (ctx as Noted)[ran];

/**
 * Returns the error for the caller of a failed HTTP request. The error is `outcome_unknown` if a write ran before the failure.
 */
export const failureAfter = (run: Run | undefined, failure: QuaterError): QuaterError => {
  if (run === undefined || run.operation.handler.effect === "read" || failure.kind === "outcome_unknown") return failure;
  const { operation, unknown } = run;
  return unknown ?? (operation.isStream ? refusedMidway(failure) : failedAfterwards(operation.name, failure));
};

/** Returns the error that replaces a large answer when the memory for large answers is full. */
export const undelivered = (run: Run | undefined, method: string | undefined): QuaterError => {
  const isRead = run === undefined ? method === "GET" || method === "HEAD" : run.operation.handler.effect === "read";
  if (isRead) return tooMuchUnread();
  return run?.unknown ?? outputUndelivered(run?.operation.name ?? "The call", tooMuchUnread());
};
