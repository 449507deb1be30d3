// The Koa app: guard first, then what plugins and users mount, exposed routes, Quater's own pages, and the answer for
// what nobody knows.

import cors from "@koa/cors";
import Router from "@koa/router";
import Koa from "koa";
import { stopping } from "../../core/diagnostics/errors.ts";
import { cut, visible } from "../../core/diagnostics/text.ts";
import { largeAnswer } from "../../core/pipeline/answer-size.ts";
import { type Awaitable, errorText, type PluginContext } from "../../core/plugin-api.ts";
import { answer, answered } from "./answering.ts";
import { hasBody } from "./body.ts";
import { dryRuns, exposedRoutes, routeIndexOf } from "./exposed.ts";
import type { Guard } from "./guard.ts";
import { dropped } from "./ran.ts";
import { TransportRefusal } from "./refusals.ts";
import type { HttpService, KoaMiddleware, Mounting } from "./service.ts";
import { roomOf } from "./sockets.ts";

export interface AppOptions {
  readonly context: PluginContext;
  readonly guard: Guard;
  readonly service: HttpService;
  readonly maxBodyBytes: number;
  readonly mount: Mounting;
  /** Documents are open to everybody: in development only. */
  readonly isOpen: boolean;
  readonly allowedOrigins?: readonly string[];
}

/** How long a browser may go without asking again; they forget after 5 seconds if nothing is said. */
const preflightSeconds = 600;

/** What those who look after the process ask until its end. */
const probes = new Set(["/health", "/ready"]);

const isOfClient = (error: unknown): boolean =>
  ["ERR_STREAM_PREMATURE_CLOSE", "ECONNRESET", "EPIPE"].includes(String((error as NodeJS.ErrnoException | undefined)?.code));

/** The first middleware of every server: a call id, the guard, and an answer for errors behind it. */
export const guardedApp = ({ gate, log }: PluginContext, guard: Guard): Koa => {
  const app = new Koa();
  app.on("error", (error: unknown, ctx?: Koa.Context) => {
    if (isOfClient(error)) return;
    log.error("A request failed outside the pipeline", { callId: ctx?.state["callId"], error: errorText(error) });
  });
  app.use(async (ctx, next) => {
    const callId = gate.newCallId();
    ctx.state["callId"] = callId;
    ctx.res.setHeader("x-request-id", callId);
    ctx.res.setHeader("x-content-type-options", "nosniff");
    try {
      guard.check(ctx.req);
      // A body in one piece with its head is there once Node's parser has had its turn. Then nothing below waits for it, and no
      // credential is checked twice: a POST takes 6% less time.
      if (hasBody(ctx.req)) await undefined;
      // Koa has kept the target as it came, and `ctx.URL` is made of it.
      ctx.originalUrl = ctx.request.originalUrl = ctx.req.url ?? "/";
      if (gate.isStopping && !probes.has(ctx.path)) throw stopping();
      await next();
    } catch (error) {
      answer(ctx, error);
    }
    // The connection must not bring another request to a server that stops.
    if (gate.isStopping && !ctx.res.headersSent) ctx.set("connection", "close");
    if (isLarge(ctx.body) && !(await hasRoom(ctx))) answer(ctx, dropped(ctx));
  });
  return app;
};

const isLarge = (body: unknown): body is string | Buffer =>
  (typeof body === "string" || Buffer.isBuffer(body)) && body.length >= largeAnswer;

/** Waits until the answer may be written. Not async: its text must not be in memory while it waits. */
const hasRoom = (ctx: Koa.Context): Awaitable<unknown> => {
  const body = ctx.body as string | Buffer;
  // Bytes are written as they are, where Node would take three times the memory to encode a text.
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  ctx.body = bytes;
  return roomOf(ctx.res).take(bytes.length);
};

