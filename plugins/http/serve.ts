// Receives and checks each HTTP request of a listener. Quater runs HTTP requests for exposed routes through the gate
// (exposed-call.ts), and gives all other HTTP requests to Koa. If middleware is mounted in front of the routes, Koa also gets the
// HTTP requests for routes, and then calls the same code.

import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type Koa from "koa";
import { stopping } from "../../core/diagnostics/errors.ts";
import type { Gate } from "../../core/plugin-api.ts";
import { type AccessOptions, accessOf, beginAccess, noteRoute } from "./access.ts";
import { replyTo } from "./answering.ts";
import { hasBody } from "./body.ts";
import { areForAll, type Cors } from "./cors.ts";
import { EndpointCall } from "./endpoints.ts";
import { type Exposed, ExposedCall } from "./exposed-call.ts";
import type { Guard } from "./guard.ts";
import type { Load } from "./overload.ts";
import { pathOf } from "./path.ts";
import { type Formatter, useFormat } from "./problem-format.ts";
import { undelivered } from "./ran.ts";
import { refusalOf, type TransportRefusal } from "./refusals.ts";
import { bytesOf, type Deliver, type Exchange, hasRoom, isLarge, isText, type Reply, write, writeText } from "./reply.ts";
import { isProbe } from "./request.ts";
import { isOwnPath } from "./route.ts";
import type { SecurityHeaders } from "./security.ts";

export interface ListenerParts {
  /** The Koa app. Koa serves all HTTP requests that this file does not serve itself. */
  readonly app: Koa;
  readonly gate: Gate;
  readonly guard: Guard;
  readonly cors?: Cors | undefined;
  /** The routes that the listener serves without Koa. */
  readonly direct?: Exposed | undefined;
  /** Whether Koa serves a path, even if a route would match the path. */
  readonly isOfKoa?: (url: string) => boolean;
  /** Whether the listener serves `/health` and `/ready`. */
  readonly hasProbes?: boolean;
  /** Whether pages of all sites may send this HTTP request. */
  readonly isOpenToAll?: ((req: IncomingMessage) => boolean) | undefined;
  /** The project's own format of errors. */
  readonly format?: Formatter | undefined;
  readonly access: AccessOptions;
  readonly security: SecurityHeaders;
  readonly load: Load;
}

const turn = Promise.resolve();

/** @param headers  The names and values of the headers, one after the other. */
const setAll = (res: ServerResponse, headers: readonly string[]): void => {
  for (let at = 0; at < headers.length; at += 2) res.setHeader(headers[at] as string, headers[at + 1] as string);
};

