// A manifest of every kind of route, its server, and people who decide.

import { anyone, authenticated, can, conflict, defineConfig, expose, handler, problem, stream, Type, withDefault } from "quater";
import { approvalsRef } from "quater/approval";
import { httpRef } from "quater/http";
import { definePlugin, opaque } from "quater/plugin-api";
import { approval, audit, http, store } from "quater/plugins";
import { bootTest, principal, tokens } from "quater/testing";

const orderClosed = problem("order_closed", "conflict");

const getOrder = handler({
  description: "Shows an order.",
  effect: "read",
  input: Type.Object({
    orderId: Type.String({ minLength: 1 }),
    limit: withDefault(Type.Integer(), 3),
    tags: Type.Optional(Type.Array(Type.String())),
    isBrief: Type.Optional(Type.Boolean()),
  }),
  output: Type.Object({
    orderId: Type.String(),
    limit: Type.Integer(),
    tags: Type.Array(Type.String()),
    isBrief: Type.Optional(Type.Boolean()),
  }),
  auth: can("orders:read"),
  handle: ({ tags = [], ...input }) => ({ ...input, tags }),
});

const createOrder = handler({
  description: "Creates an order.",
  effect: "write",
  input: Type.Object({ items: Type.Array(Type.Object({ sku: Type.String() })), traceId: Type.Optional(Type.String()) }),
  output: Type.Object({ count: Type.Integer(), traceId: Type.Optional(Type.String()) }),
  auth: can("orders:read"),
  problems: [orderClosed],
  handle: ({ items, ...input }) => (items.length === 0 ? orderClosed("The order is closed") : { ...input, count: items.length }),
});

const removeOrder = handler({
  description: "Removes an order.",
  effect: "write",
  input: Type.Object({ orderId: Type.String(), reason: Type.Optional(Type.String()) }),
  output: Type.Null(),
  auth: can("orders:read"),
  handle: ({ orderId, reason }) => (reason === undefined ? conflict(`${orderId} needs a reason`) : null),
});

const countUp = handler({
  description: "Counts.",
  effect: "read",
  input: Type.Object({ to: Type.Integer(), failAt: Type.Optional(Type.Integer()) }),
  output: stream(Type.Object({ n: Type.Integer(), error: Type.Optional(Type.String()) })),
  auth: can("orders:read"),
  async *handle({ to, failAt }, { signal }) {
    for (let n = 1; n <= to; n++) {
      signal.throwIfAborted();
      if (n === failAt) orderClosed("The order is closed");
      yield { n, error: "of the item itself\n\nevent: end" };
    }
  },
});

/** Answers when its caller has left. */
const waitLong = handler({
  description: "Waits.",
  effect: "read",
  input: Type.Object({}),
  output: Type.Null(),
  auth: anyone,
  handle: (_, { signal }) => new Promise<null>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
});

const pay = handler({
  description: "Pays.",
  effect: "destructive",
  input: Type.Object({ cents: Type.Integer() }),
  output: Type.Object({ paid: Type.Integer() }),
  auth: authenticated,
  handle: ({ cents }) => ({ paid: cents }),
});

export const people = {
  ana: principal({ subject: "ana", scopes: ["orders:read"] }),
  bea: principal({ subject: "bea", roles: ["finance"] }),
};

/** Mounts one text under `/page`, for browsers, and one that is not from Quater. */
const pages = definePlugin({ html: opaque<string>("the page") }, ({ html }) => ({
  name: "pages",
  needs: [httpRef],
  setup: ({ services }) =>
    services.get(httpRef).mount("GET /page", ({ router }) => {
      router.get("/page", (ctx) => {
        ctx.type = "text/html";
        ctx.body = html;
      });
      router.get("/gateway", (ctx) => {
        ctx.status = 502;
        ctx.body = "<h1>Bad gateway</h1>";
      });
    }),
}));

const load = async () => ({ getOrder, createOrder, removeOrder, countUp, waitLong, pay });

export const manifestWith = (html = "") =>
  defineConfig({
    name: "shop",
    handlers: [
      expose(load, {
        getOrder: { http: "GET /orders/:orderId" },
        createOrder: { http: { route: "POST /orders", status: 201, bind: { traceId: "header:x-trace-id" } } },
        removeOrder: { http: "DELETE /orders/:orderId" },
        countUp: { http: "GET /numbers" },
        waitLong: { http: "GET /waits", public: true },
        pay: { http: "POST /payments", approval: "finance" },
      }),
    ],
    plugins: [
      http({ port: 0, authenticate: tokens(people) }),
      pages({ html }),
      store(),
      audit(),
      approval({ authenticate: tokens(people), policies: { finance: { approvers: [{ role: "finance" }] } } }),
    ],
  });

export type ShopManifest = ReturnType<typeof manifestWith>;

export const bootShop = async (html?: string) => {
  const app = await bootTest(manifestWith(html), { isolated: true });
  const approvals = app.services.get(approvalsRef);
  return {
    baseUrl: app.services.get(httpRef).baseUrl ?? "",
    app,
    /** Bea decides. */
    decide: async (id: string, verdict: "approve" | "deny") => {
      const { digest } = await approvals.show(people.bea, id);
      await approvals.vote({ principal: people.bea, via: "api" }, { id, verdict, digest });
    },
    [Symbol.asyncDispose]: app.stop,
  };
};
