// The messages of JSON-RPC 2.0 that are handled without the SDK: reading them, answering them, and the error codes. Texts are joined by
// hand, because the values in them are JSON text already.

import { isQuaterError, type QuaterError } from "../../core/index.ts";
import { type FieldError, jsonRefused, parseJsonBytes } from "../../core/plugin-api.ts";

/** The 2025 era and before, as the SDK's Server negotiates it; the newest first. */
export const protocolVersions: readonly string[] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05", "2024-10-07"];

/** JSON-RPC 2.0 section 5.1, and what MCP and its SDK add. */
export const rpcCodes = {
  /** The SDK's code for what its HTTP transport refuses. */
  transport: -32000,
  /** The credential was refused. The code is in the range that JSON-RPC leaves to servers. */
  refused: -32001,
  /** MCP 2026-07-28: headers and body disagree. */
  headerMismatch: -32020,
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
  /** Strict reading refused the arguments of this `tools/call`; paths are into the arguments. Nothing of them may be used. */
  readonly argumentsRefused?: QuaterError;
}

export interface Notification {
  readonly kind: "notification";
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** To a request of ours; none is ever sent, so nothing waits for it. */
export interface Response {
  readonly kind: "response";
}

/** No message: `answer` is the JSON-RPC error that says why. */
export interface Malformed {
  readonly kind: "malformed";
  readonly answer: string;
}

/** What machines read in the `data` of a JSON-RPC error. */
export interface ErrorData {
  readonly code: string;
  readonly callId?: string;
  readonly errors?: readonly FieldError[];
}

/** @param id  `null` where the request's own could not be told (JSON-RPC 2.0 section 5). */
export const errorMessage = (id: MessageId | null, code: number, message: string, data?: ErrorData): string =>
  JSON.stringify({ jsonrpc: "2.0", id, error: { code, message, ...(data === undefined ? {} : { data }) } });

/** @param result  JSON text. */
export const resultMessage = (id: MessageId, result: string): string =>
  `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${result}}`;

/** @param params  JSON text. */
export const notificationMessage = (method: string, params: string): string =>
  `{"jsonrpc":"2.0","method":"${method}","params":${params}}`;

/** `{ params: { arguments } }`: arguments may be as deep as the body of a route. */
const levelsAroundArguments = 2;

/** One message out of its bytes, read strictly. Never throws. */
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

/** Ids and progress tokens are sent back as they are, so a long one would make every answer long. */
export const longestId = 256;

export const isId = (value: unknown): value is MessageId =>
  typeof value === "string" ? value.length <= longestId : Number.isSafeInteger(value);

const malformed = (id: unknown, message: string, data?: ErrorData): Malformed => ({
  kind: "malformed",
  answer: errorMessage(isId(id) ? id : null, rpcCodes.invalidRequest, message, data),
});

const messageOf = (value: unknown): Request | Notification | Response | Malformed => {
  // Batches left the protocol with 2025-06-18, and one of them would count as one request for every limit.
  if (Array.isArray(value)) return malformed(null, "Batches are not supported: send one message per request");
  if (!isRecord(value) || value["jsonrpc"] !== "2.0")
    return malformed(null, 'A JSON-RPC message is an object with "jsonrpc": "2.0"');
  const { id, method, params = {} } = value;
  if (typeof method !== "string") {
    return "result" in value || "error" in value ? { kind: "response" } : malformed(id, 'A request has a "method"');
  }
  if ("id" in value && !isId(id))
    return malformed(null, `The "id" of a request is an integer or a string of at most ${longestId} characters`);
  if (!isRecord(params)) return malformed(id, '"params" must be an object');
  return isId(id) ? { kind: "request", id, method, params } : { kind: "notification", method, params };
};

const argumentsPath = "/params/arguments";

/**
 * What to answer when strict reading refused the bytes. A call refused for its arguments stays a call: the model reads
 * tool errors and can correct the arguments. Every surface gives the same answer for the same arguments.
 */
const unreadable = (bytes: Buffer, refusal: QuaterError): Request | Malformed => {
  const { path = "", message = "" } = refusal.errors?.[0] ?? {};
  const data: ErrorData = { code: refusal.code, errors: refusal.errors ?? [] };
  if (refusal.code === "json_invalid") {
    return { kind: "malformed", answer: errorMessage(null, rpcCodes.parse, refusal.message, data) };
  }
  const lenient = leniently(bytes);
  const id = path === "/id" ? null : lenient?.["id"];
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
    return undefined; // refused for its grammar, too: the strict reader's refusal stands
  }
};
