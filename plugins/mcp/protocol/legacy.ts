// The only file that imports the MCP SDK for the revisions of 2025 and before. The SDK's low-level Server answers rare requests,
// which are `initialize` with the negotiation of versions, and all methods that Quater does not have. The SDK recommends its
// class McpServer, but McpServer needs zod schemas and checks arguments a second time.

import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
import { type About, instructionsOf, serverInfoOf } from "./about.ts";
import type { Answer } from "./answers.ts";
import { errorMessage, type Request, rpcCodes } from "./messages.ts";
import { methodNotFound, noValidator, paramsInvalid } from "./rare.ts";

/** Answers a JSON-RPC request with a new Server of the SDK, so that no data of one caller remains for the next caller. */
export const answerRarely = async (request: Request, about: About, capabilities: object): Promise<Answer> => {
  const server = new Server(serverInfoOf(about), {
    capabilities,
    ...instructionsOf(about),
    jsonSchemaValidator: noValidator,
  });
  try {
    const answer = await new Promise<JSONRPCMessage>((resolve, reject) => {
      const exchange = new OneExchange(resolve);
      // The SDK gives no answer to a message that the SDK does not recognise as a request.
      const { id } = request;
      server.onerror = () => resolve({ jsonrpc: "2.0", id, error: { code: rpcCodes.invalidParams, message: "" } });
      server
        .connect(exchange)
        .then(() => exchange.onmessage?.({ jsonrpc: "2.0", id: request.id, method: request.method, params: request.params }))
        .catch(reject);
    });
    return { body: inOwnWords(request, answer), opensSession: request.method === "initialize" && "result" in answer };
  } finally {
    await server.close();
  }
};

/** Replaces the SDK's error texts, which may quote the SDK's schemas and the JSON-RPC request. */
const inOwnWords = ({ id, method }: Request, answer: JSONRPCMessage): string => {
  if (!("error" in answer)) return JSON.stringify(answer);
  if (answer.error.code === rpcCodes.methodNotFound) return methodNotFound(id);
  if (method === "initialize") {
    const needs =
      "initialize needs protocolVersion (string), capabilities (object) and clientInfo with name and version (strings)";
    return errorMessage(id, rpcCodes.invalidParams, needs);
  }
  return paramsInvalid(id);
};

class OneExchange implements Transport {
  onmessage?: NonNullable<Transport["onmessage"]>;
  onclose?: () => void;
  onerror?: (error: Error) => void;
  readonly #done: (message: JSONRPCMessage) => void;

  constructor(done: (message: JSONRPCMessage) => void) {
    this.#done = done;
  }

  async start(): Promise<void> {}

  async send(message: JSONRPCMessage): Promise<void> {
    this.#done(message);
  }

  async close(): Promise<void> {
    this.onclose?.();
  }
}
