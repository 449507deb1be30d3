// Koa and its router as far as they are handed out: their own types, so that middleware of the ecosystem fits as it is.

import type Router from "@koa/router";
import type Koa from "koa";

export type KoaContext = Koa.Context;
export type KoaMiddleware = Koa.Middleware;
export type KoaApp = Koa;
export type KoaRouter = Router;
