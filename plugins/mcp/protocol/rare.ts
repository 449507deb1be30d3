// The parts that the answers of both SDKs share: Quater's texts for errors, because the SDKs' own texts may quote the SDKs' schemas
// and the JSON-RPC request, and a validator that does nothing.

import { errorMessage, type MessageId, rpcCodes } from "./messages.ts";

/** Returns the answer to a method that the server does not have. */
export const methodNotFound = (id: MessageId): string => errorMessage(id, rpcCodes.methodNotFound, "Method not found");

/** Returns the answer to params that do not match their method. */
export const paramsInvalid = (id: MessageId): string =>
  errorMessage(id, rpcCodes.invalidParams, "The params of the request do not match the method");

const notNeeded = () => {
  throw new Error("Quater does not use the validation of the MCP SDK");
};

/** An option of the SDKs' Server. Without this option, every Server creates an Ajv validator, which Quater never uses. */
export const noValidator = { getValidator: () => notNeeded };
