// Finds out to which protocol era a message belongs. In the revisions of 2025 and before, client and server agree on a protocol
// version in `initialize`. Revision 2026-07-28 has no `initialize`, so each request contains its protocol version and the
// client's capabilities in `_meta`. Over HTTP, some headers repeat parts of the body for proxies. Only the body of a message
// determines the era, because a proxy may remove or change headers.

import type { IncomingHttpHeaders } from "node:http";
import { decoded } from "./header-text.ts";
import { errorMessage, type MessageId, type Notification, type Request, rpcCodes } from "./messages.ts";

/** The era of a message. Each era has one MCP SDK, which answers the rare requests of the era. */
export type Era = "2025" | "2026";

/**
 * The supported protocol versions of 2025 and before, newest first, in the order in which the SDK's Server negotiates versions.
 */
export const legacyVersions: readonly string[] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05", "2024-10-07"];

/** The supported protocol versions that requests name in `_meta`. */
export const modernVersions: readonly string[] = ["2026-07-28"];

/** The keys of `_meta` in requests and results of revision 2026-07-28. */
export const metaKeys = {
  version: "io.modelcontextprotocol/protocolVersion",
  capabilities: "io.modelcontextprotocol/clientCapabilities",
  server: "io.modelcontextprotocol/serverInfo",
  subscription: "io.modelcontextprotocol/subscriptionId",
} as const;

/** The answer to a message that belongs to no era, or to a message whose headers do not match the body. */
export interface Misfit {
  /** The HTTP status of the answer. */
  readonly status: number;
  /** The JSON-RPC error of the answer as text. */
  readonly answer: string;
}

type Message = Request | Notification;

/** @param headers  The headers of the POST request with the message; `undefined` over stdio. */
export const eraOf = (message: Message, headers: IncomingHttpHeaders | undefined): Era | Misfit => {
  const { params } = message;
  const meta = Object(params["_meta"]) as Readonly<Record<string, unknown>>;
  const claimed = meta[metaKeys.version];
  const said = textOf(headers?.["mcp-protocol-version"]);
  if (claimed === undefined) return (said === undefined ? undefined : unclaimed(message, said)) ?? legacyEra(message, headers);
  if (typeof claimed !== "string") return invalid(message, `"${metaKeys.version}" in _meta must be a string`);
  if (said !== undefined && said !== claimed) return mismatch(message, "MCP-Protocol-Version");
  if (!modernVersions.includes(claimed)) return unsupported(message, claimed, modernVersions);
  if (message.kind === "notification") return "2026";
  const { [metaKeys.capabilities]: capabilities } = meta;
  if (capabilities === null || typeof capabilities !== "object" || Array.isArray(capabilities))
    return invalid(message, `A request of revision ${claimed} must have "${metaKeys.capabilities}", an object, in _meta`);
  if (headers === undefined) return "2026";
  if (said === undefined) return missing(message, "MCP-Protocol-Version");
  if (headers["mcp-method"] === undefined) return missing(message, "Mcp-Method");
  if (headers["mcp-name"] === undefined && namedIn(message) !== undefined) return missing(message, "Mcp-Name");
  const wrong = disagreeing(message, headers);
  return wrong === undefined ? "2026" : mismatch(message, wrong);
};

/** Checks a message that has a protocol version in a header and no protocol version in the body. */
const unclaimed = (message: Message, said: string): Era | Misfit | undefined => {
  if (legacyVersions.includes(said)) return undefined;
  if (!modernVersions.includes(said)) return unsupported(message, said, [...modernVersions, ...legacyVersions]);
  if (message.kind === "notification") return "2026";
  if (message.method === "initialize") return mismatch(message, "MCP-Protocol-Version");
  return invalid(message, `A request of revision ${said} must have "${metaKeys.version}" in _meta`);
};

const legacyEra = (message: Message, headers: IncomingHttpHeaders | undefined): Era | Misfit => {
  const wrong = headers === undefined || message.kind === "notification" ? undefined : disagreeing(message, headers);
  return wrong === undefined ? "2025" : mismatch(message, wrong);
};

/** The methods whose requests have the header `Mcp-Name`, and the field of the params that the header `Mcp-Name` repeats. */
const namedBy: Readonly<Record<string, string>> = { "tools/call": "name", "prompts/get": "name", "resources/read": "uri" };

const namedIn = ({ method, params }: Message): string | undefined => {
  const named = Object.hasOwn(namedBy, method) ? params[namedBy[method] as string] : undefined;
  return typeof named === "string" ? named : undefined;
};

/**
 * Returns the name of a header that differs from the body of the POST request (threat T24). A proxy may have used such a header
 * for a decision.
 */
const disagreeing = (message: Message, { "mcp-method": method, "mcp-name": name }: IncomingHttpHeaders): string | undefined => {
  if (method !== undefined && method !== message.method) return "Mcp-Method";
  if (name === undefined) return undefined;
  const named = decoded(String(name));
  return named === undefined || named !== namedIn(message) ? "Mcp-Name" : undefined;
};

const textOf = (header: string | readonly string[] | undefined): string | undefined =>
  header === undefined ? undefined : String(header);

const idOf = (message: Message): MessageId | undefined => (message.kind === "request" ? message.id : undefined);

const refused = (message: Message, code: number, text: string): Misfit => ({
  status: 400,
  answer: errorMessage(idOf(message), code, text),
});

const invalid = (message: Message, text: string): Misfit => refused(message, rpcCodes.invalidParams, text);

const mismatch = (message: Message, header: string): Misfit => refused(message, rpcCodes.headerMismatch, mismatchText(header));

/** Returns the text of the error for a header that differs from the body of the POST request. */
export const mismatchText = (header: string): string => `The header ${header} does not match the body`;

const missing = (message: Message, header: string): Misfit =>
  refused(message, rpcCodes.headerMismatch, `The header ${header} is missing. It must repeat the value in the body`);

/** The longest protocol version that an error repeats, characters. */
const longestVersion = 64;

const unsupported = (message: Message, version: string, supported: readonly string[]): Misfit => {
  const requested = version.slice(0, longestVersion);
  const text = `The protocol version ${requested} is not supported. Supported versions are ${supported.join(", ")}`;
  return { status: 400, answer: errorMessage(idOf(message), rpcCodes.unsupportedVersion, text, { supported, requested }) };
};
