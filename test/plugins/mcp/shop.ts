// A small backend for the tests of the MCP surface, and functions that send requests without a client library, which could
// correct the requests.

import { PassThrough } from "node:stream";
import { http, httpRef } from "quater/http";
import { mcp, mcpRef } from "quater/mcp";
import { bootTest, principal, type TestApp, tokens } from "quater/testing";
import type { TestBoot } from "../../../core/testing/index.ts";
import { handlers } from "./shop-handlers.ts";

export * from "./shop-handlers.ts";

export const people = {
  ana: principal({ subject: "ana", scopes: ["wipe"] }),
  ben: principal({ subject: "ben", roles: ["auditor"] }),
};

const exposed = (table: TestBoot["handlers"]) =>
  Object.fromEntries(Object.keys(table).map((name) => [name, name === "hidden" ? { http: "GET /hidden" } : { mcp: true }]));

/** Boots the shop with MCP on both transports. */
export const boot = (more: Partial<TestBoot> = {}): Promise<TestApp> => {
  const table = more.handlers ?? handlers;
  return bootTest({
    expose: exposed(table),
    plugins: [http({ port: 0, authenticate: tokens(people) }), mcp({ authenticate: tokens(people) })],
    ...more,
    handlers: table,
  });
};

export const urlOf = (app: TestApp): string => {
  const { baseUrl } = app.services.get(httpRef);
  if (baseUrl === undefined) throw new Error("http does not listen");
  return `${baseUrl}/mcp`;
};

export interface Rpc {
  readonly id?: string | number;
  readonly method?: string;
  readonly params?: { progressToken?: unknown; progress?: number; message?: string; total?: number };
  readonly error?: { code: number; message: string; data?: { code: string; errors?: unknown[]; callId?: string } };
  readonly result?: {
    isError?: boolean;
    content?: { type: string; text: string }[];
    structuredContent?: unknown;
    tools?: { name: string; annotations: Record<string, boolean>; inputSchema: unknown; outputSchema?: unknown }[];
    protocolVersion?: string;
    _meta?: Record<string, { code: string; callId: string; errors: unknown[] } & string>;
  };
}

export const headers = { "content-type": "application/json", accept: "application/json, text/event-stream" };

/** Sends a POST request with exactly this body. */
export const post = async (
  app: TestApp,
  body: string,
  more: Readonly<Record<string, string>> = { authorization: "Bearer ana" },
) => {
  const response = await fetch(urlOf(app), { method: "POST", headers: { ...headers, ...more }, body });
  const text = await response.text();
  const isJson = response.headers.get("content-type") === "application/json";
  return { response, text, rpc: (isJson ? JSON.parse(text) : undefined) as Rpc };
};

/** @param input  JSON text, which is sent unchanged. */
export const callText = (name: string, input = "{}", more = ""): string =>
  `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"${name}","arguments":${input}${more}}}`;

/** An open stdio session over a pair of streams in memory. */
export const session = (app: TestApp, token?: string) => {
  const input = new PassThrough();
  const output = new PassThrough();
  const said: string[] = [];
  const service = app.services.get(mcpRef);
  const ended = service.serveStdio({
    input,
    output,
    env: token === undefined ? {} : { QUATER_MCP_TOKEN: token },
    say: (text) => said.push(text),
  });
  const lines = linesOf(output);
  return {
    said,
    ended,
    input,
    write: (text: string) => void input.write(`${text}\n`),
    next: async (): Promise<Rpc> => {
      const { value, done } = await lines.next();
      if (done === true) throw new Error("The session ended");
      return JSON.parse(value) as Rpc;
    },
    /** Ends the input and returns the remaining output. */
    end: async (): Promise<Rpc[]> => {
      input.end();
      await ended;
      output.end();
      const rest: Rpc[] = [];
      for await (const line of lines) rest.push(JSON.parse(line) as Rpc);
      return rest;
    },
  };
};

async function* linesOf(output: PassThrough): AsyncGenerator<string> {
  let text = "";
  for await (const chunk of output) {
    text += String(chunk);
    const parts = text.split("\n");
    text = parts.pop() ?? "";
    yield* parts;
  }
}
