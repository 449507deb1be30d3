// Quater's texts for errors in the answers of the SDKs. The SDKs' own texts may quote the SDKs' schemas and the JSON-RPC request.

import { errorMessage, type MessageId, rpcCodes } from "./protocol.ts";

/** Returns the answer to a method that the server does not have. */
export const methodNotFound = (id: MessageId): string => errorMessage(id, rpcCodes.methodNotFound, "Method not found");

/** Returns the answer to params that do not match their method. */
export const paramsInvalid = (id: MessageId): string =>
  errorMessage(id, rpcCodes.invalidParams, "The params of the request do not match the method");
