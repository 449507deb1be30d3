// What http offers other plugins and users: a place to mount middleware, pages and endpoints, and the same careful
// reading of credentials and bodies that exposed routes get.

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

export type { KoaApp, KoaContext, KoaMiddleware, KoaRouter } from "./koa.ts";
export { httpKey } from "./route.ts";

/** What is put on a server: see `HttpService.mount`. */
export type Mounting = (koa: {
  /**
   * In front of the exposed routes: every call pays for it. Without such middleware the routes are answered without Koa.
   * `app.use` throws once the server is made.
   */
  readonly app: KoaApp;
  readonly router: KoaRouter;
  /** All methods of one path, without parameters: found at once, and no other call pays for it. */
  readonly at: (path: string, middleware: KoaMiddleware) => void;
  /** Like `at`, for an endpoint on Node's request and response. Without middleware in front of it, it is answered without Koa. */
  readonly endpoint: (path: string, endpoint: Endpoint) => void;
  /** All methods of the paths that begin with a text, in front of the exposed routes: calls of other paths do not pay for it. */
  readonly under: (prefix: string, middleware: KoaMiddleware) => void;
}) => void;

/** Node's request and response. A Koa context has them, too. */
export interface Exchanged {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
}

/** A request that has passed the checks of Host, Origin and headers. */
export interface EndpointRequest extends Exchanged {
  readonly callId: string;
  /** Call it before you write to `res` yourself, and return `undefined` afterwards: it sets the headers that every answer has. */
  readonly takeOver: () => void;
}

export interface EndpointReply {
  readonly status: number;
  /** Names in lower case, and their values in turn; a list is one header with several lines. */
  readonly headers: readonly (string | string[])[];
  readonly body: string;
}

/** Errors are answered as for exposed routes. */
export type Endpoint = (request: EndpointRequest) => Awaitable<EndpointReply | undefined>;

/** OpenAPI path items by path, for what is mounted: `{ "/approvals/api/requests": { get: {...} } }`. */
export type PathItems = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** Where a listener of its own listens: an address, or a Unix socket. */
export type ListenerPlace =
  | { readonly port: number; readonly host?: string | undefined }
  /** Relative to the project's folder. Users who may write to the file may connect. */
  | { readonly path: string };

export interface Listener {
  /** `undefined` on a Unix socket. */
  readonly baseUrl: string | undefined;
  /** Safe to call twice. */
  readonly stop: () => Promise<void>;
}

/** Memory for the large answers to one client. The limits are those of all that the client has not read. */
export interface AnswerRoom extends Room {
  /**
   * Waits until so many bytes may be written. What was reserved counts no more. Answers that are given to Koa as `ctx.body`
   * need no such call.
   *
   * @returns  A function that gives the room back; otherwise the end of the response does. `undefined`: write nothing,
   *           because there is no room, or the client has left.
   */
  take(bytes: number): Awaitable<(() => void) | undefined>;
}

export interface HttpService {
  /**
   * Called when the server is made, before it listens; never in commands that serve nothing. Host, Origin and header
   * checks have passed before anything mounted runs. What is mounted is outside the pipeline. What it throws goes to the
   * middleware around it, as in Koa, and is answered behind the last; what stands `at` a path is answered there.
   *
   * @param what  For the exposure table: `POST /mcp`.
   */
  mount(what: string, mounting: Mounting): void;
  /**
   * A listener of its own for one mounting: an origin of its own, with the same limits and the same checks before anything
   * mounted runs. Starts at once. The plugin that asked must stop it.
   *
   * @param allowedHosts  Beside loopback names and http's own.
   */
  listen(what: string, place: ListenerPlace, allowedHosts: readonly string[], mounting: Mounting): Promise<Listener>;
  /** For the OpenAPI document: what is mounted, in its words. Call it in `setup`. */
  describe(paths: PathItems): void;
  /** What http says to this error. */
  statusOf(error: QuaterError): number;
  /** The sentence that goes with it: the error's message, and the next step where that is http's. */
  sentenceOf(error: QuaterError): string;
  /** `Set-Cookie` headers that go with it: they remove cookies which are no credentials any more. */
  forgettingOf(error: QuaterError): readonly string[];
  /** What was mounted, for the exposure table. */
  readonly mounted: readonly string[];
  /** `http://127.0.0.1:3000` once it listens. */
  readonly baseUrl: string | undefined;
  /** `https://shop.example`, where `publicUrl` says so. */
  readonly publicUrl: string | undefined;
  /** Headers alone; nothing of the body has been read. */
  credentials(exchanged: Exchanged, surface: string): Presented;
  /**
   * The caller's address, for counting attempts: IPv6 as its /64 network, because one caller has all addresses of it. Empty
   * if it is absent.
   *
   * @param isFromProxy  The request came over a Unix socket that only a proxy may open: its X-Forwarded-For is believed.
   */
  networkOf(ctx: KoaContext, isFromProxy?: boolean): string;
  /** The body, without a promise where it came with the head. @throws {QuaterError} `too_large`, or a refusal of the transport (415 for a compressed body, 408 for a slow one). */
  readBody(exchanged: Exchanged): Awaitable<Buffer>;
  /** Cancelled when the client goes away before the answer is complete. */
  cancellation(exchanged: Exchanged): Cancellation;
  /** Notes who called, for the access log. For plugins that authenticate callers themselves. */
  noteCaller(exchanged: Exchanged, principal: Principal): void;
  /**
   * Notes how a call of this request ended, for plugins that invoke handlers. When middleware fails after a write, the caller
   * gets `outcome_unknown`. Not for dry runs.
   */
  noteRun(exchanged: Exchanged, operation: Operation, outcome: Outcome): void;
  /** For the answer, or for what is sent before the answer. */
  room(exchanged: Exchanged, use: "answer" | "notices"): AnswerRoom;
  /** The OpenAPI 3.1 document as this principal may see it; `undefined` shows all routes. */
  openApi(principal: Principal | undefined): Promise<object>;
}

export const httpRef = serviceRef<HttpService>("http");
