// Builds an HTTP server. The parts of the server are the checks of each HTTP request, middleware that plugins and users mount on
// Koa, exposed routes, Quater's own pages, and the response for unknown paths.

import type { IncomingMessage, RequestListener } from "node:http";
import Router from "@koa/router";
import Koa from "koa";
import type { Reading } from "../../core/diagnostics/reading.ts";
import { cut, visible } from "../../core/diagnostics/text.ts";
import { errorText, type PluginContext } from "../../core/plugin-api.ts";
import { type AccessOptions, accessOf, noteRoute } from "./access.ts";
import { answer, answered } from "./answering.ts";
import { corsFor, methodAsked } from "./cors.ts";
import { dryRuns } from "./dry-runs.ts";
import { throughKoa } from "./endpoints.ts";
import { type Exposed, exposedRoutes } from "./exposed-call.ts";
import type { Guard } from "./guard.ts";
import { pageFiles, pagePolicy } from "./openapi/page.ts";
import { Load, type LoadLimits } from "./overload.ts";
import { pathOf } from "./path.ts";
import type { Formatter } from "./problem-format.ts";
import { runIn, undelivered } from "./ran.ts";
import { TransportRefusal } from "./refusals.ts";
import { bytesOf, hasRoom, isLarge } from "./reply.ts";
import { replyRulesOf } from "./reply-options.ts";
import { routeIndexOf } from "./routes.ts";
import { securityHeaders } from "./security.ts";
import { type ListenerParts, requestListener } from "./serve.ts";
import type { Endpoint, HttpService, KoaMiddleware, Mounting } from "./service.ts";

export interface AppOptions extends LoadLimits {
  readonly context: PluginContext;
  readonly guard: Guard;
  readonly service: HttpService;
  readonly maxBodyBytes: number;
  readonly mount: Mounting;
  /** Whether everybody can read the OpenAPI document and the page that shows it. True only in development. */
  readonly isOpen: boolean;
  readonly allowedOrigins?: "any" | readonly string[];
  /** The headers, schemes and cookies that the authenticator of the routes reads. */
  readonly reading?: Reading | undefined;
  readonly format?: Formatter | undefined;
  readonly access: AccessOptions;
  readonly publicUrl?: string | undefined;
  readonly prefix: string;
  readonly cookieKeys: readonly string[];
  readonly redirectOrigins: readonly string[];
}

const isOfClient = (error: unknown): boolean =>
  ["ERR_STREAM_PREMATURE_CLOSE", "ECONNRESET", "EPIPE"].includes(String((error as NodeJS.ErrnoException | undefined)?.code));

/**
 * Makes a Koa app whose first middleware turns errors into responses. The file serve.ts checks each HTTP request before Koa gets
 * the HTTP request.
 */
const answeringApp = ({ gate, log }: PluginContext): Koa => {
  const app = new Koa();
  app.on("error", (error: unknown, ctx?: Koa.Context) => {
    if (isOfClient(error)) return;
    log.error("An HTTP request failed outside of a call of a handler", { callId: ctx?.state["callId"], error: errorText(error) });
  });
  app.use(async (ctx, next) => {
    ctx.state["callId"] = ctx.res.getHeader("x-request-id");
    try {
      await next();
    } catch (error) {
      answer(ctx, error);
    }
    if (typeof ctx._matchedRoute === "string") noteRoute(ctx.res, ctx._matchedRoute);
    const timing = accessOf(ctx.res)?.timing;
    if (timing !== undefined && !ctx.res.headersSent) ctx.set("server-timing", timing);
    // Close the connection after this response, so that the stopping server gets no further HTTP request on the connection.
    if (gate.isStopping && !ctx.res.headersSent) ctx.set("connection", "close");
    if (isLarge(ctx.body) && !(await hasRoomFor(ctx))) answer(ctx, undelivered(runIn(ctx), ctx.method));
  });
  return app;
};

/**
 * Waits until the server may send a large body. The result is false when the server must not send this body. This function is not
 * async, because the text of the body must not stay in memory while the bytes of the body wait.
 */
const hasRoomFor = (ctx: Koa.Context): Promise<boolean> => {
  const bytes = bytesOf(ctx.body as string | Buffer);
  ctx.body = bytes;
  return hasRoom(ctx.res, bytes.length);
};

