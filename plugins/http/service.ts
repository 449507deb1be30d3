// The service of http for other plugins and users. With this service, plugins mount middleware, pages and endpoints, and read
// credentials and bodies with the same checks as for exposed routes.

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

/** An HTTP request that a command line, such as a command line of curl, can send. */
export interface Requested {
  readonly method: string;
  /** The path of the HTTP request with the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The JSON text of the request body. */
  readonly body: string | undefined;
}

/** Mounts middleware and endpoints on an HTTP server: see `HttpService.mount`. */
export type Mounting = (koa: {
  /**
   * The Koa app of the server. Middleware on the Koa app runs before the exposed routes, so every call takes longer. Without such
   * middleware, the server serves the routes without Koa. `app.use` throws after Quater has made the server.
   */
  readonly app: KoaApp;
  readonly router: KoaRouter;
  /** Mounts an endpoint for all methods of one path without parameters. The endpoint does not slow down calls of other paths. */
  readonly at: (path: string, middleware: KoaMiddleware) => void;
  /**
   * Like `at`, but for an endpoint on Node's request and response. Without middleware in front of the endpoint, the server does
   * not run Koa.
   */
  readonly endpoint: (path: string, endpoint: Endpoint) => void;
  /**
   * Like `endpoint`, but pages of all sites may read the responses to GET. Use `open` for public documents without data of a
   * caller.
   */
  readonly open: (path: string, endpoint: Endpoint) => void;
  /** Mounts an endpoint for HTTP requests with this method and path that no route and no mounted code has served. */
  readonly fallback: (method: string, path: string, endpoint: Endpoint) => void;
  /**
   * Mounts middleware for all paths that begin with `prefix`, in front of the exposed routes. The middleware does not slow down
   * calls of other paths.
   */
  readonly under: (prefix: string, middleware: KoaMiddleware) => void;
}) => void;

/** The HTTP request and the HTTP response of Node. A Koa context also has both. */
export interface Exchanged {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
}

/** An HTTP request that has passed the checks of Host, Origin and headers. */
export interface EndpointRequest extends Exchanged {
  readonly callId: string;
  /**
   * Sets the headers that every response has. If your endpoint writes to `res` itself, call `takeOver()` first, and return
   * `undefined` afterwards.
   */
  takeOver(): void;
}

export interface EndpointReply {
  readonly status: number;
  /**
   * The header names in lower case and the header values of the response, one after the other. The server sends a value that is a
   * list as several header lines.
   */
  readonly headers: readonly (string | string[])[];
  readonly body: string;
  /** The same headers of the response, after `HttpService.prepare` has prepared them. */
  readonly known?: PreparedHeaders | undefined;
}

/**
 * Serves an HTTP request. The server turns errors of an endpoint into responses in the same way as errors of an exposed route.
 */
export type Endpoint = (request: EndpointRequest) => Awaitable<EndpointReply | undefined>;

/** The OpenAPI path items of mounted endpoints, by path: `{ "/approvals/api/requests": { get: {...} } }`. */
export type PathItems = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** The place of a separate listener: an address, or a Unix socket. */
export type ListenerPlace =
  | { readonly port: number; readonly host?: string | undefined }
  /**
   * The path of a socket file, relative to the project's folder. Users of the machine who can write to the socket file can
   * connect.
   */
  | { readonly path: string };

export interface Listener {
  /** The URL of the listener; `undefined` if the listener listens on a Unix socket. */
  readonly baseUrl: string | undefined;
  /** Closes the listener. The plugin may call `stop` twice. */
  readonly stop: () => Promise<void>;
}

/** The memory for large answers to one client. The limits of this memory apply to all bytes that the client has not read. */
export interface AnswerRoom extends Room {
  /**
   * Waits until the server may write an answer of `bytes` bytes. These bytes replace the bytes that `reserve` counted for the
   * answer. A plugin that gives Koa an answer as `ctx.body` does not call this function.
   *
   * @returns A function that frees the memory of the answer. The end of the response also frees this memory. `undefined` means
   *   that the memory for answers is full or that the client has left, so the plugin must write nothing.
   */
  take(bytes: number): Awaitable<(() => void) | undefined>;
}

