// The only file that imports the MCP SDK for revision 2026-07-28. The SDK's low-level Server answers rare requests of this
// revision, and all methods that Quater does not have.

import { PerRequestHTTPServerTransport, Server } from "@modelcontextprotocol/server";
import { type About, instructionsOf, serverInfoOf } from "./about.ts";
import type { Answer } from "./answers.ts";
import { modernVersions } from "./era.ts";
import { type Request, rpcCodes } from "./messages.ts";
import { methodNotFound, noValidator, paramsInvalid } from "./rare.ts";

/** Answers a JSON-RPC request with a new Server of the SDK, so that no data of one caller remains for the next caller. */
export const answerRarely = async ({ id, method, params }: Request, about: About, capabilities: object): Promise<Answer> => {
  const server = new Server(serverInfoOf(about), {
    capabilities,
    ...instructionsOf(about),
    supportedProtocolVersions: [...modernVersions],
    jsonSchemaValidator: noValidator,
  });
  const revision = modernVersions[0] as string;
  // The transport of the SDK only classifies the JSON-RPC request and collects one answer, so Quater can also use this transport
  // for requests over stdio.
  const transport = new PerRequestHTTPServerTransport({ classification: { era: "modern", revision }, responseMode: "json" });
  try {
    await server.connect(transport);
    const response = await transport.handleMessage({ jsonrpc: "2.0", id, method, params });
    const body = await response.text();
    const { error } = JSON.parse(body) as { readonly error?: { readonly code: number } };
    if (error === undefined) return { body, status: response.status };
    if (error.code === rpcCodes.methodNotFound) return { body: methodNotFound(id), status: 404 };
    return { body: paramsInvalid(id), status: response.status };
  } finally {
    await server.close();
  }
};
