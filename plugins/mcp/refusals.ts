// What a POST is refused for before its message reaches the gate, and the answers to these refusals.

import type { QuaterError } from "../../core/index.ts";
import { challengeOf } from "../../core/model/credentials.ts";
import type { HttpService, KoaContext } from "../http/service.ts";
import { answered } from "./exchange.ts";
import { doorStatus, errorDataOf } from "./outcome.ts";
import { errorMessage, protocolVersions, type Request, rpcCodes } from "./protocol.ts";

/** MCP 2025-11-25, basic/transports, "Sending Messages to the Server" and "Protocol Version Header". */
export const headersRefused = ({ req }: KoaContext): { readonly status: number; readonly message: string } | undefined => {
  const { accept = "", "content-type": type = "", "mcp-protocol-version": version } = req.headers;
  if (!isJson(type)) return { status: 415, message: "Content-Type must be application/json" };
  const accepted = accept.toLowerCase();
  if (!accepted.includes("application/json") || !accepted.includes("text/event-stream")) {
    return { status: 406, message: "Accept must list both application/json and text/event-stream" };
  }
  if (version !== undefined && !protocolVersions.includes(String(version))) {
    return { status: 400, message: `Unsupported MCP-Protocol-Version; supported are ${protocolVersions.join(", ")}` };
  }
  return undefined;
};

const isJson = (type: string): boolean =>
  type === "application/json" || type.split(";", 1)[0]?.trim().toLowerCase() === "application/json";

/** Threat T24: a proxy may have decided by the header, so a header that differs from the body is refused. */
export const disagreeing = ({ req }: KoaContext, { method, params }: Request): string | undefined => {
  const { "mcp-method": saidMethod, "mcp-name": saidName } = req.headers;
  if (saidMethod !== undefined && saidMethod !== method) return "Mcp-Method";
  if (saidName !== undefined && saidName !== (params["name"] ?? params["uri"])) return "Mcp-Name";
  return undefined;
};

export const turnAway = (ctx: KoaContext, http: HttpService, error: QuaterError, callId: string): void => {
  const header = challengeOf(error);
  if (header !== undefined) ctx.set("www-authenticate", header);
  for (const line of http.forgettingOf(error)) ctx.res.appendHeader("set-cookie", line);
  if (error.retryAfterSeconds !== undefined) ctx.set("retry-after", String(error.retryAfterSeconds));
  refuse(ctx, doorStatus(error), rpcCodes.refused, http.sentenceOf(error), error, callId);
};

/** Answers before the body was read. Then the connection is closed, because the unread body is still on it. */
export const refuse = (
  ctx: KoaContext,
  status: number,
  code: number,
  message: string,
  error?: QuaterError,
  callId = "",
): void => {
  const { "content-length": length = "0", "transfer-encoding": encoding } = ctx.req.headers;
  if (!ctx.req.complete && (length !== "0" || encoding !== undefined)) ctx.set("connection", "close");
  answered(ctx, status, errorMessage(null, code, message, error === undefined ? undefined : errorDataOf(error, callId)));
};
