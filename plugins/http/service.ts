// The service of http for other plugins and users: mounting of middleware, pages and endpoints, and reading of credentials and
// bodies with the same checks as for exposed routes.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Principal, QuaterError } from "../../core/index.ts";
import {
  type Awaitable,
  type Cancellation,
  type Operation,
  type Outcome,
  type Presented,
  type AnswerRoom as Room,
  serviceRef,
} from "../../core/plugin-api.ts";
import type { KoaApp, KoaContext, KoaMiddleware, KoaRouter } from "./koa.ts";
import type { PreparedHeaders } from "./security.ts";

export type { KoaApp, KoaContext, KoaMiddleware, KoaRouter } from "./koa.ts";
export { httpKey } from "./route.ts";
export type { PreparedHeaders } from "./security.ts";

/** An HTTP request for a command line. */
export interface Requested {
  readonly method: string;
  /** The path with the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON text. */
  readonly body: string | undefined;
}

/** Mounts middleware and endpoints on a server: see `HttpService.mount`. */
export type Mounting = (koa: {
  /**
   * The Koa app. Middleware on it runs before the exposed routes, so every call takes longer. Without such middleware the routes
   * are answered without Koa. `app.use` throws once the server is made.
   */
  readonly app: KoaApp;
  readonly router: KoaRouter;
  /** Mounts an endpoint for all methods of one path without parameters. The endpoint does not slow down calls of other paths. */
  readonly at: (path: string, middleware: KoaMiddleware) => void;
  /** Like `at`, for an endpoint on Node's request and response. Without middleware in front of the endpoint, Koa does not run. */
  readonly endpoint: (path: string, endpoint: Endpoint) => void;
  /** Like `endpoint`, but pages of all sites may read the answers to GET. For public documents without data of a caller. */
  readonly open: (path: string, endpoint: Endpoint) => void;
  /** Answers HTTP requests with this method and path that no route and no mounted code has answered. */
  readonly fallback: (method: string, path: string, endpoint: Endpoint) => void;
  /**
   * Mounts middleware for all paths that begin with `prefix`, in front of the exposed routes. The middleware does not slow down
   * calls of other paths.
   */
  readonly under: (prefix: string, middleware: KoaMiddleware) => void;
}) => void;

/** Node's request and response. A Koa context also has both. */
export interface Exchanged {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
}

/** An HTTP request that has passed the checks of Host, Origin and headers. */
export interface EndpointRequest extends Exchanged {
  readonly callId: string;
  /** Sets the headers that every answer has. Call `takeOver()` before you write to `res` yourself, then return `undefined`. */
  takeOver(): void;
}

export interface EndpointReply {
  readonly status: number;
  /** Lower-case header names and values, one after the other. A value that is a list is sent as several header lines. */
  readonly headers: readonly (string | string[])[];
  readonly body: string;
  /** The same headers, prepared with `HttpService.prepare`. */
  readonly known?: PreparedHeaders | undefined;
}

/** Answers an HTTP request. The server answers errors of an endpoint as errors of an exposed route. */
export type Endpoint = (request: EndpointRequest) => Awaitable<EndpointReply | undefined>;

/** OpenAPI path items of mounted endpoints, by path: `{ "/approvals/api/requests": { get: {...} } }`. */
export type PathItems = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** Where a separate listener listens: on an address, or on a Unix socket. */
export type ListenerPlace =
  | { readonly port: number; readonly host?: string | undefined }
  /** The path of a socket file, relative to the project's folder. Users who can write the file can connect. */
  | { readonly path: string };

export interface Listener {
  /** The URL of the listener; `undefined` on a Unix socket. */
  readonly baseUrl: string | undefined;
  /** Closes the listener. Safe to call twice. */
  readonly stop: () => Promise<void>;
}

/** The memory for large answers to one client. The limits apply to everything that the client has not read. */
export interface AnswerRoom extends Room {
  /**
   * Waits until an answer of this many bytes may be written. The bytes count in place of the bytes that `reserve` counted for the
   * answer. Plugins that give Koa an answer as `ctx.body` do not call this function.
   *
   * @returns A function that frees the memory. The end of the response also frees the memory. `undefined` means that the memory
   * is full or the client has left, so the plugin must write nothing.
   */
  take(bytes: number): Awaitable<(() => void) | undefined>;
}

