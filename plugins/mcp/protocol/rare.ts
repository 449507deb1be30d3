// The parts that the answers of both MCP SDKs share: Quater's error texts, and a validator that does nothing. Quater replaces the
// error texts of the SDKs, because these texts may quote the SDKs' schemas and the JSON-RPC request.

import { errorMessage, type MessageId, rpcCodes } from "./messages.ts";

/** Returns the answer to a request with a method that the server does not have. */
export const methodNotFound = (id: MessageId): string => errorMessage(id, rpcCodes.methodNotFound, "Method not found");

/** Returns the answer to a request whose params do not match its method. */
export const paramsInvalid = (id: MessageId): string =>
  errorMessage(id, rpcCodes.invalidParams, "The params of the request do not match the method");

const notNeeded = () => {
  throw new Error("Quater does not use the validation of the MCP SDK");
};

/**
 * An option of the Server class of both SDKs. Without this option, every Server creates an Ajv validator, which Quater never
 * uses.
 */
export const noValidator = { getValidator: () => notNeeded };
