// Calls of a tool that needs approval, in revision 2026-07-28: the first call, and the repetitions of the call with the user's
// answer.

import type { TestApp } from "quater/testing";
import { expect } from "vitest";
import type { Till } from "./approval-till-kit.ts";
import { headers, type Rpc, urlOf } from "./shop.ts";

export * from "./approval-till-kit.ts";

export const toBo = { to: "Bo", cents: 5 };

export interface Repetition {
  readonly requestState?: unknown;
  readonly inputResponses?: unknown;
}

export interface CallGiven extends Repetition {
  readonly name?: string;
  readonly values?: object;
  readonly capabilities?: object;
  readonly meta?: object;
}

/** Returns the text of a `tools/call` of revision 2026-07-28. */
export const callOf = (given: CallGiven = {}): string => {
  const { name = "pay", values = toBo, capabilities = { elicitation: { url: {} } }, meta, ...repetition } = given;
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": capabilities,
    ...meta,
  };
  return JSON.stringify({
    jsonrpc: "2.0",
    id: 7,
    method: "tools/call",
    params: { name, arguments: values, _meta, ...repetition },
  });
};

export const headersOf = (name = "pay", token = "ana"): Record<string, string> => ({
  ...headers,
  authorization: `Bearer ${token}`,
  "mcp-protocol-version": "2026-07-28",
  "mcp-method": "tools/call",
  "mcp-name": name,
});

export interface Answered {
  /** The HTTP status of the response. */
  readonly status?: number;
  readonly error?: Rpc["error"];
  readonly result?: Rpc["result"] & {
    readonly resultType: string;
    readonly requestState?: string;
    readonly inputRequests?: {
      readonly approval: { readonly method: string; readonly params: Readonly<Record<string, string>> };
    };
  };
}

export const call = async (app: TestApp, given: CallGiven = {}, token = "ana"): Promise<Answered> => {
  const response = await fetch(urlOf(app), { method: "POST", headers: headersOf(given.name, token), body: callOf(given) });
  return { ...(JSON.parse(jsonIn(await response.text())) as Answered), status: response.status };
};

/** Returns the MCP message in a response: the last event of a stream, or the whole body. */
const jsonIn = (text: string): string =>
  text
    .split("\n")
    .findLast((line) => line.startsWith("data: "))
    ?.slice(6) ?? text;

export const yes = { inputResponses: { approval: { action: "accept" } } };

/**
 * Makes the first call. @returns The id of the approval request, and the repetition in which the user agrees to open the page.
 */
export const asked = async (app: TestApp, given: CallGiven = {}): Promise<{ id: string; again: Repetition & CallGiven }> => {
  const { result } = await call(app, given);
  expect(result?.resultType).toBe("input_required");
  const { requestState = "" } = result ?? {};
  return { id: idIn(result?.inputRequests?.approval.params["url"]), again: { ...given, ...yes, requestState } };
};

export const idIn = (text = ""): string => /apr_[a-z2-7]{20}/.exec(text)?.[0] ?? "";

/**
 * Resolves when the server holds a repeated call. The server has then checked the credential of the call twice: for the call, and
 * for the first read of the approval request.
 */
export const whenHeld = (till: Till, before: number): Promise<void> =>
  expect.poll(till.checks, { interval: 5 }).toBeGreaterThanOrEqual(before + 2);
