import { defineConfig, expose } from "quater";
import { approvalsRef } from "quater/approval";
import { httpRef } from "quater/http";
import { definePlugin, opaque } from "quater/plugin-api";
import { approval, audit, http, store } from "quater/plugins";
import { bootTest, principal, tokens } from "quater/testing";

export const people = {
  ana: principal({ subject: "ana", scopes: ["orders:read"] }),
  bea: principal({ subject: "bea", roles: ["finance"] }),
};

/** Mounts an HTML page under `/page` for browsers, and under `/gateway` a response that is not from Quater. */
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

const load = () => import("./orders.ts");

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
        addPhotos: { http: "POST /albums/:albumId/photos" },
        getPhoto: { http: "GET /photos/:name" },
        listAsCsv: { http: "GET /csv" },
        renameAlbum: { http: { route: "PATCH /albums/:albumId", body: "album", answer: "album" } },
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
    /** Decides an approval request as `bea`. */
    decide: async (id: string, verdict: "approve" | "deny") => {
      const { digest } = await approvals.show(people.bea, id);
      await approvals.vote({ principal: people.bea, via: "api" }, { id, verdict, digest });
    },
    [Symbol.asyncDispose]: app.stop,
  };
};
