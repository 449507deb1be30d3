// Which handler ran for a request. When middleware fails after a handler that changes something, the caller must not be told
// that the call failed, and repeat it.

import type Koa from "koa";
import { failedAfterwards, outputUndelivered, refusedMidway, tooMuchUnread } from "../../core/diagnostics/errors.ts";
import type { QuaterError } from "../../core/index.ts";
import type { Operation, Outcome } from "../../core/plugin-api.ts";

/** Holds no value: it would stay in memory while its text is written. */
export interface Run {
  readonly operation: Operation;
  /** The error that the caller was to get, when it is `outcome_unknown`. */
  readonly unknown: QuaterError | undefined;
}

// On the context and not in `ctx.state`, which middleware may replace.
const ran = Symbol("ran");
type Noted = Koa.Context & { [ran]?: Run };

/** Returns which handler ran. `undefined` where the call was refused or failed, so nothing changed. Dry runs are not calls here. */
export const runOf = (operation: Operation, outcome: Outcome): Run | undefined =>
  outcome.ok || outcome.error.kind === "outcome_unknown"
    ? { operation, unknown: outcome.ok ? undefined : outcome.error }
    : undefined;

/** Called with the outcome of every call, dry runs excepted. Of a stream, `outcome` is its beginning. */
export const noteRun = (ctx: object, operation: Operation, outcome: Outcome): void => note(ctx, runOf(operation, outcome));

export const note = (ctx: object, run: Run | undefined): void => {
  if (run !== undefined) (ctx as Noted)[ran] = run;
};

export const runIn = (ctx: object): Run | undefined => (ctx as Noted)[ran];

/** The error for the caller of a request that failed: `outcome_unknown` where a write ran before the failure. */
export const failureAfter = (run: Run | undefined, failure: QuaterError): QuaterError => {
  if (run === undefined || run.operation.handler.effect === "read" || failure.kind === "outcome_unknown") return failure;
  const { operation, unknown } = run;
  return unknown ?? (operation.isStream ? refusedMidway(failure) : failedAfterwards(operation.name, failure));
};

/** The error instead of a large answer for which there is no room. */
export const undelivered = (run: Run | undefined, method: string | undefined): QuaterError => {
  const isRead = run === undefined ? method === "GET" || method === "HEAD" : run.operation.handler.effect === "read";
  if (isRead) return tooMuchUnread();
  return run?.unknown ?? outputUndelivered(run?.operation.name ?? "The call", tooMuchUnread());
};
