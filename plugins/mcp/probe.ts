// Calls the MCP surface from the outside like a client, for tests that compare surfaces. A probe sends the JSON text of the input
// unchanged, because a test may send text that a JSON parser would change or refuse.

import { PassThrough } from "node:stream";
import { type Catalog, cannotSend, type Probe, type ProbeAnswer, type ProbeCall } from "../../core/plugin-api.ts";
import { isPlainObject } from "../../core/schema/schema.ts";
import { mcpKey, waysTo } from "./offers/exposure.ts";
import { outputSchemaFor } from "./offers/schema.ts";
import { isStructured } from "./offers/tools.ts";
import { isUriPattern, uriPatternOf } from "./offers/uri.ts";
import type { McpService } from "./service.ts";
import { tokenVariable } from "./transport/stdio.ts";

/**
 * Makes calls to the MCP surface over a pair of streams, with one stdio session per call. Without a token, the local user makes
 * the call.
 */
export const stdioProbe =
  (service: McpService, catalog: Catalog): Probe =>
  async (call) => {
    const input = new PassThrough();
    const output = new PassThrough();
    input.end(`${requestFor(call, catalog)}\n`);
    const env = call.token === undefined ? {} : { [tokenVariable]: call.token };
    await service.serveStdio({ input, output, env, say: () => {} });
    return answerOf(String(output.read()), call, catalog);
  };

/** Makes calls to the MCP surface with `POST /mcp`. */
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
      body: requestFor(call, catalog),
    });
    return answerOf(await response.text(), call, catalog);
  };

const requestFor = (call: ProbeCall, catalog: Catalog): string => {
  const { handler, input, approvalId } = call;
  const way = wayOf(call, catalog);
  if (way === "resource") {
    const pattern = uriPatternOf(mcpKey.of(catalog.get(handler))?.resource ?? "");
    const texts = textsOf(input);
    if (!isUriPattern(pattern)) throw cannotSend(`${handler} has no URI`);
    if (Object.keys(texts).sort().join() !== [...pattern.variables].sort().join())
      throw cannotSend("the fields of the input are not the variables of the URI");
    return `{"jsonrpc":"2.0","id":1,"method":"resources/read","params":${JSON.stringify({ uri: pattern.expand(texts) })}}`;
  }
  if (way === "prompt") {
    const params = JSON.stringify({ name: handler, arguments: textsOf(input) });
    return `{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":${params}}`;
  }
  const json = "json" in input ? input.json : JSON.stringify(input.text);
  const meta = approvalId === undefined ? "" : `,"_meta":${JSON.stringify({ "quater/approval": { id: approvalId } })}`;
  const direct = `"name":${JSON.stringify(handler)},"arguments":${json}`;
  const params = way === "call" ? `{"name":"call","arguments":{${direct}}${meta}}` : `{${direct}${meta}}`;
  return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`;
};

const wayOf = ({ handler, way }: ProbeCall, catalog: Catalog): string => {
  const operation = catalog.get(handler);
  return way ?? (operation === undefined ? undefined : waysTo(operation)[0]) ?? "tool";
};

/** Returns the fields of a call's input as texts, because a URI and the arguments of a prompt can contain only texts. */
const textsOf = (input: ProbeCall["input"]): Readonly<Record<string, string>> => {
  const values: unknown = "json" in input ? JSON.parse(input.json) : input.text;
  if (!isPlainObject(values)) throw cannotSend("the input is not an object");
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      if (value === null || typeof value === "object" || value === "") throw cannotSend(`${name} cannot be written as text`);
      return [name, String(value)];
    }),
  );
};

interface Said {
  readonly code?: string;
  readonly message?: string;
  readonly errors?: readonly { path: string; message: string }[];
}

interface Message {
  readonly error?: { readonly message: string; readonly data?: Said };
  readonly result?: {
    readonly contents?: readonly { readonly mimeType?: string; readonly text?: string; readonly blob?: string }[];
    readonly messages?: readonly unknown[];
    readonly isError?: boolean;
    readonly content: readonly { readonly type: string; readonly text?: string }[];
    readonly structuredContent?: Readonly<Record<string, unknown>>;
    readonly _meta: Readonly<Record<string, Said>>;
  };
  /** The error code in the problem details (RFC 9457), if the HTTP server refused the POST request before the MCP endpoint. */
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
  const [read] = result.contents ?? [];
  if (read !== undefined)
    return { ok: true, value: read.mimeType === "application/json" ? JSON.parse(read.text ?? "null") : (read.text ?? read.blob) };
  if (result.messages !== undefined) return { ok: true, value: result.messages };
  if (result.isError === true) return failure(result._meta["quater/error"] ?? {});
  const operation = catalog.get(call.handler);
  if (operation?.output === undefined || !isStructured(operation)) return { ok: true, value: valueIn(result) };
  const { wrapping } = outputSchemaFor(operation.output, operation.isStream);
  return { ok: true, value: wrapping === "none" ? result.structuredContent : result.structuredContent?.["result"] };
};

/** Returns the value of an MCP result without structured content: a text, the JSON value in a text, or the content blocks. */
const valueIn = ({ content, _meta }: NonNullable<Message["result"]>): unknown => {
  const [first, ...others] = content;
  if (first?.type !== "text" || others.length > 0) return content;
  return "quater/mediaType" in _meta ? first.text : JSON.parse(first.text ?? "null");
};

const failure = ({ code = "", message = "", errors = [] }: Said): ProbeAnswer => ({ ok: false, code, message, errors });
