// Turns errors into HTTP answers. Errors of Quater's own endpoints become answers inside the endpoint. So middleware around the
// endpoint sees an answer, as for exposed routes, and middleware without `await next()` causes no unhandled rejection that would
// end the process. Errors of routes that users mount reach the middleware around the route, as in Koa. This middleware may answer
// the errors.

import type { IncomingMessage } from "node:http";
import type Koa from "koa";
import { isQuaterError } from "../../core/index.ts";
import { internal } from "../../core/plugin-api.ts";
import { failureAfter, type Run, runIn } from "./ran.ts";
import { refusalOf, thrownRefusal } from "./refusals.ts";
import { put, type Reply } from "./reply.ts";

/** An HTTP request that failed. */
export interface Failed {
  readonly req: IncomingMessage;
  readonly callId: string;
  /** The handler that ran before the failure, if there was one. */
  readonly run: Run | undefined;
  /** Called with the error, unless the error is a refusal. */
  readonly report: (error: unknown) => void;
}

/** Returns the answer for a thrown value. */
export const replyTo = (error: unknown, { req, callId, run, report }: Failed): Reply => {
  const failure = isQuaterError(error) ? error : (thrownRefusal(error) ?? internal(error));
  const told = failureAfter(run, failure);
  if (told.kind === "internal" || told !== failure) report(isQuaterError(error) ? (error.cause ?? error) : error);
  return refusalOf(req, told, callId);
};

/** Returns the answer for a thrown value, together with the error for the log. */
export const failed = (error: unknown, request: Omit<Failed, "report">): Reply => {
  let failure: Reply["failure"];
  const report = (reported: unknown) => {
    failure = { error: reported };
  };
  return { ...replyTo(error, { ...request, report }), run: request.run, failure };
};

/** Answers a thrown value through Koa. */
export const answer = (ctx: Koa.Context, error: unknown): void => {
  const report = (reported: unknown) => void ctx.app.emit("error", reported, ctx);
  const request: Failed = { req: ctx.req, callId: ctx.state["callId"] as string, run: runIn(ctx), report };
  try {
    put(ctx, replyTo(error, request));
  } catch (invalid) {
    // The error has an invalid header, so it cannot be sent.
    put(ctx, replyTo(invalid, request));
  }
};

/** Wraps an endpoint so that it never throws. */
export const answered =
  <Context extends Koa.Context>(endpoint: (ctx: Context, next: Koa.Next) => unknown) =>
  async (ctx: Context, next: Koa.Next): Promise<void> => {
    try {
      await endpoint(ctx, next);
    } catch (error) {
      answer(ctx, error);
    }
  };
