// Turns errors into HTTP responses. An endpoint of Quater turns its own errors into responses. So middleware around the endpoint
// sees a response, as for exposed routes. If the endpoint threw an error through middleware without `await next()`, the unhandled
// rejection would end the process. Errors of a route that a user mounts reach the middleware around this route, as in Koa. This
// middleware may turn the errors into responses.

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
  /** The handler that ran before the failure, if a handler ran. */
  readonly run: Run | undefined;
  /** Quater calls this function with the error, unless the error is a refusal. */
  readonly report: (error: unknown) => void;
}

/** Returns the HTTP response for a thrown value. */
export const replyTo = (error: unknown, { req, callId, run, report }: Failed): Reply => {
  const failure = isQuaterError(error) ? error : (thrownRefusal(error) ?? internal(error));
  const told = failureAfter(run, failure);
  if (told.kind === "internal" || told !== failure) report(isQuaterError(error) ? (error.cause ?? error) : error);
  return refusalOf(req, told, callId);
};

/** Returns the HTTP response for a thrown value, together with the error for the log. */
export const failed = (error: unknown, request: Omit<Failed, "report">): Reply => {
  let failure: Reply["failure"];
  const report = (reported: unknown) => {
    failure = { error: reported };
  };
  return { ...replyTo(error, { ...request, report }), run: request.run, failure };
};

/** Sends the HTTP response for a thrown value through Koa. */
export const answer = (ctx: Koa.Context, error: unknown): void => {
  const report = (reported: unknown) => void ctx.app.emit("error", reported, ctx);
  const request: Failed = { req: ctx.req, callId: ctx.state["callId"] as string, run: runIn(ctx), report };
  try {
    put(ctx, replyTo(error, request));
  } catch (invalid) {
    // The response for `error` would have an invalid header, so Koa cannot send this response.
    put(ctx, replyTo(invalid, request));
  }
};

/** Wraps an endpoint so that the endpoint never throws. */
export const answered =
  <Context extends Koa.Context>(endpoint: (ctx: Context, next: Koa.Next) => unknown) =>
  async (ctx: Context, next: Koa.Next): Promise<void> => {
    try {
      await endpoint(ctx, next);
    } catch (error) {
      answer(ctx, error);
    }
  };
