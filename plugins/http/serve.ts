// Takes each request of a listener: checks it, answers a call of an exposed route through the gate, and hands everything else to
// Koa. Where middleware stands in front of the routes, Koa gets these calls too, and comes back here for them.

import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type Koa from "koa";
import { stopping } from "../../core/diagnostics/errors.ts";
import { isAnonymous } from "../../core/model/principal.ts";
import { type Gate, traceIdOf } from "../../core/plugin-api.ts";
import { jsonBytesOf, veryLargeAnswer } from "./answer-bytes.ts";
import { answer, type Failed, replyTo } from "./answering.ts";
import { hasBody } from "./body.ts";
import type { Cors } from "./cors.ts";
import type { Guard } from "./guard.ts";
import { approvalHeader, givenBy } from "./inputs.ts";
import { note, type Run, runOf, undelivered } from "./ran.ts";
import { refusalOf } from "./refusals.ts";
import { bytesOf, hasRoom, isLarge, put, type Reply, write } from "./reply.ts";
import { RequestCredentials, ResponseCancellation } from "./request.ts";
import type { RouteIndex, RouteMatch } from "./routes.ts";
import { roomOf } from "./sockets.ts";
import { beginning, streamReply } from "./streams.ts";

export interface Exposed {
  readonly gate: Gate;
  readonly guard: Guard;
  readonly index: RouteIndex;
  readonly maxBodyBytes: number;
}

export interface ListenerParts {
  /** Serves everything but the calls that are answered directly. */
  readonly app: Koa;
  readonly gate: Gate;
  readonly guard: Guard;
  readonly cors?: Cors | undefined;
  /** The routes that are answered without Koa. */
  readonly direct?: Exposed | undefined;
  /** Paths that belong to Koa, also where a route would match them. */
  readonly isOfKoa?: (url: string) => boolean;
  /** Whether the listener answers `/health` and `/ready`. */
  readonly hasProbes?: boolean;
}

/** What those who look after the process ask until its end. */
const probes = new Set(["/health", "/ready"]);
const isProbe = ({ method, url }: IncomingMessage): boolean =>
  (method === "GET" || method === "HEAD") && probes.has((url ?? "").split("?", 1)[0] ?? "");

const turn = Promise.resolve();

export const requestListener = ({
  app,
  gate,
  guard,
  cors,
  direct,
  isOfKoa = () => false,
  hasProbes = false,
}: ListenerParts): RequestListener => {
  const koa = app.callback();
  const mayNameAnyHost = hasProbes ? isProbe : undefined;

  const reportOf = (req: IncomingMessage, res: ServerResponse, callId: string) => (error: unknown) => {
    const ctx = app.createContext(req, res);
    ctx.state["callId"] = callId;
    app.emit("error", error, ctx);
  };

  const send = (req: IncomingMessage, res: ServerResponse, callId: string, reply: Reply, more: readonly string[] = []): void => {
    const common = ["x-request-id", callId, "x-content-type-options", "nosniff", ...more];
    // The connection must not bring another request to a server that stops.
    if (gate.isStopping && !reply.headers.includes("connection")) common.push("connection", "close");
    write(req, res, common, reply, (error) => reportOf(req, res, callId)(error));
  };

  /** Not async: the text of the answer must not be in memory while its bytes wait. */
  const sendLarge = (
    req: IncomingMessage,
    res: ServerResponse,
    callId: string,
    { status, headers, run }: Reply,
    body: Buffer,
    more: readonly string[] | undefined,
  ): void =>
    void hasRoom(res, body.length).then((hasOne) => {
      const reply = hasOne ? { status, headers, body } : refusalOf(req, undelivered(run, req.method), callId);
      send(req, res, callId, reply, more);
    });

  const answerDirectly = (
    req: IncomingMessage,
    res: ServerResponse,
    callId: string,
    found: RouteMatch,
    exposed: Exposed,
  ): void => {
    const more = cors?.headersOf(req);
    void answerCall(req, res, callId, found, exposed, (error) => reportOf(req, res, callId)(error)).then((reply) => {
      if (isLarge(reply.body)) sendLarge(req, res, callId, reply, bytesOf(reply.body), more);
      else send(req, res, callId, reply, more);
    });
  };

  const pass = (req: IncomingMessage, res: ServerResponse, callId: string): void => {
    const { method = "GET", url = "/" } = req;
    const found = direct === undefined || isOfKoa(url) ? undefined : direct.index.find(method, url);
    if (found !== undefined && direct !== undefined) {
      answerDirectly(req, res, callId, found, direct);
      return;
    }
    res.setHeader("x-request-id", callId);
    res.setHeader("x-content-type-options", "nosniff");
    const more = cors?.headersOf(req) ?? [];
    for (let at = 0; at < more.length; at += 2) res.setHeader(more[at] as string, more[at + 1] as string);
    koa(req, res);
  };

  /** For orchestrators, which name the address of the container as Host: the status, and nothing that a page could read. */
  const probe = async (req: IncomingMessage, res: ServerResponse, callId: string): Promise<void> => {
    const isUp = req.url?.startsWith("/health") === true || (await gate.unready()).length === 0;
    send(req, res, callId, { status: isUp ? 200 : 503, headers: ["cache-control", "no-store"], body: "" });
  };

  return (req, res) => {
    const callId = gate.newCallId();
    try {
      const isHostOurs = guard.check(req, mayNameAnyHost);
      if (!isHostOurs) return void probe(req, res, callId);
      if (gate.isStopping && !isProbe(req)) throw stopping();
    } catch (error) {
      return send(req, res, callId, replyTo(error, { req, callId, run: undefined, report: reportOf(req, res, callId) }));
    }
    const preflight = cors?.preflight(req);
    if (preflight !== undefined) return send(req, res, callId, preflight, ["vary", "Origin"]);
    // A body in one piece with its head is there once Node's parser has had its turn. Then nothing below waits for it, and no
    // credential is checked twice: a POST takes 6% less time.
    if (hasBody(req)) void turn.then(() => pass(req, res, callId));
    else pass(req, res, callId);
  };
};

