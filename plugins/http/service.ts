// What http offers other plugins and users: a place to mount middleware, pages and endpoints, and the same careful
// reading of credentials and bodies that exposed routes get.

import { type Cancellation, type Credentials, type Principal, serviceRef } from "../../core/index.ts";
import type { KoaApp, KoaContext, KoaRouter } from "./koa.ts";

export type { KoaApp, KoaContext, KoaMiddleware, KoaRouter } from "./koa.ts";

export interface HttpService {
  /**
   * Called when the server is made, before it listens; never in commands that serve nothing. Host, Origin and header
   * checks have passed before anything mounted runs. What is mounted is outside the pipeline.
   *
   * @param what  For the exposure table: `POST /mcp`.
   */
  mount(what: string, mounting: (koa: { readonly app: KoaApp; readonly router: KoaRouter }) => void): void;
  /** What was mounted, for the exposure table. */
  readonly mounted: readonly string[];
  /** `http://127.0.0.1:3000` once it listens. */
  readonly baseUrl: string | undefined;
  /** Headers alone; nothing of the body has been read. */
  credentials(ctx: KoaContext, surface: string): Credentials;
  /** @throws {QuaterError} `too_large`, or a refusal of the transport (415 for a compressed body, 408 for a slow one). */
  readBody(ctx: KoaContext): Promise<Buffer>;
  /** Cancelled when the client goes away before the answer is complete. */
  cancellation(ctx: KoaContext): Cancellation;
  /** The OpenAPI 3.1 document as this principal may see it; `undefined` shows all routes. */
  openApi(principal: Principal | undefined): Promise<object>;
}

export const httpRef = serviceRef<HttpService>("http");
