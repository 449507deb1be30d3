// What agents meet over MCP, word for word: results, `_meta` and errors. mcp.json is the promise.

import { expect, test } from "vitest";
import { approvalIn, bootWire, pinned } from "./wire-kit.ts";

test("the MCP messages in test/wire/mcp.json still get the stored answers", async () => {
  await using wire = await bootWire();
  const seen: object[] = [];
  let n = 0;
  const ask = async (method: string, params?: object, token = "ana") => {
    const message = { jsonrpc: "2.0", id: ++n, method, ...(params === undefined ? {} : { params }) };
    const answer = await fetch(`${wire.baseUrl}/mcp`, {
      method: "POST",
      headers: {
        ...(token === "" ? {} : { authorization: `Bearer ${token}` }),
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
      },
      body: JSON.stringify(message),
    });
    const text = await answer.text();
    const type = answer.headers.get("content-type") ?? "";
    const challenge = answer.headers.get("www-authenticate");
    const body: unknown = type.startsWith("application/json")
      ? JSON.parse(text)
      : [...text.matchAll(/^data: (.+)$/gm)].map(([, data = "null"]) => JSON.parse(data) as unknown);
    seen.push({ token, message, status: answer.status, type, ...(challenge === null ? {} : { challenge }), body });
    return text;
  };
  const call = (name: string, input: object, meta?: object, token?: string) =>
    ask("tools/call", { name, arguments: input, ...(meta === undefined ? {} : { _meta: meta }) }, token);

  await ask("initialize", { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "wire", version: "1" } });
  await ask("ping");
  await ask("tools/list");
  await ask("tools/none");
  await ask("tools/list", undefined, "");
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
