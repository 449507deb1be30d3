// Serves a project with routes, tools, actions and approvals by `quater dev` of the built program.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { builtProject, start } from "./kit.ts";

export interface DevServer extends AsyncDisposable {
  readonly url: string;
  readonly key: string;
  readonly folder: string;
  readonly said: (pattern: RegExp) => Promise<string>;
}

const manifestText = (more: string) => `
import { authenticated, can, defineConfig, expose, handler, Type } from "quater";
import { apiKeys, approval, audit, cli, http, localUser, mcp, store } from "quater/plugins";
const orderId = Type.String({ minLength: 3 });
const all = {
  listOrders: handler({ description: "List orders, newest first.", effect: "read", input: Type.Object({ limit: Type.Integer({ default: 5 }) }), auth: can("orders"), handle: () => [] }),
  refundOrder: handler({ description: "Refund a paid order. ${"The money goes back to the card. ".repeat(4)}", effect: "destructive", input: Type.Object({ orderId, amountCents: Type.Integer({ minimum: 1 }) }), auth: can("refund"), handle: ({ orderId }) => ({ orderId }) }),
  showOwn: handler({ description: "Show <b>own</b> data.", effect: "read", input: Type.Object({ id: Type.String() }), auth: function isOwn() { return false; }, handle: () => [] }),
  boom: handler({ description: "Fails.", effect: "read", input: Type.Object({}), auth: authenticated, handle: () => { throw new Error("the real cause"); } }),
  hidden: handler({ description: "Not exposed.", effect: "read", input: Type.Object({}), auth: authenticated, handle: () => [] }),
};
export default defineConfig({
  name: "shop",
  handlers: [expose(async () => all, {
    listOrders: { http: "GET /orders", mcp: true, cli: true },
    refundOrder: { http: "POST /orders/:orderId/refunds", mcp: true, cli: true, approval: "finance" },
    showOwn: { http: "GET /own" },
    boom: { http: "GET /boom", mcp: true },
    ${more}
  })],
  plugins: [
    http({ port: 0, authenticate: apiKeys() }), mcp({ authenticate: apiKeys() }),
    cli({ authenticate: localUser({ scopes: ["orders", "refund"] }) }), store(), audit(),
    approval({ authenticate: apiKeys(), policies: { finance: { approvers: [{ role: "finance" }] } } }),
  ],
});
`;

/** Starts `quater dev` or `quater serve`. @param more  More entries of the exposure table, as source text. */
export const devServer = async (command: "dev" | "serve" = "dev", more = ""): Promise<DevServer> => {
  const { folder, remove } = builtProject({ "quater.config.mjs": manifestText(more) });
  const server = start(command === "dev" ? ["dev", "--no-watch"] : ["serve"], { cwd: folder });
  const ready = await server.said(command === "dev" ? /Approve as demo-approver[\s\S]*qk_/ : /is ready/);
  return {
    url: /http:\/\/127\.0\.0\.1:\d+/.exec(ready)?.[0] ?? "",
    key: command === "dev" ? readFileSync(join(folder, ".quater/development-key"), "utf8").trim() : "",
    folder,
    said: server.said,
    [Symbol.asyncDispose]: async () => {
      server.process.kill("SIGTERM");
      await server.ended;
      remove();
    },
  };
};
