// Subscriptions to resources: `subscriptions/listen` of revision 2026-07-28, and `resources/subscribe` over stdio.

import { setImmediate } from "node:timers/promises";
import { audit, store } from "quater/plugins";
import { principal } from "quater/testing";
import { describe, expect, test } from "vitest";
import { Listener } from "../../../plugins/mcp/answering/listener.ts";
import { storeRef } from "../../../plugins/store/service.ts";
import { onBothDialects } from "../approval/dialects-kit.ts";
import { ask, askModern, boot } from "./offered-shop.ts";
import { session } from "./shop.ts";
import { acknowledged, bootListening, ended, listen, listenText, update } from "./subscription-kit.ts";

test("the MCP server declares subscriptions in server/discover, and in initialize only over stdio", async () => {
  await using app = await boot();
  const capabilities = { tools: {}, prompts: {}, completions: {} };
  const discovered = (await askModern(app, "server/discover")).result;
  expect(discovered).toMatchObject({ capabilities: { ...capabilities, resources: { subscribe: true } } });
  const handshake = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "t", version: "1" } };
  const overHttp = (await ask(app, "initialize", handshake)).result;
  expect(overHttp?.["capabilities"]).toEqual({ ...capabilities, resources: {} });
  expect((await ask(app, "resources/subscribe", { uri: "shop://terms" })).error).toMatchObject({ code: -32601 });
  const stdio = session(app, "ana");
  stdio.write(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params: handshake }));
  expect(await stdio.next()).toMatchObject({ result: { capabilities: { resources: { subscribe: true } } } });
  await stdio.end();
});

