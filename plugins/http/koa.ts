// Koa and its router as far as they are handed out. Neither has declarations that compile without skipLibCheck, so what is
// published uses these; with @types/koa write `app as Koa`.

import type { IncomingMessage, ServerResponse } from "node:http";

export interface KoaContext {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly query: Readonly<Record<string, string | string[] | undefined>>;
  readonly state: Record<string, unknown>;
  status: number;
  body: unknown;
  type: string;
  respond?: boolean | undefined;
  get(header: string): string;
  set(header: string, value: string): void;
  /** A 4xx is answered with this message; anything else is a failure, whose text stays here. */
  throw(status: number, message: string): never;
  throw(status: number, message: string, properties: { readonly headers: Readonly<Record<string, string>> }): never;
}

export type KoaMiddleware = (ctx: KoaContext, next: () => Promise<unknown>) => unknown;

export interface KoaApp {
  use(middleware: KoaMiddleware): unknown;
}

export interface KoaRouter {
  get(path: string, middleware: KoaMiddleware): unknown;
  post(path: string, middleware: KoaMiddleware): unknown;
  put(path: string, middleware: KoaMiddleware): unknown;
  patch(path: string, middleware: KoaMiddleware): unknown;
  delete(path: string, middleware: KoaMiddleware): unknown;
  use(middleware: KoaMiddleware): unknown;
}
