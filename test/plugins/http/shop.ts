// A few handlers that http tests share.

import { anyone, can, handler, notFound, problem, secret, stream, Type } from "quater";
import { http, httpRef } from "quater/http";
import { type ConfiguredPlugin, definePlugin, type OptionsOf } from "quater/plugin-api";
import { bootTest, principal, type TestApp, tokens } from "quater/testing";
import type { Mounting } from "../../../plugins/http/service.ts";

const customerTaken = problem("customer_taken", "conflict");

export const handled: unknown[] = [];

const getOrder = handler({
  description: "Gets an order.",
  effect: "read",
  input: Type.Object({ orderId: Type.String({ maxLength: 40 }), fields: Type.Optional(Type.Array(Type.String())) }),
  auth: can("orders:read"),
  handle: (input) => {
    handled.push(input);
    return input.orderId === "none" ? notFound("order", input.orderId) : { ...input };
  },
});

const createOrder = handler({
  description: "Creates an order.",
  effect: "write",
  input: Type.Object({ customer: Type.String(), cents: Type.Integer({ minimum: 1 }), traceId: Type.Optional(Type.String()) }),
  auth: can("orders:write"),
  problems: [customerTaken],
  handle: (input, { principal: who }) => {
    handled.push(input);
    if (input.customer === "taken")
      customerTaken("The customer is taken", { details: { errors: { a: 1 }, status: "odd", code: 7, limit: 10 } });
    return { ...input, by: who.subject };
  },
});

const exportOrders = handler({
  description: "Streams orders.",
  effect: "read",
  input: Type.Object({ count: Type.Integer({ default: 3 }), failAt: Type.Optional(Type.Integer()) }),
  output: stream(Type.Object({ n: Type.Integer() })),
  auth: can("orders:read"),
  async *handle({ count, failAt }) {
    for (let n = 0; n < count; n++) {
      if (n === failAt) throw new Error("the secret inside");
      yield { n };
    }
  },
});

const signUp = handler({
  description: "Signs somebody up.",
  effect: "write",
  input: Type.Object({ name: Type.String(), password: secret(Type.String()) }),
  auth: can("orders:write"),
  problems: ["name_taken", "closed_today"],
  handle: ({ name }) => {
    handled.push(name);
    return { name };
  },
});

const status = handler({
  description: "Status.",
  effect: "read",
  input: Type.Object({}),
  auth: anyone,
  handle: () => ({ ok: true }),
});
const hidden = handler({
  description: "Not exposed over http.",
  effect: "read",
  input: Type.Object({}),
  auth: anyone,
  handle: () => handled.push("hidden"),
});

export const ana = principal({ scopes: ["orders:read", "orders:write"] });
export const bob = principal({ subject: "bob" });

export const bootShop = (options: OptionsOf<typeof http> = {}, others: readonly ConfiguredPlugin[] = []): Promise<TestApp> =>
  bootTest({
    handlers: { getOrder, createOrder, signUp, exportOrders, status, hidden },
    expose: {
      getOrder: { http: "GET /orders/:orderId" },
      createOrder: { http: { route: "POST /orders", status: 201, bind: { traceId: "header:x-trace-id" } } },
      signUp: { http: "POST /members" },
      exportOrders: { http: "GET /export" },
      status: { http: "GET /status", public: true },
      hidden: { direct: true },
    },
    plugins: [http({ port: 0, authenticate: tokens({ ana, bob }), ...options }), ...others],
  });

/** A plugin that mounts something on http. */
export const mounting = (mount: Mounting, name = "mounting"): ConfiguredPlugin =>
  definePlugin(() => ({ name, needs: [httpRef], setup: ({ services }) => services.get(httpRef).mount(name, mount) }))();

/** Middleware in front of the routes: with it Koa gets their calls, too. */
export const around = mounting(({ app }) => void app.use((_ctx, next) => next()));

/** Paths of the requests that got a Koa context. */
export const throughKoa: string[] = [];
export const counting: Mounting = ({ app }) => {
  const koa = app as unknown as { createContext: (req: { url: string }, res: unknown) => unknown };
  const create = koa.createContext.bind(app);
  koa.createContext = (req, res) => {
    throughKoa.push(req.url);
    return create(req, res);
  };
};
