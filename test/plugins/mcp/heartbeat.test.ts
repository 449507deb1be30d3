// M5: proxies end connections on which no byte arrives for a minute, so a call that takes long sends comments.

import { http } from "quater/http";
import { mcp } from "quater/mcp";
import { tokens } from "quater/testing";
import { expect, test } from "vitest";
import { boot, callText, headers, people, post, urlOf, waiting } from "./shop.ts";

const beating = (heartbeatMs: number) => [
  http({ port: 0, authenticate: tokens(people) }),
  mcp({ authenticate: tokens(people), heartbeatMs }),
];

test("M5: the MCP server answers a silent call with an event stream that has comments and then the result", async () => {
  const { wait, started, release } = waiting();
  await using app = await boot({ handlers: { wait }, plugins: beating(20) });
  const call = fetch(urlOf(app), {
    method: "POST",
    headers: { ...headers, authorization: "Bearer ana" },
    body: callText("wait"),
  });
  await started;
  const response = await call; // The headers arrive while the handler still waits.
  expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
  let text = "";
  const decoder = new TextDecoder();
  for await (const part of response.body ?? []) {
    text += decoder.decode(part as Uint8Array, { stream: true });
    if (text.split(": keep-alive\n\n").length > 3) release();
  }
  const [answer, ...comments] = text.split("\n\n").filter(Boolean).reverse();
  expect(comments.length).toBeGreaterThanOrEqual(3);
  expect(new Set(comments)).toEqual(new Set([": keep-alive"]));
  expect(JSON.parse(answer?.replace("event: message\ndata: ", "") ?? "")).toMatchObject({ id: 7, result: {} });
});

test("M5: an MCP call that ends before the first comment is due gets plain JSON", async () => {
  await using app = await boot({ plugins: beating(600_000) });
  const { response, rpc } = await post(app, callText("add", '{"a":1}'));
  expect(response.headers.get("content-type")).toBe("application/json");
  expect(rpc).toMatchObject({ id: 7, result: { structuredContent: { sum: 2 } } });
});

test("M5: the event stream of an MCP call with progress begins with the progress", async () => {
  await using app = await boot({ plugins: beating(20) });
  const { text } = await post(app, callText("steps", "{}", ',"_meta":{"progressToken":1}'));
  expect(text).toMatch(/^event: message\n/);
});
