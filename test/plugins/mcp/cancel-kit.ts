// Sessions, cancellations and closed connections of MCP clients of the revisions of 2025 over HTTP.

import { request } from "node:http";
import type { TestApp } from "quater/testing";
import { headers, post, urlOf } from "./shop.ts";

export const initialize =
  '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}';

export const sessionOf = async (app: TestApp, token = "ana"): Promise<string> => {
  const { response } = await post(app, initialize, { authorization: `Bearer ${token}` });
  return response.headers.get("mcp-session-id") ?? "";
};

export const as = (token: string, session?: string): Record<string, string> => ({
  authorization: `Bearer ${token}`,
  ...(session === undefined ? {} : { "mcp-session-id": session }),
});

export const cancelled = (id: number | string = 7) =>
  `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${JSON.stringify(id)},"reason":"timeout"}}`;

/** Sends an MCP message by POST. @returns A function that closes the connection. */
export const callAndLeave = (app: TestApp, body: string, more: Readonly<Record<string, string>>): (() => void) => {
  const sending = request(urlOf(app), { method: "POST", headers: { ...headers, ...more }, agent: false });
  sending.on("error", () => {}); // The client closes the connection before the response.
  sending.end(body);
  return () => void sending.destroy();
};