/**
 * Makes `app.use` throw from now on. The server has already decided which HTTP requests Koa serves, so middleware that a user
 * adds later would run for only some of them.
 */
const close = (app: Koa): void => {
  app.use = () => {
    throw new Error(
      "app.use was called after the server was created. Call app.use inside the function that you pass to http.mount(...)",
    );
  };
  Object.freeze(app.middleware);
};

/** Makes an HTTP server for routes that only plugins mount. */
export const mountedListener = (
  context: PluginContext,
  guard: Guard,
  mount: Mounting,
  parts: Pick<ListenerParts, "access" | "security" | "load">,
): RequestListener => {
  const app = answeringApp(context);
  const router = strictRouter();
  const { fixedPaths, fallbacks, isOpen, ...table } = pathTable();
  mount({ app, router, ...table, under: underIn(app, []) });
  app.use(fixedPaths);
  app.use(router.routes());
  app.use(fallbacks);
  app.use(unknownPaths(router, () => []));
  close(app);
  return requestListener({ app, gate: context.gate, guard, cors: corsFor([], isOpen()), isOpenToAll: isOpen(), ...parts });
};

export const serverListener = (options: AppOptions): RequestListener => {
  const { context, guard, service, maxBodyBytes, mount, isOpen, allowedOrigins = [], reading, format } = options;
  const { access, publicUrl, prefix } = options;
  const security = securityHeaders(publicUrl);
  const { gate, catalog } = context;
  const app = answeringApp(context);
  const router = strictRouter();
  const { endpoints, fixedPaths, fallbacks, isOpen: isOpenPath, ...table } = pathTable();
  const prefixes: string[] = [];
  mount({ app, router, ...table, under: underIn(app, prefixes) });
  const index = routeIndexOf({ catalog, reading, security, prefix });
  const isOpenMount = isOpenPath();
  const isOpenToAll =
    allowedOrigins === "any"
      ? (req: IncomingMessage) => index.find(methodAsked(req) ?? "", req.url ?? "/") !== undefined || isOpenMount?.(req) === true
      : isOpenMount;
  const exposed: Exposed = { gate, guard, index, maxBodyBytes, replyRules: replyRulesOf(options), endpoints };
  const isInFront = app.middleware.length > 1 + prefixes.length;
  if (isInFront || prefixes.length > 0) app.use(exposedRoutes(exposed));
  app.use(fixedPaths);
  app.use(dryRuns({ gate, http: service, catalog, maxBodyBytes }));
  ownPages(router, { context, service, isOpen });
  app.use(router.routes());
  app.use(fallbacks);
  app.use(unknownPaths(router, (url) => index.methodsOf(url)));
  close(app);
  return requestListener({
    app,
    gate,
    guard,
    cors: corsFor(allowedOrigins, isOpenToAll),
    isOpenToAll,
    direct: isInFront ? undefined : exposed,
    isOfKoa: (url) => prefixes.some((prefix) => url.startsWith(prefix)),
    hasProbes: true,
    format,
    access,
    security,
    load: new Load(options, (message) => context.log.warn(message)),
  });
};

/** Mounts middleware for all paths that begin with `prefix`. Quater still serves exposed routes under other paths without Koa. */
const underIn =
  (app: Koa, prefixes: string[]): Parameters<Mounting>[0]["under"] =>
  (prefix, middleware) => {
    prefixes.push(prefix);
    app.use((ctx, next) => {
      if (!ctx.path.startsWith(prefix)) return next();
      noteRoute(ctx.res, prefix);
      return middleware(ctx, next);
    });
  };

/**
 * Makes a router that distinguishes letter case and the slash at the end of a path, as exposed routes do. Otherwise the paths
 * `/Admin` and `/admin/` would also match the route `/admin`.
 */
export const strictRouter = (): Router => new Router({ sensitive: true, strict: true });

/**
 * Makes a table of the endpoints that plugins mount at one path. A lookup in a table is faster than a router, because a router
 * tries its routes one by one.
 */