export interface HttpService {
  /**
   * Mounts middleware and endpoints outside the pipeline. Quater calls `mounting` before the server listens, and never in
   * commands that do not serve. The checks of Host, Origin and headers run before mounted code. An error of middleware goes to
   * the next outer middleware, as in Koa, and then becomes a response. An error of an endpoint `at` a path becomes a response
   * immediately.
   *
   * @param what  The entry in the exposure table: `POST /mcp`.
   */
  mount(what: string, mounting: Mounting): void;
  /**
   * Opens a separate listener for one `mounting`. The listener has another origin, but the same limits and checks as the main
   * server. The listener starts immediately, and the plugin must stop the listener.
   *
   * @param allowedHosts  The hosts that the listener accepts in addition to loopback names and the hosts of http().
   */
  listen(what: string, place: ListenerPlace, allowedHosts: readonly string[], mounting: Mounting): Promise<Listener>;
  /** Adds mounted endpoints to the OpenAPI document. Call this function in `setup`. */
  describe(paths: PathItems): void;
  /** Prepares the headers that many responses of an endpoint have, so that the server sends these responses faster. */
  prepare(headers: readonly string[]): PreparedHeaders;
  /** Returns the HTTP status of an error. */
  statusOf(error: QuaterError): number;
  /**
   * Returns the text of an error for the caller: the message of the error, and the caller's next step if HTTP has a next step.
   */
  sentenceOf(error: QuaterError): string;
  /**
   * Returns the `Set-Cookie` headers for an error. The `Set-Cookie` headers remove cookies that are no longer valid credentials.
   */
  forgettingOf(error: QuaterError): readonly string[];
  /** The paths of mounted endpoints, for the exposure table. */
  readonly mounted: readonly string[];
  /** The entries of the options that decide whose requests are read, by the name of the option: `allowedOrigins`. */
  readonly admits: Readonly<Record<"allowedHosts" | "allowedOrigins" | "trustedProxies", readonly string[]>>;
  /** The URL of the server, `http://127.0.0.1:3000`, once it listens. */
  readonly baseUrl: string | undefined;
  /**
   * The URL at which the server listens or will listen, from the options of http(). `undefined` for port 0, and for hosts that
   * other computers can reach, because Quater does not know the URL of such a server.
   */
  readonly expectedUrl: string | undefined;
  /**
   * Writes an input as an HTTP request of the operation's route, for command lines to paste; `undefined` if callers of the route
   * cannot send the input.
   */
  requestOf(operation: Operation, input: unknown): Promise<Requested | undefined>;
  /** The address on which the server listens, and the hosts that requests may name besides loopback names. */
  readonly bound: { readonly host: string; readonly allowedHosts: readonly string[]; readonly isLoopback: boolean };
  /** The public origin, `https://shop.example`, if `publicUrl` is set. */
  readonly publicUrl: string | undefined;
  /** Returns the credentials of an HTTP request. Credentials come only from headers, so this function does not read the body. */
  credentials(exchanged: Exchanged, surface: string): Presented;
  /**
   * Returns the caller's address, for plugins that count attempts. For IPv6, returns the /64 network, because one caller has all
   * addresses of this network. Returns an empty text if Quater does not know the address.
   *
   * @param isFromProxy  Whether the HTTP request came over a Unix socket that only a proxy can open. Quater trusts the header
   *   X-Forwarded-For of such an HTTP request.
   */
  networkOf(ctx: KoaContext, isFromProxy?: boolean): string;
  /**
   * Returns the body of an HTTP request, or a promise of the body if a part of the body has not arrived yet.
   * @throws {QuaterError} `too_large`, or a refusal by the HTTP server: 415 for a compressed body, 408 for a slow body.
   */
  readBody(exchanged: Exchanged): Awaitable<Buffer>;
  /** Returns a cancellation that Quater triggers when the client leaves before the response is complete. */
  cancellation(exchanged: Exchanged): Cancellation;
  /**
   * Records the caller of an HTTP request for the access log. Plugins that authenticate callers themselves call this function.
   */
  noteCaller(exchanged: Exchanged, principal: Principal): void;
  /**
   * Records how the call of this HTTP request ended. Plugins that run handlers call this function. If middleware fails after a
   * recorded write, the caller gets `outcome_unknown`. Do not call this function for dry runs.
   */
  noteRun(exchanged: Exchanged, operation: Operation, outcome: Outcome): void;
  /** Returns the memory for the answer to an HTTP request, or for messages before the answer. */
  room(exchanged: Exchanged, use: "answer" | "notices"): AnswerRoom;
  /**
   * Returns the OpenAPI 3.1 document for a principal, with the routes that the principal may see. For `undefined`, the OpenAPI
   * document contains all routes.
   */
  openApi(principal: Principal | undefined): Promise<object>;
}

export const httpRef = serviceRef<HttpService>("http");