export const requestListener = ({
  app,
  gate,
  guard,
  cors,
  direct,
  isOfKoa = () => false,
  hasProbes = false,
  format,
  isOpenToAll,
  access,
  security,
  load,
}: ListenerParts): RequestListener => {
  const koa = app.callback();
  const isWatched = access.log !== undefined || access.isTimed;
  const mayNameAnyHost = hasProbes ? isProbe : undefined;

  const reportOf =
    ({ req, res, callId }: Exchange) =>
    (error: unknown) => {
      const ctx = app.createContext(req, res);
      ctx.state["callId"] = callId;
      app.emit("error", error, ctx);
    };

  /**
   * Sends an HTTP response. The listener calls this function once for each HTTP request that Koa does not serve. @param more  The
   * CORS headers of the response.
   */
  const send = (exchange: Exchange, reply: Reply, more?: readonly string[]): void => {
    load.end();
    const { req, res, callId } = exchange;
    const { body, known, failure } = reply;
    if (failure !== undefined) reportOf(exchange)(failure.error);
    try {
      if (known !== undefined && more === undefined && !gate.isStopping && !access.isTimed && isText(body)) {
        if (!res.destroyed) writeText(res, callId, reply.status, body, known);
        return;
      }
      const common = ["x-request-id", callId, ...securityFor(more), ...(more ?? [])];
      const timing = accessOf(res)?.timing;
      if (timing !== undefined) common.push("server-timing", timing);
      // Close the connection after this response, so that the stopping server gets no further HTTP request on the connection.
      if (gate.isStopping && !reply.headers.includes("connection")) common.push("connection", "close");
      write(req, res, common, reply, (error) => reportOf(exchange)(error));
    } catch (error) {
      reportOf(exchange)(error);
      res.destroy();
    }
  };

  /** @param more  The CORS headers of the response. */
  const securityFor = (more: readonly string[] = []): readonly string[] => (areForAll(more) ? security.open : security.usual);

  /**
   * Sends a large response. This function is not async, because the text of the response must not stay in memory while its bytes
   * wait.
   */
  const sendLarge = (exchange: Exchange, { status, headers, run }: Reply, body: Buffer, more?: readonly string[]): void =>
    void hasRoom(exchange.res, body.length).then((hasOne) => {
      const { req, callId } = exchange;
      send(exchange, hasOne ? { status, headers, body } : refusalOf(req, undelivered(run, req.method), callId), more);
    });

  const deliver: Deliver = (exchange, reply) => {
    const more = cors?.headersOf(exchange.req);
    if (isLarge(reply.body)) sendLarge(exchange, reply, bytesOf(reply.body), more);
    else send(exchange, reply, more);
  };

  const setCommon = ({ req, res, callId }: Exchange): void => {
    res.setHeader("x-request-id", callId);
    const more = cors?.headersOf(req);
    setAll(res, securityFor(more));
    if (more !== undefined) setAll(res, more);
  };

  const endpointServer = { deliver, written: load.end, setCommon };

  const passToKoa = (exchange: Exchange): void => {
    setCommon(exchange);
    void koa(exchange.req, exchange.res).then(load.end, load.end);
  };

  const pass = (exchange: Exchange): void => {
    const { method = "GET", url = "/" } = exchange.req;
    if (direct === undefined || isOfKoa(url)) return void passToKoa(exchange);
    const found = direct.index.find(method, url);
    if (found !== undefined) return void new ExposedCall(exchange, found, direct, deliver).start();
    const path = pathOf(url);
    const endpoint = direct.endpoints.get(path);
    if (endpoint === undefined) return void passToKoa(exchange);
    noteRoute(exchange.res, path);
    new EndpointCall(exchange, endpointServer).answerBy(endpoint);
  };

  /**
   * Serves `/health` and `/ready` for orchestrators, which send the address of the container as Host. The response to such an
   * HTTP request has a status and no body, so a web page can read nothing from this response.
   */
  const probe = async (exchange: Exchange): Promise<void> => {
    const isUp = exchange.req.url?.startsWith("/health") === true || (await gate.unready()).length === 0;
    send(exchange, { status: isUp ? 200 : 503, headers: ["cache-control", "no-store"], body: "" });
  };

  const serve = (exchange: Exchange, late: TransportRefusal | undefined): void => {
    const { req, callId } = exchange;
    try {
      if (!guard.check(req, mayNameAnyHost, isOpenToAll)) return void probe(exchange);
      const refusal = gate.isStopping ? stopping() : (late ?? load.tooMany);
      if (refusal !== undefined && !isProbe(req)) throw refusal;
    } catch (error) {
      send(exchange, replyTo(error, { req, callId, run: undefined, report: reportOf(exchange) }));
      return;
    }
    const preflight = cors?.preflight(req);
    if (preflight !== undefined) send(exchange, preflight);
    // Wait one turn of the event loop. After this turn, a body that the client sent together with the headers has arrived. So no
    // code waits for this body, and the gate checks no credential twice. With the wait of one turn, a POST takes 6% less time.
    else if (hasBody(req)) void turn.then(() => pass(exchange));
    else pass(exchange);
  };

  return (req, res) => {
    const callId = gate.newCallId();
    if (isWatched) beginAccess(access, req, res, callId);
    if (format !== undefined && !isOwnPath(req.url ?? "/")) useFormat(req, format);
    load.take({ req, res, callId }, isProbe, serve);
  };
};
