// What clients meet over HTTP, word for word: statuses, headers and bodies. http.json is the promise. A field that is renamed
// there breaks clients.

import { expect, test } from "vitest";
import { approvalIn, bootWire, pinned } from "./wire-kit.ts";

test("the HTTP requests in test/wire/http.json still get the answers that the file contains", async () => {
  await using wire = await bootWire();
  const seen: object[] = [];
  const ask = async (line: string, { token = "ana", body, headers = {} }: Asked = {}) => {
    const [method = "", path = ""] = line.split(" ");
    const answer = await fetch(wire.baseUrl + path, {
      method,
      headers: {
        ...(token === "" ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    const isJson = /^application\/(?:\w+\+)?json/.test(answer.headers.get("content-type") ?? "");
    const given = { token, ...headers, ...(body === undefined ? {} : { body }) };
    const { "content-length": _, ...sent } = Object.fromEntries(answer.headers); // differs with the length of numbers
    seen.push({ request: line, given, status: answer.status, headers: sent, body: isJson ? JSON.parse(text) : text });
    return text;
  };

  await ask("GET /orders/ord_1?limit=2");
  await ask("GET /orders/ord_1", { token: "" });
  await ask("GET /orders/ord_1", { token: "wrong" });
  await ask("GET /orders/ord_1", { token: "dan" });
  await ask("GET /orders/ord_1?limit=x&more=1");
  await ask("GET /nowhere");
  await ask("DELETE /orders/ord_1");
  await ask("POST /failures", { body: { how: "conflict" } });
  await ask("POST /failures", { body: { how: "busy" } });
  await ask("POST /failures", { body: { how: "bug" } });
  await ask("GET /numbers?to=1");
  await ask("GET /numbers?to=2");
  await ask("GET /numbers?to=2", { headers: { accept: "text/event-stream" } });
  await ask("GET /numbers?to=1", { headers: { accept: "text/event-stream" } });
  const payment = { to: "bo", cents: 5 };
  await ask("POST /__quater__/dry-run/pay", { body: payment });
  const id = approvalIn(await ask("POST /payments", { body: payment }));
  await ask(`GET /__quater__/approvals/${id}`);
  await ask(`GET /approvals/api/requests/${id}`, { token: "bea" });
  await wire.approve(id);
  await ask("POST /payments", { body: payment });
  await ask("POST /payments", { body: payment, headers: { "quater-approval": id } });
  const denied = approvalIn(await ask("POST /payments", { body: { to: "cy", cents: 6 } }));
  await wire.approve(denied, "deny");
  await ask("POST /payments", { body: { to: "cy", cents: 6 } });
  await ask("GET /health", { token: "" });
  await ask("GET /ready", { token: "" });
  await ask("GET /openapi.json");

  await expect(pinned(seen)).toMatchFileSnapshot("http.json");
});

interface Asked {
  readonly token?: string;
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
}
