// Reads and writes the messages of JSON-RPC 2.0 that Quater handles without the MCP SDK, and defines the error codes. This file
// joins the texts of messages without JSON.stringify, because the values in a message are already JSON text.

import { isQuaterError, type QuaterError } from "../../../core/index.ts";
import { type FieldError, jsonRefused, parseJsonBytes } from "../../../core/plugin-api.ts";

/** The error codes of JSON-RPC 2.0 section 5.1, and the error codes that MCP and the MCP SDK add. */
export const rpcCodes = {
  /** The code that the MCP SDK uses for requests that the SDK's HTTP transport refuses. */
  transport: -32000,
  /** The server refused the MCP request, for the reason in `data.code`. JSON-RPC reserves the range of this code for servers. */
  refused: -32001,
  /** No MCP resource has the requested URI (MCP 2025-11-25). */
  resourceNotFound: -32002,
  /** A header differs from the body of the POST request (MCP 2026-07-28). */
  headerMismatch: -32020,
  /** The server does not support the protocol version of the request (MCP 2026-07-28). */
  unsupportedVersion: -32022,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internal: -32603,
  parse: -32700,
} as const;

export type MessageId = string | number;

export interface Request {
  readonly kind: "request";
  readonly id: MessageId;
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
  /**
   * The error of strict JSON for the arguments of this `tools/call`. Paths in this error start at the arguments. If this field is
   * set, Quater must not use the arguments.
   */
  readonly argumentsRefused?: QuaterError;
  /** Whether the model named the tool in the arguments of the tool `call`, so that the model must be able to read all errors. */
  readonly isThroughCatalog?: boolean;
}

export interface Notification {
  readonly kind: "notification";
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** A response of a client to a request of the server. Quater ignores responses, because Quater sends no requests. */
export interface Response {
  readonly kind: "response";
}

/** The result of reading a text that is not a message. `answer` is the JSON-RPC error with the reason. */
export interface Malformed {
  readonly kind: "malformed";
  readonly answer: string;
}

/** The `data` of a JSON-RPC error, which programs read. */
export interface ErrorData {
  readonly code: string;
  readonly callId?: string;
  readonly errors?: readonly FieldError[];
  /** The number of seconds after which the client can repeat the MCP request. */
  readonly retryAfterSeconds?: number;
  /** The URI of the MCP resource that the client could not read. */
  readonly uri?: string;
}

/** The `data` of the error for a protocol version that is not supported (MCP 2026-07-28). */
export interface VersionData {
  readonly supported: readonly string[];
  readonly requested: string;
}

/**
 * Returns a JSON-RPC error.
 *
 * @param id  The id of the request; `undefined` if the id is not known. Without the id of the request, the error has no id,
 * because MCP does not allow `null` (MCP 2025-11-25, basic, "Error Responses").
 */
export const errorMessage = (id: MessageId | undefined, code: number, message: string, data?: ErrorData | VersionData): string =>
  JSON.stringify({ jsonrpc: "2.0", id, error: { code, message, ...(data === undefined ? {} : { data }) } });

/** Returns the JSON-RPC error for a request that Quater could not answer because of a mistake or fault in the server. */
export const internalError = (id: MessageId, callId: string): string =>
  errorMessage(id, rpcCodes.internal, "The server failed while the server handled this MCP request", {
    code: "internal",
    callId,
  });

/** Returns a JSON-RPC message with a result. @param result  The result as JSON text. */
export const resultMessage = (id: MessageId, result: string): string =>
  `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${result}}`;

/** Returns a JSON-RPC notification. @param params  The params of the notification as JSON text. */
export const notificationMessage = (method: string, params: string): string =>
  `{"jsonrpc":"2.0","method":"${method}","params":${params}}`;

/**
 * Escapes the line separators U+2028 and U+2029 in a message, because JSON allows these characters in texts. Some clients that
 * read messages line by line end a line at these characters.
 */
export const onOneLine = (message: string): string =>
  message.includes("\u2028") || message.includes("\u2029")
    ? message.replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029")
    : message;

/**
 * The number of levels around the arguments in `{ params: { arguments } }`. With these levels, arguments may be as deep as the
 * body of a route.
 */
const levelsAroundArguments = 2;

/** Reads one JSON-RPC message from its bytes with strict JSON. This function never throws. */
export const readMessage = (bytes: Buffer): Request | Notification | Response | Malformed => {
  try {
    return messageOf(parseJsonBytes(bytes, levelsAroundArguments));
  } catch (error) {
    if (isQuaterError(error)) return unreadable(bytes, error);
    throw error;
  }
};

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  value !== null && typeof value === "object" && !Array.isArray(value);

/** The longest message id and progress token, characters. The limit exists because Quater sends both back to the client. */
export const longestId = 256;

export const isId = (value: unknown): value is MessageId =>
  typeof value === "string" ? value.length <= longestId : Number.isSafeInteger(value);

const malformed = (id: unknown, message: string, data?: ErrorData): Malformed => ({
  kind: "malformed",
  answer: errorMessage(isId(id) ? id : undefined, rpcCodes.invalidRequest, message, data),
});

const messageOf = (value: unknown): Request | Notification | Response | Malformed => {
  // Refuse batches. Revision 2025-06-18 removed batches from MCP, and each limit would count a batch as one request.
  if (Array.isArray(value))
    return malformed(undefined, "The server does not accept JSON-RPC batches. Send one message per request");
  if (!isRecord(value) || value["jsonrpc"] !== "2.0")
    return malformed(isRecord(value) ? value["id"] : undefined, 'A JSON-RPC message must be an object with "jsonrpc": "2.0"');
  const { id, method, params = {} } = value;
  if (typeof method !== "string") {
    return "result" in value || "error" in value ? { kind: "response" } : malformed(id, 'A request must have a "method"');
  }
  if ("id" in value && !isId(id))
    return malformed(undefined, `The "id" of a request must be an integer or a string of at most ${longestId} characters`);
  if (!isRecord(params)) return malformed(id, '"params" must be an object');
  return isId(id) ? { kind: "request", id, method, params } : { kind: "notification", method, params };
};

const argumentsPath = "/params/arguments";

/**
 * Returns the answer to a message whose bytes strict JSON refused. If strict JSON refused only the arguments of a tool call, the
 * result is a call with refused arguments, because the model reads tool errors and can correct the arguments. Every surface gives
 * the same answer for the same arguments.
 */
const unreadable = (bytes: Buffer, refusal: QuaterError): Request | Malformed => {
  const { path = "", message = "" } = refusal.errors?.[0] ?? {};
  const data: ErrorData = { code: refusal.code, errors: refusal.errors ?? [] };
  if (refusal.code === "json_invalid") {
    return { kind: "malformed", answer: errorMessage(undefined, rpcCodes.parse, refusal.message, data) };
  }
  const lenient = leniently(bytes);
  const id = path === "/id" ? undefined : lenient?.["id"];
  const isInArguments = path === argumentsPath || path.startsWith(`${argumentsPath}/`);
  const read = isInArguments && lenient !== undefined ? messageOf(lenient) : undefined;
  if (read?.kind !== "request" || read.method !== "tools/call") return malformed(id, refusal.message, data);
  const code = refusal.code as Parameters<typeof jsonRefused>[0];
  return { ...read, argumentsRefused: jsonRefused(code, path.slice(argumentsPath.length), message) };
};

const leniently = (bytes: Buffer): Readonly<Record<string, unknown>> | undefined => {
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8"));
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined; // JSON.parse also refuses the text, so the first refusal is used.
  }
};
