// What agents meet over MCP, word for word: results, `_meta` and errors. mcp.json and mcp-2026.json are the promise.

import { expect, test } from "vitest";
import { offers } from "./offers.ts";
import { approvalIn, bootWire, pinned } from "./wire-kit.ts";

/** Sends messages one after the other, and stores each message with its answer in `seen`. */
const asker = (baseUrl: string) => {
  const seen: object[] = [];
  const ask = async (
    method: string,
    params?: object,
    { token = "ana", headers = {} }: { readonly token?: string; readonly headers?: Readonly<Record<string, string>> } = {},
  ) => {
    const message = { jsonrpc: "2.0", id: seen.length + 1, method, ...(params === undefined ? {} : { params }) };
    const answer = await fetch(`${baseUrl}/mcp`, {
      method: "POST",
      headers: {
        ...(token === "" ? {} : { authorization: `Bearer ${token}` }),
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        ...headers,
      },
      body: JSON.stringify(message),
    });
    const text = await answer.text();
    const type = answer.headers.get("content-type") ?? "";
    const challenge = answer.headers.get("www-authenticate");
    const body: unknown = type.startsWith("application/json")
      ? JSON.parse(text)
      : [...text.matchAll(/^data: (.+)$/gm)].map(([, data = "null"]) => JSON.parse(data) as unknown);
    const session = answer.headers.has("mcp-session-id") ? { session: "<session>" } : {};
    seen.push({ token, message, status: answer.status, type, ...session, ...(challenge === null ? {} : { challenge }), body });
    return text;
  };
  return { seen, ask };
};

test("the MCP messages in test/wire/mcp.json still get the answers that the file contains", async () => {
  await using wire = await bootWire();
  const { seen, ask } = asker(wire.baseUrl);
  const call = (name: string, input: object, meta?: object, token = "ana") =>
    ask("tools/call", { name, arguments: input, ...(meta === undefined ? {} : { _meta: meta }) }, { token });

  await ask("initialize", { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "wire", version: "1" } });
  await ask("ping");
  await ask("tools/list");
  await ask("tools/none");
  await ask("tools/list", undefined, { token: "" });
  await call("getOrder", { orderId: "ord_1" });
  await call("getOrder", { orderId: "ord_1" }, undefined, "wrong");
  await call("getOrder", { orderId: "ord_1" }, undefined, "dan");
  await call("getOrder", { orderId: 1, more: 2 });
  await call("nothing", {});
  for (const how of ["conflict", "busy", "bug"]) await call("fail", { how });
  await call("count", { to: 1 });
  await call("count", { to: 1 }, { progressToken: "p" });
  await call("steps", {}, { progressToken: "p" });
  const payment = { to: "bo", cents: 5 };
  await call("pay", payment, { "quater/dryRun": true });
  const id = approvalIn(await call("pay", payment));
  await wire.approve(id);
  await call("pay", payment);
  await call("pay", payment, { "quater/approval": { id } });
  const denied = approvalIn(await call("pay", { to: "cy", cents: 6 }));
  await wire.approve(denied, "deny");
  await call("pay", { to: "cy", cents: 6 });

  await expect(pinned(seen)).toMatchFileSnapshot("mcp.json");
});

test("the MCP messages of revision 2026-07-28 in test/wire/mcp-2026.json still get the answers in the file", async () => {
  await using wire = await bootWire(offers);
  const { seen, ask } = asker(wire.baseUrl);
  const version = "2026-07-28";
  const send = (method: string, params: Readonly<Record<string, unknown>> = {}, capabilities: object = {}, token = "ana") => {
    const named = String(params["name"] ?? params["uri"] ?? "");
    const headers = { "mcp-protocol-version": version, "mcp-method": method, ...(named === "" ? {} : { "mcp-name": named }) };
    const meta = {
      "io.modelcontextprotocol/protocolVersion": version,
      "io.modelcontextprotocol/clientCapabilities": capabilities,
    };
    return ask(method, { ...params, _meta: meta }, { token, headers });
  };
  const call = (name: string, input: object, capabilities?: object) =>
    send("tools/call", { name, arguments: input }, capabilities);

  await send("server/discover");
  await send("tools/list");
  await send("tools/none");
  await call("getOrder", { orderId: "ord_1" });
  await call("getOrder", { orderId: 1, more: 2 });
  await call("nothing", {});
  await send("resources/templates/list");
  for (const id of ["ord_1", "ord_9"]) await send("resources/read", { uri: `order://${id}` });
  await send("resources/read", { uri: "order://ord_1" }, {}, "dan");
  await send("resources/read", { uri: "nothing://1" });
  await send("prompts/list");
  await send("prompts/get", { name: "summarise", arguments: { orderId: "ord_1", tone: "kind" } });
  await send("prompts/get", { name: "summarise", arguments: { orderId: "ord_1", tone: "long" } });
  const argument = { name: "tone", value: "s" };
  await send("completion/complete", { ref: { type: "ref/prompt", name: "summarise" }, argument });
  await call("pay", { to: "bo", cents: 5 });
  await call("pay", { to: "bo", cents: 5 }, { elicitation: { url: {} } });

  await expect(pinned(seen)).toMatchFileSnapshot("mcp-2026.json");
});