test("an MCP client that listens gets one notification for each change of its resources until the server stops", async () => {
  const { app, updated } = await bootListening();
  await using _app = app;
  const stream = await listen(app, ["order://1", "shop://terms", "order://1"]);
  expect([stream.response.status, stream.response.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
  expect(await stream.next()).toEqual(acknowledged("order://1", "shop://terms"));
  updated("order://2");
  updated("shop://terms");
  expect(await stream.next()).toEqual(update("shop://terms"));
  updated("order://1");
  expect(await stream.next()).toEqual(update("order://1"));
  const stopping = app.stop();
  expect(await stream.next()).toEqual(ended);
  expect(await stream.next()).toBeUndefined();
  await stopping;
});

test("the acknowledgement of an MCP subscription omits a resource that the caller may not read", async () => {
  const { app } = await bootListening();
  await using _app = app;
  const stream = await listen(app, ["shop://nothing", "shop://audit", "costs://1", "order://1/lines/x", "shop://terms"], "ben");
  expect(await stream.next()).toEqual(acknowledged("shop://audit", "shop://terms"));
  stream.leave();
  const nothing = await listen(app, ["shop://nothing", "shop://audit", "order://1/lines/x"]);
  expect(await nothing.next()).toEqual(acknowledged());
  expect(await nothing.next()).toEqual(ended);
});

test("an MCP client whose caller lost its role gets no notification, and the stream of the client ends", async () => {
  const { app, callers, updated } = await bootListening();
  await using _app = app;
  const stream = await listen(app, ["shop://audit", "shop://terms"], "ben");
  expect(await stream.next()).toEqual(acknowledged("shop://audit", "shop://terms"));
  updated("shop://audit");
  expect(await stream.next()).toEqual(update("shop://audit"));
  callers["ben"] = principal({ subject: "ben" });
  updated("shop://audit");
  expect(await stream.next()).toEqual(ended);
  expect(await stream.next()).toBeUndefined();
});

test("an MCP client whose credential was revoked gets no notification, and its stream ends with an error", async () => {
  const { app, callers, updated } = await bootListening();
  await using _app = app;
  const stream = await listen(app, ["shop://terms"]);
  expect(await stream.next()).toEqual(acknowledged("shop://terms"));
  delete callers["ana"];
  updated("shop://terms");
  expect(await stream.next()).toMatchObject({ id: 7, error: { code: -32001, data: { code: "invalid_token" } } });
  expect(await stream.next()).toBeUndefined();
});

test("a silent stream of MCP notifications has comments as heartbeats", async () => {
  const { app } = await bootListening({ heartbeatMs: 20 });
  await using _app = app;
  const stream = await listen(app, ["shop://terms"]);
  expect(await stream.next()).toEqual(acknowledged("shop://terms"));
  expect([await stream.nextComment(), await stream.nextComment()]).toEqual([": keep-alive", ": keep-alive"]);
  stream.leave();
});

test("at most 16 MCP clients of one caller may listen, and another client may listen after one of them has left", async () => {
  const { app } = await bootListening();
  await using _app = app;
  const streams = await Promise.all(Array.from({ length: 16 }, () => listen(app, ["shop://terms"])));
  for (const stream of streams) expect(await stream.next()).toEqual(acknowledged("shop://terms"));
  const refused = async () => {
    const { response, leave } = await listen(app, ["shop://terms"]);
    const isRefused = response.headers.get("content-type") === "application/json";
    const text = isRefused ? await response.text() : "";
    leave();
    return isRefused && text.includes("rate_limited");
  };
  expect(await refused()).toBe(true);
  const other = await listen(app, ["shop://terms"], "ben");
  expect(await other.next()).toEqual(acknowledged("shop://terms"));
  streams[0]?.leave();
  await expect.poll(refused, { interval: 20 }).toBe(false);
  for (const { leave } of [...streams, other]) leave();
});

test.for<readonly [what: string, uris: unknown, accept: string, status: number, error: object]>([
  [
    "too many URIs",
    Array.from({ length: 101 }, (_, at) => `order://${at}`),
    "application/json, text/event-stream",
    200,
    { code: -32602 },
  ],
  ["a URI that is not a text", [7], "application/json, text/event-stream", 200, { code: -32602 }],
  ["a text in place of a list", "shop://terms", "application/json, text/event-stream", 200, { code: -32602 }],
  ["an Accept without event streams", ["shop://terms"], "application/json", 406, { code: -32600 }],
])("the MCP server refuses a request to listen with $0", async ([, uris, accept, status, error], { expect }) => {
  const { app } = await bootListening();
  await using _app = app;
  const { response } = await listen(app, uris, "ana", accept);
  expect([response.status, await response.json()]).toMatchObject([status, { id: 7, error }]);
});

test("over stdio, an MCP client of 2025 gets notifications until it unsubscribes or loses its rights", async () => {
  const { app, callers, updated } = await bootListening();
  await using _app = app;
  const stdio = session(app, "ben");
  const send = (id: number, method: string, uri: unknown) =>
    stdio.write(JSON.stringify({ jsonrpc: "2.0", id, method, params: { uri } }));
  send(1, "resources/subscribe", "shop://audit");
  expect(await stdio.next()).toEqual({ jsonrpc: "2.0", id: 1, result: {} });
  send(2, "resources/subscribe", "shop://terms");
  expect(await stdio.next()).toEqual({ jsonrpc: "2.0", id: 2, result: {} });
  const notified = (uri: string) => ({ jsonrpc: "2.0", method: "notifications/resources/updated", params: { uri } });
  updated("shop://audit");
  expect(await stdio.next()).toEqual(notified("shop://audit"));
  send(3, "resources/unsubscribe", "shop://terms");
  expect(await stdio.next()).toEqual({ jsonrpc: "2.0", id: 3, result: {} });
  updated("shop://terms");
  callers["ben"] = principal({ subject: "ben" });
  updated("shop://audit");
  callers["ben"] = principal({ subject: "ben", roles: ["auditor"] });
  send(4, "resources/subscribe", "shop://logo");
  expect(await stdio.next()).toMatchObject({ id: 4 });
  updated("shop://audit"); // The subscription ended when the caller had no right.
  updated("shop://logo");
  expect(await stdio.next()).toEqual(notified("shop://logo"));
  expect(await stdio.end()).toEqual([]);
});

test("over stdio, a subscription to an MCP resource that the caller may not read gets the unknown resource error", async () => {
  const { app } = await bootListening();
  await using _app = app;
  const stdio = session(app, "ana");
  const refused = async (uri: unknown) => {
    stdio.write(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "resources/subscribe", params: { uri } }));
    return (await stdio.next()).error;
  };
  const unknown = (uri: string) => ({
    code: -32002,
    message: "No resource has this URI",
    data: { code: "unknown_handler", callId: expect.any(String), errors: [], uri },
  });
  for (const uri of ["shop://nothing", "shop://audit", "order://1/lines/x"]) expect(await refused(uri)).toEqual(unknown(uri));
  expect(await refused(7)).toMatchObject({ code: -32602 });
  await stdio.end();
});

