// Runs the calls of exposed routes. This file passes the call of an HTTP request to the gate, and turns the outcome into a
// response.

import type Koa from "koa";
import type { Principal } from "../../core/index.ts";
import { isAnonymous } from "../../core/model/principal.ts";
import type { Replying } from "../../core/model/reply.ts";
import { type Arriving, type Gate, type Invocation, type Outcome, traceIdOf } from "../../core/plugin-api.ts";
import { SentFile } from "../../core/schema/file-answer.ts";
import { accessOf } from "./access.ts";
import { jsonBytesOf, veryLargeAnswer } from "./answer-bytes.ts";
import { answer, failed } from "./answering.ts";
import { fileReply, textReply } from "./file-reply.ts";
import type { Guard } from "./guard.ts";
import { HandlerReply } from "./handler-reply.ts";
import { approvalHeader, givenBy } from "./inputs.ts";
import { note, type Run, runOf } from "./ran.ts";
import { refusalOf } from "./refusals.ts";
import { bodiless, type Deliver, type Exchange, put, type Reply } from "./reply.ts";
import type { ReplyRules } from "./reply-options.ts";
import { RequestCredentials, ResponseCancellation } from "./request.ts";
import type { RouteIndex, RouteMatch } from "./routes.ts";
import type { Endpoint } from "./service.ts";
import { type RoomOfAnswer, roomOf } from "./sockets.ts";
import { beginning, streamReply } from "./streams.ts";

export interface Exposed {
  readonly gate: Gate;
  readonly guard: Guard;
  readonly index: RouteIndex;
  readonly maxBodyBytes: number;
  readonly replyRules: ReplyRules;
  /** The endpoints of plugins by their paths. */
  readonly endpoints: ReadonlyMap<string, Endpoint>;
}

/** Returns Koa middleware that serves the exposed routes and passes all other HTTP requests to `next`. */
export const exposedRoutes =
  (exposed: Exposed): Koa.Middleware =>
  (ctx, next) => {
    const { req, res } = ctx;
    const found = exposed.index.find(req.method ?? "GET", req.url ?? "/");
    if (found === undefined) return next();
    return new Promise<Reply>((done) => {
      new ExposedCall({ req, res, callId: ctx.state["callId"] as string }, found, exposed, (_, reply) => done(reply)).start();
    }).then((reply) => {
      note(ctx, reply.run);
      const isLate = res.headersSent && reply.run !== undefined && reply.run.unknown === undefined;
      put(ctx, reply);
      if (reply.failure !== undefined) ctx.app.emit("error", reply.failure.error, ctx);
      if (isLate)
        answer(ctx, new Error("A Koa middleware finished before the route behind it. Write await next() in the middleware"));
    });
  };

/**
 * A call of an exposed route. The call waits only if the authenticator, the body, the policy, the handler or a plugin makes the
 * call wait. The class uses no promises, because an async function would take 32 instead of 31 µs of CPU for a GET (Node 20).
 */
export class ExposedCall implements Replying {
  readonly #exchange: Exchange;
  readonly #found: RouteMatch;
  readonly #exposed: Exposed;
  readonly #room: RoomOfAnswer;
  readonly #deliver: Deliver;
  #reply: HandlerReply | undefined;

  /** @param deliver  `ExposedCall` calls this function once, with the response. */
  constructor(exchange: Exchange, found: RouteMatch, exposed: Exposed, deliver: Deliver) {
    this.#exchange = exchange;
    this.#found = found;
    this.#exposed = exposed;
    this.#room = roomOf(exchange.res);
    this.#deliver = deliver;
  }

  start(): void {
    const { gate, guard, replyRules } = this.#exposed;
    const { operation, path } = this.#found.target;
    const { req, res, callId } = this.#exchange;
    const access = accessOf(res);
    if (access !== undefined) {
      access.route = path;
      access.handler = operation.name;
    }
    const { traceparent } = req.headers;
    const entry: Arriving = {
      surface: "http",
      credentials: new RequestCredentials(req, "http", guard, replyRules.keys),
      callId,
      handler: operation.name,
      traceId: traceparent === undefined ? undefined : traceIdOf(traceparent),
    };
    const entering = gate.enter(entry);
    if (!(entering instanceof Promise)) this.#invoke(entry, entering);
    else
      void entering.then(
        (principal) => this.#invoke(entry, principal),
        (error: unknown) => this.#fail(error, undefined),
      );
  }

  /** Creates the object `reply` when the handler uses `reply` for the first time. */
  get reply(): HandlerReply {
    this.#reply ??= new HandlerReply(this.#exposed.replyRules);
    return this.#reply;
  }

  #invoke(entry: Arriving, principal: Principal): void {
    const { req, res, callId } = this.#exchange;
    const access = accessOf(res);
    if (access !== undefined) access.principal = principal;
    const invocation: Invocation = {
      handler: this.#found.target.operation.name,
      surface: "http",
      principal,
      entry,
      callId,
      cancellation: new ResponseCancellation(res),
      peer: entry.credentials.peer,
      traceId: entry.traceId,
      approvalId: req.headers[approvalHeader] as string | undefined,
      given: (uploads) => givenBy(req, res, this.#found, this.#exposed.maxBodyBytes, uploads),
      room: this.#room,
      replying: this,
    };
    this.#exposed.gate.call(invocation, (outcome) => this.#end(outcome, principal));
  }

  #end(outcome: Outcome, principal: Principal): void {
    const { operation, plan, headers, textType } = this.#found.target;
    if (outcome.ok && operation.isStream) {
      void this.#begin(outcome.value as AsyncIterator<unknown>, { operation, unknown: undefined });
      return;
    }
    const run = runOf(operation, outcome);
    if (!outcome.ok) {
      this.#deliver(this.#exchange, { ...refusalOf(this.#exchange.req, outcome.error, this.#exchange.callId), run });
      return;
    }
    const success = isAnonymous(principal) ? headers.anonymous : headers.known;
    if (outcome.value instanceof SentFile) {
      this.#succeed({ ...fileReply(this.#exchange.req, outcome.value, plan.status, success.own), run });
      return;
    }
    let body: string | Buffer;
    try {
      if (textType !== undefined) {
        this.#succeed({ ...textReply(outcome.value as string, textType, plan.status, success.own), run });
        return;
      }
      const value = plan.answer === undefined ? outcome.value : { [plan.answer]: outcome.value };
      body = this.#room.largest >= veryLargeAnswer ? jsonBytesOf(value) : JSON.stringify(value);
    } catch (error) {
      this.#fail(error, run);
      return;
    }
    this.#succeed({
      status: plan.status,
      headers: success.own,
      body,
      known: bodiless.has(plan.status) ? undefined : success,
      run,
    });
  }

  async #begin(items: AsyncIterator<unknown>, run: Run): Promise<void> {
    const { status } = this.#found.target.plan;
    try {
      const begun = await beginning(items, this.#exchange.res);
      this.#deliver(
        this.#exchange,
        this.reply.with(
          streamReply(this.#exchange.req, this.#exchange.res, begun, { status, callId: this.#exchange.callId, run }),
        ),
      );
    } catch (error) {
      this.#fail(error, undefined);
    }
  }

  /** Ends the call with a success response, which includes the headers that the handler set on `reply`. */
  #succeed(reply: Reply): void {
    this.#deliver(this.#exchange, this.#reply === undefined ? reply : this.#reply.with(reply));
  }

  #fail(error: unknown, run: Run | undefined): void {
    this.#deliver(this.#exchange, failed(error, { req: this.#exchange.req, callId: this.#exchange.callId, run }));
  }
}
