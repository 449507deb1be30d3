// Clients that send `subscriptions/listen`, and an app whose callers can lose their rights.

import { http } from "quater/http";
import { mcp, mcpRef } from "quater/mcp";
import { principal, type TestApp, tokens } from "quater/testing";
import type { TestBoot } from "../../../core/testing/index.ts";
import { boot } from "./offered-shop.ts";
import { headers, urlOf } from "./shop.ts";

const version = "2026-07-28";
const subscription = "io.modelcontextprotocol/subscriptionId";

export const listenText = (uris: unknown, id = 7): string =>
  JSON.stringify({
    jsonrpc: "2.0",
    id,
    method: "subscriptions/listen",
    params: {
      notifications: { resourceSubscriptions: uris },
      _meta: { "io.modelcontextprotocol/protocolVersion": version, "io.modelcontextprotocol/clientCapabilities": {} },
    },
  });

/** Boots an app with callers. A test can change `callers`, and remove callers from it. */
export const bootListening = async (more: Partial<TestBoot> & { readonly heartbeatMs?: number } = {}) => {
  const callers = {
    ana: principal({ subject: "ana", scopes: ["costs"] }),
    ben: principal({ subject: "ben", roles: ["auditor"] }),
  };
  const { heartbeatMs = 600_000, plugins = [], ...others } = more;
  const own = [http({ port: 0, authenticate: tokens(callers) }), mcp({ authenticate: tokens(callers), heartbeatMs })];
  const app = await boot({ ...others, plugins: [...plugins, ...own] });
  return {
    app,
    callers: callers as Record<string, (typeof callers)["ana"]>,
    updated: (uri: string) => app.services.get(mcpRef).updated(uri),
  };
};

export interface Heard {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly uri?: string };
  readonly result?: object;
  readonly error?: { readonly code: number; readonly data?: { readonly code: string } };
}

/** Sends `subscriptions/listen` over HTTP, and returns functions that read the stream. */
export const listen = async (app: TestApp, uris: unknown, token = "ana", accept = headers.accept) => {
  const leaving = new AbortController();
  const response = await fetch(urlOf(app), {
    method: "POST",
    headers: {
      ...headers,
      accept,
      authorization: `Bearer ${token}`,
      "mcp-protocol-version": version,
      "mcp-method": "subscriptions/listen",
    },
    body: listenText(uris),
    signal: leaving.signal,
  });
  const events = eventsOf(response);
  const next = async (): Promise<string | undefined> => (await events.next()).value;
  return {
    response,
    /** Returns the next message of the stream, without comments. `undefined` at the end of the stream. */
    next: async (): Promise<Heard | undefined> => {
      for (let event = await next(); event !== undefined; event = await next())
        if (!event.startsWith(":")) return JSON.parse(event.replace("event: message\ndata: ", "")) as Heard;
      return undefined;
    },
    nextComment: async (): Promise<string | undefined> => {
      for (let event = await next(); event !== undefined; event = await next()) if (event.startsWith(":")) return event;
      return undefined;
    },
    leave: () => leaving.abort(),
  };
};

async function* eventsOf({ body }: Response): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const part of body ?? []) {
    text += decoder.decode(part as Uint8Array, { stream: true });
    const events = text.split("\n\n");
    text = events.pop() ?? "";
    yield* events;
  }
  if (text !== "") yield text;
}

const meta = { [subscription]: 7 };
export const acknowledged = (...uris: string[]) => ({
  jsonrpc: "2.0",
  method: "notifications/subscriptions/acknowledged",
  params: { _meta: meta, notifications: uris.length === 0 ? {} : { resourceSubscriptions: uris } },
});
export const update = (uri: string) => ({
  jsonrpc: "2.0",
  method: "notifications/resources/updated",
  params: { _meta: meta, uri },
});
export const ended = {
  jsonrpc: "2.0",
  id: 7,
  result: {
    resultType: "complete",
    _meta: { "io.modelcontextprotocol/serverInfo": { name: "test", version: "0.0.0" }, ...meta },
  },
};
