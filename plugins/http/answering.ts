// Endpoints of Quater's own answer what they throw where they stand. Middleware around them then sees an answer, as it does
// of every route, and one that forgot to wait for `next()` leaves no rejection behind that would end the process at any
// client's wish. What users mount throws as Koa means it: to the middleware around it, which may have an answer of its own.

import type Koa from "koa";
import { isQuaterError } from "../../core/index.ts";
import { internal } from "../../core/plugin-api.ts";
import { afterRun } from "./ran.ts";
import { refuse, thrownRefusal } from "./refusals.ts";

/** Writes the answer for a thrown value, and logs it unless it is a refusal. */
export const answer = (ctx: Koa.Context, error: unknown): void => {
  const failure = isQuaterError(error) ? error : (thrownRefusal(error) ?? internal(error));
  const told = afterRun(ctx, failure);
  try {
    refuse(ctx, told, ctx.state["callId"] as string);
  } catch (invalid) {
    return void answer(ctx, invalid); // headers of its own that are none
  }
  if (told.kind === "internal" || told !== failure)
    ctx.app.emit("error", isQuaterError(error) ? (error.cause ?? error) : error, ctx);
};

/** The same endpoint, which never throws. */
export const answered =
  <Context extends Koa.Context>(endpoint: (ctx: Context, next: Koa.Next) => unknown) =>
  async (ctx: Context, next: Koa.Next): Promise<void> => {
    try {
      await endpoint(ctx, next);
    } catch (error) {
      answer(ctx, error);
    }
  };
