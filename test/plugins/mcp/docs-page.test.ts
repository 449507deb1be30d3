// `/mcp/docs`: who gets the page, and what the page shows.

import { anyone, authenticated, authenticator, can, handler, hasRole, Type } from "quater";
import { http, httpRef } from "quater/http";
import { mcp } from "quater/mcp";
import { approval, audit, store } from "quater/plugins";
import { bootTest, principal, tokens } from "quater/testing";
import { expect, test } from "vitest";
import { tempFolder } from "../audit/kit.ts";

const input = Type.Object({ orderId: Type.String({ description: "The <id> of the order" }) });
const handlers = {
  getOrder: handler({
    description: 'Show an order. Use it before <script>alert("x")</script>.',
    effect: "read",
    input,
    output: Type.Object({ state: Type.String() }),
    auth: authenticated,
    handle: () => ({ state: "paid" }),
  }),
  refundOrder: handler({
    description: "Refund it.",
    effect: "destructive",
    input,
    auth: can("orders:refund"),
    handle: () => null,
  }),
  closeShop: handler({
    description: "Close the shop.",
    effect: "write",
    input: Type.Object({}),
    auth: hasRole("owner"),
    handle: () => null,
  }),
  ping: handler({ description: "Ping.", effect: "read", input: Type.Object({}), auth: anyone, handle: () => null }),
};
const byCookie = authenticator({
  name: "sessions",
  reads: { cookies: ["sid"] },
  authenticate: ({ cookie }) => (cookie("sid") === "s1" ? principal({ subject: "ana", scopes: ["orders:refund"] }) : undefined),
});
const agents = tokens({
  agent: principal({ subject: "agent" }),
  owner: principal({ subject: "owner", roles: ["owner"], scopes: ["orders:refund"] }),
});

const boot = async (options: { readonly docs?: boolean; readonly mode?: "dev"; readonly root: string }) => {
  const { root, mode, ...given } = options;
  const app = await bootTest({
    root,
    ...(mode === undefined ? {} : { mode }),
    handlers,
    expose: {
      getOrder: { mcp: { title: "Order & state", openWorld: false } },
      refundOrder: { mcp: true, approval: "finance" },
      closeShop: { mcp: true },
      ping: { http: "GET /ping" },
    },
    plugins: [
      http({ port: 0, authenticate: byCookie }),
      mcp({ authenticate: agents, title: "The shop", instructions: "Find the order first.\nThen refund <it>.", ...given }),
      store({ mayLoseCommits: true }),
      audit(),
      approval({ authenticate: agents, policies: { finance: { approvers: [{ role: "owner" }] } } }),
    ],
  });
  const base = app.services.get(httpRef).baseUrl ?? "";
  const get = (path: string, headers: Record<string, string> = {}) => fetch(base + path, { headers });
  return { app, base, get, [Symbol.asyncDispose]: () => app.stop() };
};
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const toolsIn = (page: string) => [...page.matchAll(/<article id="(\w+)">/g)].map(([, name]) => name);

test("the page /mcp/docs needs a credential, and shows only the tools that an agent with this credential sees", async () => {
  using folder = tempFolder();
  await using shop = await boot({ root: folder.root });
  for (const path of ["/mcp/docs", "/mcp/docs/style.css"]) {
    expect((await shop.get(path)).status, path).toBe(401);
    expect((await shop.get(path, bearer("wrong"))).status, path).toBe(401);
    expect((await shop.get(path, { cookie: "sid=s2" })).status, path).toBe(401);
  }
  const seenBy = async (headers: Record<string, string>) => toolsIn(await (await shop.get("/mcp/docs", headers)).text());
  expect(await seenBy(bearer("agent"))).toEqual(["getOrder"]);
  expect(await seenBy(bearer("owner"))).toEqual(["getOrder", "refundOrder", "closeShop"]);
  expect(await seenBy({ cookie: "sid=s1" })).toEqual(["getOrder", "refundOrder"]);
  expect(await (await shop.get("/mcp/docs", bearer("agent"))).text()).not.toContain("refund it");
});

test("the page /mcp/docs shows the name of the server, and each tool with its schemas, scopes and approval", async () => {
  using folder = tempFolder();
  await using shop = await boot({ root: folder.root });
  const response = await shop.get("/mcp/docs", bearer("owner"));
  expect(Object.fromEntries(response.headers)).toMatchObject({
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "content-security-policy":
      "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  });
  const page = await response.text();
  expect(page).toContain("<h1>The shop</h1>");
  expect(page).toContain(`<code>${shop.base}/mcp</code>`);
  expect(page).toContain("Find the order first.\nThen refund &lt;it&gt;.");
  const [getOrder = "", refundOrder = "", closeShop = ""] = page.split("<article ").slice(1);
  expect(getOrder).toContain("<h3>Order &amp; state <code>getOrder</code></h3>");
  expect(getOrder).toContain("Use it before &lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;.");
  expect(getOrder).toContain("readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false");
  expect(getOrder).toContain("<dt>Scopes</dt><dd>none</dd>");
  expect(getOrder).toContain("The &lt;id&gt; of the order");
  expect(getOrder).toContain("Output schema");
  expect(getOrder).not.toContain("needs approval");
  expect(refundOrder).toContain("<code>orders:refund</code>");
  expect(refundOrder).toContain("needs approval");
  expect(refundOrder).toContain("policy <code>finance</code>");
  expect(refundOrder).toContain("The tool has no output schema.");
  expect(closeShop).toContain("<dt>Roles</dt><dd><code>owner</code></dd>");
  expect(page).not.toMatch(/<script|<style|\son\w+=|style=/);
});

test("in quater dev, the page /mcp/docs shows all tools without a credential", async () => {
  using folder = tempFolder();
  await using shop = await boot({ root: folder.root, mode: "dev" });
  const page = await (await shop.get("/mcp/docs")).text();
  expect(toolsIn(page)).toEqual(["getOrder", "refundOrder", "closeShop"]);
  expect(page).toContain("All tools, because the server runs for development.");
});

test("mcp({ docs: false }) turns the page /mcp/docs off, and the page answers other methods than GET with 405", async () => {
  using folder = tempFolder();
  {
    await using shop = await boot({ root: folder.root });
    expect(shop.app.services.get(httpRef).mounted).toContain("GET /mcp/docs");
    const posted = await fetch(`${shop.base}/mcp/docs`, { method: "POST", headers: bearer("owner") });
    expect([posted.status, posted.headers.get("allow")]).toEqual([405, "HEAD, GET, OPTIONS"]);
  }
  await using shop = await boot({ root: folder.root, docs: false });
  expect((await shop.get("/mcp/docs", bearer("owner"))).status).toBe(404);
  expect((await shop.get("/mcp/docs/style.css", bearer("owner"))).status).toBe(404);
  expect(shop.app.services.get(httpRef).mounted).not.toContain("GET /mcp/docs");
});

test("the page /mcp/docs accepts the credentials of mcp() in a server whose http() authenticates nobody", async () => {
  await using app = await bootTest({
    handlers: { getOrder: handlers.getOrder },
    expose: { getOrder: { mcp: true } },
    plugins: [http({ port: 0 }), mcp({ authenticate: agents })],
  });
  const page = `${app.services.get(httpRef).baseUrl}/mcp/docs`;
  expect((await fetch(page)).status).toBe(401);
  const shown = await fetch(page, { headers: bearer("agent") });
  expect([shown.status, toolsIn(await shown.text())]).toEqual([200, ["getOrder"]]);
});