export const pathTable = (): Pick<Parameters<Mounting>[0], "at" | "endpoint" | "open" | "fallback"> & {
  readonly fixedPaths: Koa.Middleware;
  readonly fallbacks: Koa.Middleware;
  readonly endpoints: ReadonlyMap<string, Endpoint>;
  /**
   * Returns the function that checks whether pages of all sites may send an HTTP request. `undefined` if no plugin has mounted an
   * open path.
   */
  readonly isOpen: () => ((req: IncomingMessage) => boolean) | undefined;
} => {
  const table = new Map<string, KoaMiddleware>();
  const last = new Map<string, KoaMiddleware>();
  const endpoints = new Map<string, Endpoint>();
  const openPaths = new Set<string>();
  const at = (path: string, middleware: KoaMiddleware) => void table.set(path, answered(middleware));
  const endpoint = (path: string, endpoint: Endpoint) => {
    endpoints.set(path, endpoint);
    at(path, throughKoa(endpoint));
  };
  const lookUp =
    (table: ReadonlyMap<string, KoaMiddleware>, keyOf: (ctx: Koa.Context) => string): Koa.Middleware =>
    (ctx, next) => {
      const middleware = table.get(keyOf(ctx));
      if (middleware === undefined) return next();
      noteRoute(ctx.res, ctx.path);
      return middleware(ctx, next);
    };
  return {
    at,
    endpoint,
    open: (path, answer) => {
      openPaths.add(path);
      endpoint(path, answer);
    },
    fallback: (method, path, endpoint) => void last.set(`${method} ${path}`, answered(throughKoa(endpoint))),
    endpoints,
    isOpen: () =>
      openPaths.size === 0 ? undefined : (req) => methodAsked(req) === "GET" && openPaths.has(pathOf(req.url ?? "/")),
    fixedPaths: lookUp(table, ({ path }) => path),
    fallbacks: lookUp(last, ({ method, path }) => `${method} ${path}`),
  };
};

/**
 * Makes the response to HTTP requests that no route matched. If the path has routes with other methods, the response lists these
 * methods.
 */
export const unknownPaths = (router: Router, exposedMethods: (url: string) => readonly string[]): Koa.Middleware =>
  answered((ctx) => {
    const allowed = methodsOf(router, ctx, exposedMethods(ctx.req.url ?? "/"));
    if (allowed.length === 0)
      throw new TransportRefusal("route_not_found", `No route matches ${ctx.method} ${cut(visible(ctx.path))}${hintFor(ctx)}`);
    const allow = { allow: [...allowed, "OPTIONS"].join(", ") };
    if (ctx.method !== "OPTIONS")
      throw new TransportRefusal(
        "method_not_allowed",
        `This path does not allow the method ${ctx.method}. The allowed methods are ${allow.allow}`,
        allow,
      );
    ctx.set(allow);
    ctx.status = 204;
  });

/** Returns the addresses of Quater's own pages for the path `/`, because people open the root of a new server in a browser. */
const hintFor = ({ path }: Koa.Context): string =>
  path === "/" ? ". The routes of this server are documented at /docs and in /openapi.json" : "";

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
  /**
   * Authenticates the reader of the OpenAPI document in the same way as callers of exposed routes. `undefined` if everybody may
   * read the whole OpenAPI document.
   */
  const reader = async (ctx: Koa.Context) => {
    if (isOpen) return undefined;
    const credentials = service.credentials(ctx, "http");
    const principal = await gate.enter({ surface: "http", credentials, callId: ctx.state["callId"] as string });
    service.noteCaller(ctx, principal);
    return principal;
  };
  const openApi = answered(async (ctx) => {
    // The reader sees only the routes that the reader's principal may call.
    const principal = await reader(ctx);
    if (principal !== undefined) ctx.set("cache-control", "no-store");
    ctx.body = await service.openApi(principal);
  });
  router.get("/ready", ready);
  router.get("/openapi.json", openApi);
  for (const [path, file] of Object.entries(pageFiles)) {
    const show = answered(async (ctx) => {
      await reader(ctx);
      const { type, body } = await file();
      ctx.set({
        "content-security-policy": pagePolicy,
        "referrer-policy": "no-referrer",
        "cache-control": "private, max-age=600",
      });
      ctx.type = type;
      ctx.body = body;
    });
    router.get(path, show);
  }
};
