// The trace id of the caller on the trail: from the header of a request, and from `_meta` of an MCP message.

import { authenticated, handler, Type } from "quater";
import { httpRef } from "quater/http";
import { http, mcp } from "quater/plugins";
import { principal, tokens } from "quater/testing";
import { expect, test } from "vitest";
import { bootWithTrail, eventsIn, tempFolder } from "../audit/kit.ts";

const inHeader = "4bf92f3577b34da6a3ce929d0e0e4736";
const inMessage = "0af7651916cd43dd8448eb211c80319c";
const parent = (trace: string) => `00-${trace}-00f067aa0ba902b7-01`;
const change = handler({
  description: "Changes it.",
  effect: "write",
  input: Type.Object({ id: Type.String({ maxLength: 3 }) }),
  auth: authenticated,
  handle: ({ id }) => ({ id }),
});

test("every event of an MCP call contains the trace id of a valid traceparent, and no invalid traceparent", async () => {
  using folder = tempFolder();
  const who = tokens({ ana: principal() });
  const app = await bootWithTrail({
    root: folder.root,
    handlers: { change },
    expose: { change: { http: "POST /things", mcp: true } },
    plugins: [http({ port: 0, authenticate: who }), mcp({ authenticate: who })],
  });
  const { baseUrl } = app.services.get(httpRef);
  const headers = { "content-type": "application/json", accept: "application/json, text/event-stream" };
  const post = (path: string, body: object, traceparent: string, token = "ana") =>
    fetch(`${baseUrl}${path}`, {
      method: "POST",
      headers: { ...headers, authorization: `Bearer ${token}`, traceparent },
      body: JSON.stringify(body),
    });
  const tool = (meta: object) => ({
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: { name: "change", arguments: { id: "c" }, _meta: meta },
  });
  const seen = async (act: () => Promise<Response>) => {
    const before = eventsIn(folder.root).length;
    const response = await act();
    await response.text();
    await expect.poll(() => eventsIn(folder.root).length).toBeGreaterThan(before);
    return eventsIn(folder.root)
      .slice(before)
      .filter(({ meta }) => /^(?:call|credential)\./.test(meta.type))
      .map(({ meta }) => [meta.type, meta.traceId]);
  };
  expect(await seen(() => post("/things", { id: "a" }, parent(inHeader)))).toEqual([
    ["call.started", inHeader],
    ["call.ended", inHeader],
  ]);
  expect(await seen(() => post("/things", { id: "a" }, parent("0".repeat(32))))).toEqual([
    ["call.started", undefined],
    ["call.ended", undefined],
  ]);
  expect(await seen(() => post("/things", { id: "too long" }, parent(inHeader)))).toEqual([["call.refused", inHeader]]);
  expect(await seen(() => post("/things", { id: "a" }, parent(inHeader), "eve"))).toEqual([["credential.failed", inHeader]]);
  expect(await seen(() => post("/mcp", tool({}), parent(inHeader)))).toEqual([
    ["call.started", inHeader],
    ["call.ended", inHeader],
  ]);
  expect(await seen(() => post("/mcp", tool({ traceparent: parent(inMessage) }), parent(inHeader)))).toEqual([
    ["call.started", inMessage],
    ["call.ended", inMessage],
  ]);
  await app.stop();
});
