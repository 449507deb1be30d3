// The types of Koa and its router for plugins and users. These types are Koa's own types, so that existing middleware compiles.

import type Router from "@koa/router";
import type Koa from "koa";

export type KoaContext = Koa.Context;
export type KoaMiddleware = Koa.Middleware;
export type KoaApp = Koa;
export type KoaRouter = Router;