export interface HttpService {
  /**
   * Mounts middleware and endpoints outside the pipeline. `mounting` is called before the server listens, and never in commands
   * that do not serve. The checks of Host, Origin and headers run before mounted code. An error of middleware goes to the
   * middleware around it, as in Koa, and then becomes an answer. An error of an endpoint `at` a path becomes an answer
   * immediately.
   *
   * @param what  The entry in the exposure table: `POST /mcp`.
   */
  mount(what: string, mounting: Mounting): void;
  /**
   * Opens a separate listener for one mounting. The listener has another origin, with the same limits and the same checks. The
   * listener starts immediately, and the plugin must stop the listener.
   *
   * @param allowedHosts  Hosts that are allowed in addition to loopback names and the hosts of http().
   */
  listen(what: string, place: ListenerPlace, allowedHosts: readonly string[], mounting: Mounting): Promise<Listener>;
  /** Adds mounted endpoints to the OpenAPI document. Call this function in `setup`. */
  describe(paths: PathItems): void;
  /** Prepares headers that many answers of an endpoint have, so that the server sends these answers faster. */
  prepare(headers: readonly string[]): PreparedHeaders;
  /** Returns the HTTP status of an error. */
  statusOf(error: QuaterError): number;
  /** Returns the error text for the caller: the error's message, and the next step if HTTP has one. */
  sentenceOf(error: QuaterError): string;
  /**
   * Returns the `Set-Cookie` headers for an error. The `Set-Cookie` headers remove cookies that are no longer valid credentials.
   */
  forgettingOf(error: QuaterError): readonly string[];
  /** The mounted paths, for the exposure table. */
  readonly mounted: readonly string[];
  /** The entries of the options that decide whose requests are read, by the name of the option: `allowedOrigins`. */
  readonly admits: Readonly<Record<"allowedHosts" | "allowedOrigins" | "trustedProxies", readonly string[]>>;
  /** The URL of the server, `http://127.0.0.1:3000`, once it listens. */
  readonly baseUrl: string | undefined;
  /**
   * The URL at which the server listens or will listen, from the options: `undefined` for port 0 and for hosts that other computers
   * can reach, because their URL is not known.
   */
  readonly expectedUrl: string | undefined;
  /** Writes an input as a request of the operation's route, for command lines to paste; `undefined` if the route cannot carry it. */
  requestOf(operation: Operation, input: unknown): Promise<Requested | undefined>;
  /** The address on which the server listens, and the hosts that requests may name besides loopback names. */
  readonly bound: { readonly host: string; readonly allowedHosts: readonly string[]; readonly isLoopback: boolean };
  /** The public origin, `https://shop.example`, if `publicUrl` is set. */
  readonly publicUrl: string | undefined;
  /** Returns the credentials of an HTTP request. Credentials come only from headers. The body is not read. */
  credentials(exchanged: Exchanged, surface: string): Presented;
  /**
   * Returns the caller's address, for counting attempts. For IPv6, returns the /64 network, because one caller has all addresses
   * of the network. Returns an empty text if the address is not known.
   *
   * @param isFromProxy  Whether the HTTP request came over a Unix socket that only a proxy can open. The X-Forwarded-For of such
   * a request is trusted.
   */
  networkOf(ctx: KoaContext, isFromProxy?: boolean): string;
  /**
   * Returns the body, or a promise if a part of the body has not arrived yet. @throws {QuaterError} `too_large`, or a refusal by
   * the HTTP server: 415 for a compressed body, 408 for a slow body.
   */
  readBody(exchanged: Exchanged): Awaitable<Buffer>;
  /** Returns a cancellation that is triggered when the client leaves before the answer is complete. */
  cancellation(exchanged: Exchanged): Cancellation;
  /** Records the caller for the access log, in plugins that authenticate callers themselves. */
  noteCaller(exchanged: Exchanged, principal: Principal): void;
  /**
   * Records how a call of this HTTP request ended, in plugins that run handlers. If middleware fails after a recorded write, the
   * caller gets `outcome_unknown`. Do not call this function for dry runs.
   */
  noteRun(exchanged: Exchanged, operation: Operation, outcome: Outcome): void;
  /** Returns the memory for the answer, or for messages before the answer. */
  room(exchanged: Exchanged, use: "answer" | "notices"): AnswerRoom;
  /**
   * Returns the OpenAPI 3.1 document for a principal, with the routes that the principal may see. `undefined` sees all routes.
   */
  openApi(principal: Principal | undefined): Promise<object>;
}

export const httpRef = serviceRef<HttpService>("http");
