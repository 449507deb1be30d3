// The types of Koa and its router that are handed to plugins and users. They are the original types, so that existing middleware
// fits.

import type Router from "@koa/router";
import type Koa from "koa";

export type KoaContext = Koa.Context;
export type KoaMiddleware = Koa.Middleware;
export type KoaApp = Koa;
export type KoaRouter = Router;
