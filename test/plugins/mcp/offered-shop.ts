// A backend with resources and prompts, and requests in both eras of the protocol.

import { http } from "quater/http";
import { mcp } from "quater/mcp";
import { bootTest, principal, type TestApp, tokens } from "quater/testing";
import type { TestBoot } from "../../../core/testing/index.ts";
import { expose, handlers } from "./offered-handlers.ts";
import { post, session } from "./shop.ts";

export const people = {
  ana: principal({ subject: "ana", scopes: ["costs"] }),
  ben: principal({ subject: "ben", roles: ["auditor"] }),
  cem: principal({ subject: "cem" }),
};

export const boot = (more: Partial<TestBoot> = {}): Promise<TestApp> =>
  bootTest({
    handlers,
    expose,
    plugins: [http({ port: 0, authenticate: tokens(people) }), mcp({ authenticate: tokens(people) })],
    ...more,
  });

const version = "2026-07-28";
const claim = {
  "io.modelcontextprotocol/protocolVersion": version,
  "io.modelcontextprotocol/clientCapabilities": {},
};

export interface Said {
  readonly status: number;
  readonly challenge: string | null;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: Record<string, unknown> };
}

/** Sends a request of the revisions of 2025. */
export const ask = async (app: TestApp, method: string, params: object = {}, token = "ana"): Promise<Said> => {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 7, method, params });
  const { response, text } = await post(app, body, { authorization: `Bearer ${token}` });
  const { result, error } = JSON.parse(text) as Said;
  return {
    status: response.status,
    challenge: response.headers.get("www-authenticate"),
    ...(result && { result }),
    ...(error && { error }),
  };
};

/** Sends a request of revision 2026-07-28. */
export const askModern = async (
  app: TestApp,
  method: string,
  params: object = {},
  token = "ana",
  meta: object = {},
): Promise<Said> => {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 7, method, params: { ...params, _meta: { ...claim, ...meta } } });
  const name = "name" in params ? params.name : "uri" in params ? params.uri : undefined;
  const { response, text } = await post(app, body, {
    authorization: `Bearer ${token}`,
    "mcp-protocol-version": version,
    "mcp-method": method,
    ...(name === undefined ? {} : { "mcp-name": String(name) }),
  });
  const { result, error } = JSON.parse(text) as Said;
  return {
    status: response.status,
    challenge: response.headers.get("www-authenticate"),
    ...(result && { result }),
    ...(error && { error }),
  };
};

/** Sends a request of the revisions of 2025 over stdio. */
export const askStdio = async (app: TestApp, method: string, params: object = {}, token = "ana"): Promise<object> => {
  const stdio = session(app, token);
  stdio.write(JSON.stringify({ jsonrpc: "2.0", id: 7, method, params }));
  const answer = await stdio.next();
  await stdio.end();
  return answer;
};
