// What runs, and who can reach what. Nothing that is not listed here can be called from outside.

import { defineConfig, expose } from "quater";
import { apiKeys, approval, audit, cli, firstOf, http, localUser, mcp, store } from "quater/plugins";

export default defineConfig({
  name: "shop",
  handlers: [
    // Reading: agents and operators alike.
    expose(() => import("./app/orders.ts"), {
      listOrders: { http: "GET /orders", mcp: true, cli: true },
      getOrder: { http: "GET /orders/:orderId", mcp: true, cli: true },
      exportOrders: { http: "GET /exports/orders", mcp: true, cli: true },
      listOwnOrders: { http: "GET /my/orders" },

      // Changes that another call can make good.
      createOrder: {
        http: { route: "POST /orders", status: 201, bind: { traceId: "header:x-trace-id" } },
        mcp: true,
        cli: true,
      },
      cancelOrder: {
        http: "POST /orders/:orderId/cancellation",
        mcp: true,
        cli: true,
        lock: { name: "order", by: "orderId" }, // it changes what the preview of a refund shows
      },
      addOrderNote: { http: "POST /orders/:orderId/notes", mcp: true, cli: true },

      // Changes that cannot, so people agree to each of them first. Agents may ask for a refund, never for a purge.
      refundOrder: {
        http: "POST /orders/:orderId/refunds",
        mcp: true,
        cli: true,
        preview: "caller",
        approval: "finance",
        lock: { name: "order", by: "orderId" },
      },
      purgeOrders: { http: "POST /orders/purge", cli: true, preview: "caller", approval: "purge" },
    }),
    expose(() => import("./app/customers.ts"), {
      listCustomers: { http: "GET /customers", mcp: true, cli: true },
      getCustomer: { http: "GET /customers/:customerId", mcp: true, cli: true },
      updateCustomer: { http: "PATCH /customers/:customerId", mcp: true, cli: true },
    }),
    expose(() => import("./app/reports.ts"), {
      salesReport: { http: "GET /reports/sales", mcp: true, cli: true },
    }),
    expose(() => import("./app/status.ts"), {
      status: { http: "GET /status", public: true },
    }),
  ],
  plugins: [
    http({
      port: 3000,
      authenticate: apiKeys(),
      openApi: {
        description: "Orders, customers and reports of a small shop.",
        contact: { name: "The shop's developers", url: "https://shop.example/developers" },
        license: { name: "MIT", identifier: "MIT" },
        tags: {
          orders: "Orders, from the first item to the refund",
          customers: "Who buys",
          reports: "Figures of a period",
          status: "Whether the shop is open",
          approvals: "Requests for approval, and votes on them",
        },
      },
    }),
    mcp({
      // An agent that somebody starts on this machine reads and prepares; refunds need a key that says so.
      authenticate: firstOf(apiKeys(), localUser({ scopes: ["orders:read", "orders:write", "customers:read", "reports:read"] })),
    }),
    cli({
      authenticate: localUser({
        scopes: ["orders:read", "orders:write", "orders:refund", "customers:read", "customers:write", "reports:read"],
        roles: ["support", "admin"],
      }),
    }),
    store(), // SQLite in .quater/
    audit(), // every call with an effect, of every caller
    approval({
      // People decide with keys of their own: quater keys create --name bea --person bea --kind user --roles finance
      authenticate: apiKeys(),
      publicUrl: "http://127.0.0.1:3000",
      policies: {
        finance: { approvers: [{ role: "finance", need: 1 }] },
        purge: { approvers: [{ role: "admin", need: 2 }] },
      },
    }),
  ],
});