test("over stdio, a stream of MCP notifications ends without an answer after a cancellation by the client", async () => {
  const { app, updated } = await bootListening();
  await using _app = app;
  const stdio = session(app, "ana");
  stdio.write(listenText(["shop://terms"], 7));
  expect(await stdio.next()).toEqual(acknowledged("shop://terms"));
  updated("shop://terms");
  expect(await stdio.next()).toEqual(update("shop://terms"));
  stdio.write('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}');
  stdio.write('{"jsonrpc":"2.0","id":8,"method":"ping"}');
  expect(await stdio.next()).toMatchObject({ id: 8 });
  updated("shop://terms");
  stdio.write(listenText(["shop://terms"], 7));
  expect(await stdio.next()).toEqual(acknowledged("shop://terms"));
  expect(await stdio.end()).toEqual([ended]);
});

test("an MCP client that does not read gets one notification for many changes of a resource", async () => {
  let read = () => {};
  const reading = new Promise<void>((resolve) => {
    read = resolve;
  });
  const sent: string[] = [];
  let isBehind = true;
  const notifier = {
    isGone: false,
    canSend: true,
    get isBehind() {
      return isBehind;
    },
    send: (message: string) => void sent.push(message),
    caughtUp: () => reading,
  };
  const listener = new Listener<string>({ notifier, notification: async (uri) => uri });
  for (const uri of ["a:1", "a:2", "a:3"]) listener.watch(uri, "ana");
  for (let count = 0; count < 10_000; count++) for (const uri of ["a:1", "a:2", "a:4"]) listener.changed(uri);
  isBehind = false;
  read();
  await setImmediate();
  expect(sent).toEqual(["a:1", "a:2"]);
  listener.changed("a:3");
  await setImmediate();
  expect(sent).toEqual(["a:1", "a:2", "a:3"]);
});

describe("instances with one store share changes of MCP resources", () => {
  onBothDialects((claim) => {
    claim(
      "a change of an MCP resource that one instance reports reaches the subscribers of other instances",
      async ({ root, url }) => {
        const plugins = () => [store({ ...(url === undefined ? {} : { url }), mayLoseCommits: true }), audit()];
        const one = await bootListening({ root, plugins: plugins() });
        await using _one = one.app;
        const two = await bootListening({ root, plugins: plugins() });
        await using _two = two.app;
        const stream = await listen(one.app, ["order://1", "shop://terms"]);
        expect(await stream.next()).toEqual(acknowledged("order://1", "shop://terms"));
        two.updated("order://2");
        two.updated("order://1");
        expect(await stream.next()).toEqual(update("order://1"));
        two.updated("order://1");
        expect(await stream.next()).toEqual(update("order://1"));
        two.updated("shop://terms");
        expect(await stream.next()).toEqual(update("shop://terms"));
        one.updated("order://1");
        expect(await stream.next()).toEqual(update("order://1"));
        two.updated("shop://terms");
        expect(await stream.next()).toEqual(update("shop://terms"));
        const stopping = one.app.stop();
        expect(await stream.next()).toEqual(ended);
        await stopping;
      },
    );

    claim("a change of an MCP resource that quater run reports reaches the subscribers of a server", async ({ root, url }) => {
      const plugins = () => [store({ ...(url === undefined ? {} : { url }), mayLoseCommits: true }), audit()];
      const { app } = await bootListening({ root, plugins: plugins() });
      await using _app = app;
      const stream = await listen(app, ["order://1"]);
      expect(await stream.next()).toEqual(acknowledged("order://1"));
      const { app: command, updated } = await bootListening({ root, mode: "run", plugins: plugins() });
      updated("order://1");
      await command.stop();
      expect(await stream.next()).toEqual(update("order://1"));
      stream.leave();
    });

    claim("the time columns of the tables of mcp() have an index", async ({ root, url }) => {
      const { app } = await bootListening({
        root,
        plugins: [store({ ...(url === undefined ? {} : { url }), mayLoseCommits: true }), audit()],
      });
      await using _app = app;
      const open = await app.services.get(storeRef).open();
      const sql =
        open.dialect === "sqlite"
          ? "select name, tbl_name as tab from sqlite_master where type = 'index' and name like 'mcp_%'"
          : "select indexname as name, tablename as tab from pg_indexes where indexname like 'mcp\\_%\\_at'";
      const rows = await open.read<{ name: string; tab: string }>({ sql, parameters: [] });
      expect(rows.map(({ name, tab }) => `${tab} ${name}`).sort()).toEqual([
        "mcp_cancelled mcp_cancelled_at",
        "mcp_updated mcp_updated_at",
      ]);
    });
  });
});