export const appOf = ({ context, guard, service, maxBodyBytes, mount, isOpen, allowedOrigins = [] }: AppOptions): Koa => {
  const { gate, catalog } = context;
  const app = guardedApp(context, guard);
  const router = strictRouter();
  // The guard has refused every other Origin; these headers only let the listed pages read the answers.
  if (allowedOrigins.length > 0) {
    const isListed = (origin: string) => allowedOrigins.some((allowed) => allowed.toLowerCase() === origin.toLowerCase());
    app.use(
      cors({
        origin: (ctx) => (isListed(ctx.get("origin")) ? ctx.get("origin") : ""),
        exposeHeaders: ["x-request-id", "retry-after"],
        maxAge: preflightSeconds,
      }),
    );
  }
  const { at, fixedPaths } = pathTable();
  mount({ app, router, at });
  const index = routeIndexOf(catalog);
  app.use(exposedRoutes({ gate, index, http: service, maxBodyBytes }));
  app.use(fixedPaths);
  app.use(dryRuns({ gate, http: service, maxBodyBytes }));
  ownPages(router, { context, service, isOpen });
  app.use(router.routes());
  app.use(unknownPaths(router, (url) => index.methodsOf(url)));
  return app;
};

/** One path, one spelling, as for exposed routes: a router would also take `/Admin` and `/admin/` for `/admin`. */
export const strictRouter = (): Router => new Router({ sensitive: true, strict: true });

/** For what is mounted at one path: a look into a table, where the router would try its routes one after the other. */
export const pathTable = (): { readonly at: Parameters<Mounting>[0]["at"]; readonly fixedPaths: Koa.Middleware } => {
  const table = new Map<string, KoaMiddleware>();
  return {
    at: (path, middleware) => void table.set(path, answered(middleware as Koa.Middleware) as KoaMiddleware),
    fixedPaths: (ctx, next) => {
      const middleware = table.get(ctx.path);
      return middleware === undefined ? next() : middleware(ctx, next);
    },
  };
};

/** The answer for what nobody took: which methods the path has, if it is one. */
export const unknownPaths = (router: Router, exposedMethods: (url: string) => readonly string[]): Koa.Middleware =>
  answered((ctx) => {
    const allowed = methodsOf(router, ctx, exposedMethods(ctx.req.url ?? "/"));
    if (allowed.length === 0)
      throw new TransportRefusal("route_not_found", `There is no ${ctx.method} ${cut(visible(ctx.path))} here`);
    const allow = { allow: [...allowed, "OPTIONS"].join(", ") };
    if (ctx.method !== "OPTIONS") throw new TransportRefusal("method_not_allowed", `This path takes ${allow.allow}`, allow);
    ctx.set(allow);
    ctx.status = 204;
  });

const methodsOf = (router: Router, ctx: Koa.Context, exposed: readonly string[]): readonly string[] => {
  const mounted = router.match(ctx.path, "OPTIONS").path.flatMap((layer) => layer.methods);
  return [...new Set([...exposed, ...mounted])];
};

const ownPages = (router: Router, { context, service, isOpen }: Pick<AppOptions, "context" | "service" | "isOpen">): void => {
  const { gate } = context;
  router.get("/health", (ctx) => {
    ctx.set("cache-control", "no-store");
    ctx.body = { status: "ok" };
  });
  const ready = answered(async (ctx) => {
    const waitingFor = await gate.unready();
    ctx.set("cache-control", "no-store");
    ctx.status = waitingFor.length === 0 ? 200 : 503;
    ctx.body = waitingFor.length === 0 ? { status: "ready" } : { status: "not ready", waitingFor };
  });
  const openApi = answered(async (ctx) => {
    const callId = ctx.state["callId"] as string;
    // Behind the surface's own door, and only what this principal may call.
    const principal = isOpen
      ? undefined
      : await gate.enter({ surface: "http", credentials: service.credentials(ctx, "http"), callId });
    ctx.body = await service.openApi(principal);
  });
  router.get("/ready", ready);
  router.get("/openapi.json", openApi);
};
