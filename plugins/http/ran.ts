// Which handler ran for a request. When middleware fails after a handler that changes something, the caller must not be told
// that the call failed, and repeat it.

import type Koa from "koa";
import { failedAfterwards, outputUndelivered, refusedMidway, tooMuchUnread } from "../../core/diagnostics/errors.ts";
import type { QuaterError } from "../../core/index.ts";
import type { Operation, Outcome } from "../../core/plugin-api.ts";

/** Holds no value: it would stay in memory while its text is written. */
interface Run {
  readonly operation: Operation;
  /** The error that the caller was to get, when it is `outcome_unknown`. */
  readonly unknown: QuaterError | undefined;
}

// On the context and not in `ctx.state`, which middleware may replace.
const ran = Symbol("ran");
type Noted = Koa.Context & { [ran]?: Run };

/** Called with the outcome of every call, dry runs excepted. Of a stream, `outcome` is its beginning. */
export const noteRun = (ctx: object, operation: Operation, outcome: Outcome): void => {
  if (!outcome.ok && outcome.error.kind !== "outcome_unknown") return; // refused or failed: nothing to protect
  (ctx as Noted)[ran] = { operation, unknown: outcome.ok ? undefined : outcome.error };
};

/** The error for the caller of a request that failed: `outcome_unknown` where a write ran before the failure. */
export const afterRun = (ctx: Koa.Context, failure: QuaterError): QuaterError => {
  const run = (ctx as Noted)[ran];
  if (run === undefined || run.operation.handler.effect === "read" || failure.kind === "outcome_unknown") return failure;
  const { operation, unknown } = run;
  return unknown ?? (operation.isStream ? refusedMidway(failure) : failedAfterwards(operation.name, failure));
};

/** The error instead of a large answer for which there is no room. */
export const dropped = (ctx: Koa.Context): QuaterError => {
  const run = (ctx as Noted)[ran];
  const isRead = run === undefined ? ctx.method === "GET" || ctx.method === "HEAD" : run.operation.handler.effect === "read";
  if (isRead) return tooMuchUnread();
  return run?.unknown ?? outputUndelivered(run?.operation.name ?? "The call", tooMuchUnread());
};
