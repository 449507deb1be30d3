// Calls the MCP surface from the outside, as a client does, for tests that compare surfaces. The JSON text of the input is sent
// unchanged, because a test may send text that a parser would change or refuse.

import { PassThrough } from "node:stream";
import type { Catalog, Probe, ProbeAnswer, ProbeCall } from "../../core/plugin-api.ts";
import { outputSchemaFor } from "./schema.ts";
import type { McpService } from "./service.ts";
import { tokenVariable } from "./stdio.ts";

/** Makes calls over a pair of streams, with one session per call. A call without a token comes from the local user. */
export const stdioProbe =
  (service: McpService, catalog: Catalog): Probe =>
  async (call) => {
    const input = new PassThrough();
    const output = new PassThrough();
    input.end(`${requestFor(call)}\n`);
    const env = call.token === undefined ? {} : { [tokenVariable]: call.token };
    await service.serveStdio({ input, output, env, say: () => {} });
    return answerOf(String(output.read()), call, catalog);
  };

/** Makes calls with `POST /mcp`. */
export const httpProbe =
  (baseUrl: string, catalog: Catalog): Probe =>
  async (call) => {
    const response = await fetch(`${baseUrl}/mcp`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        ...(call.token === undefined ? {} : { authorization: `Bearer ${call.token}` }),
      },
      body: requestFor(call),
    });
    return answerOf(await response.text(), call, catalog);
  };

const requestFor = ({ handler, input, approvalId }: ProbeCall): string => {
  const json = "json" in input ? input.json : JSON.stringify(input.text);
  const meta = approvalId === undefined ? "" : `,"_meta":${JSON.stringify({ "quater/approval": { id: approvalId } })}`;
  const params = `{"name":${JSON.stringify(handler)},"arguments":${json}${meta}}`;
  return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`;
};

interface Said {
  readonly code?: string;
  readonly message?: string;
  readonly errors?: readonly { path: string; message: string }[];
}

interface Message {
  readonly error?: { readonly message: string; readonly data?: Said };
  readonly result?: {
    readonly isError?: boolean;
    readonly content: readonly { readonly text: string }[];
    readonly structuredContent?: Readonly<Record<string, unknown>>;
    readonly _meta: Readonly<Record<string, Said>>;
  };
  /** The code in the problem details (RFC 9457) of a refusal by the HTTP server itself. */
  readonly code?: string;
  readonly detail?: string;
}

const answerOf = (text: string, call: ProbeCall, catalog: Catalog): ProbeAnswer => {
  const { error, result, code, detail } = JSON.parse(text) as Message;
  if (result === undefined) {
    const said: Said =
      error === undefined ? { code: code ?? "", message: detail ?? "" } : { message: error.message, ...error.data };
    return failure(said);
  }
  if (result.isError === true) return failure(result._meta["quater/error"] ?? {});
  const operation = catalog.get(call.handler);
  if (operation?.output === undefined) return { ok: true, value: JSON.parse(result.content[0]?.text ?? "null") };
  const { wrapping } = outputSchemaFor(operation.output, operation.isStream);
  return { ok: true, value: wrapping === "none" ? result.structuredContent : result.structuredContent?.["result"] };
};

const failure = ({ code = "", message = "", errors = [] }: Said): ProbeAnswer => ({ ok: false, code, message, errors });