/** The same routes as Koa middleware; what it does not know goes on to `next`. */
export const exposedRoutes =
  (exposed: Exposed): Koa.Middleware =>
  (ctx, next) => {
    const { req, res } = ctx;
    const found = exposed.index.find(req.method ?? "GET", req.url ?? "/");
    if (found === undefined) return next();
    const report = (error: unknown) => void ctx.app.emit("error", error, ctx);
    return answerCall(req, res, ctx.state["callId"] as string, found, exposed, report).then((reply) => {
      note(ctx, reply.run);
      const isLate = res.headersSent && reply.run !== undefined && reply.run.unknown === undefined;
      put(ctx, reply);
      if (isLate) answer(ctx, new Error("A middleware answered before its route did: an await is missing before next()"));
    });
  };

/** Answers a call of an exposed route. Never rejects. */
const answerCall = async (
  req: IncomingMessage,
  res: ServerResponse,
  callId: string,
  found: RouteMatch,
  { gate, guard, maxBodyBytes }: Exposed,
  report: Failed["report"],
): Promise<Reply> => {
  const { operation, plan } = found.target;
  let run: Run | undefined;
  try {
    const cancellation = new ResponseCancellation(res);
    const credentials = new RequestCredentials(req, "http", guard);
    const { traceparent } = req.headers;
    const traceId = traceparent === undefined ? undefined : traceIdOf(traceparent);
    const entry = { surface: "http", credentials, callId, handler: operation.name, traceId };
    const room = roomOf(res);
    const entering = gate.enter(entry);
    const principal = entering instanceof Promise ? await entering : entering;
    const outcome = await gate.invoke({
      handler: operation.name,
      surface: "http",
      principal,
      entry,
      callId,
      cancellation,
      peer: credentials.peer,
      traceId,
      approvalId: req.headers[approvalHeader] as string | undefined,
      given: () => givenBy(req, res, found, maxBodyBytes),
      room,
    });
    const begun = outcome.ok && operation.isStream ? await beginning(outcome.value as AsyncIterator<unknown>, res) : undefined;
    run = runOf(operation, outcome);
    if (!outcome.ok) return { ...refusalOf(req, outcome.error, callId), run };
    if (begun !== undefined && run !== undefined) return streamReply(req, res, begun, { status: plan.status, callId, run });
    const value = plan.answer === undefined ? outcome.value : { [plan.answer]: outcome.value };
    const body = room.largest >= veryLargeAnswer ? jsonBytesOf(value) : JSON.stringify(value);
    const { known, anonymous } = found.target.headers;
    return { status: plan.status, headers: isAnonymous(principal) ? anonymous : known, body, run };
  } catch (error) {
    return { ...replyTo(error, { req, callId, run, report }), run };
  }
};
