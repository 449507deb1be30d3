// What is thrown behind a middleware is answered there and then: those around it see an answer, as they do of a route, and
// one that forgot to wait for `next()` leaves no rejection behind that would end the process at any client's wish.

import Router from "@koa/router";
import Koa from "koa";
import { internal, isQuaterError } from "../../core/index.ts";
import { refuse, thrownRefusal } from "./refusals.ts";

const answer = (ctx: Koa.Context, error: unknown): void => {
  const told = isQuaterError(error) ? error : (thrownRefusal(error) ?? internal(error));
  try {
    refuse(ctx, told, ctx.state["callId"] as string);
  } catch (failure) {
    return void answer(ctx, failure); // headers of its own that are none
  }
  if (told.kind === "internal") ctx.app.emit("error", isQuaterError(error) ? (error.cause ?? error) : error, ctx);
};

/** The same middleware, which never throws. */
const answering =
  (middleware: Koa.Middleware): Koa.Middleware =>
  async (ctx, next) => {
    try {
      await middleware(ctx, () => {
        const going = next();
        // Nothing behind it throws, but Koa does where `next` is called twice: to whoever waits for it, and to nobody else.
        going.catch(() => {});
        return going;
      });
    } catch (error) {
      answer(ctx, error);
    }
  };

/** Koa whose middleware answers what it throws. */
export class AnsweringKoa extends Koa {
  override use<State = Koa.DefaultState, Context = Koa.DefaultContext>(middleware: Koa.Middleware<State, Context>) {
    return super.use<State, Context>(answering(middleware as Koa.Middleware) as typeof middleware);
  }
}

/** A router, the same. Every way to add a route ends in `register`. */
export class AnsweringRouter extends Router {
  override register(...[path, methods, given, options]: Parameters<Router["register"]>): ReturnType<Router["register"]> {
    const middleware = [given].flat().map((one) => answering(one as unknown as Koa.Middleware));
    return super.register(path, methods, middleware as unknown as typeof given, options);
  }
}
