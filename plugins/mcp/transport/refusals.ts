// Refuses a POST request before the message in its body reaches the gate.

import type { IncomingMessage } from "node:http";
import type { QuaterError } from "../../../core/index.ts";
import { challengeOf } from "../../../core/model/credentials.ts";
import type { EndpointReply, EndpointRequest, HttpService } from "../../http/service.ts";
import { doorStatus, errorDataOf } from "../answering/outcome.ts";
import type { Authorization } from "../authorization/resource-server.ts";
import type { Answer } from "../protocol/answers.ts";
import { type ErrorData, errorMessage, type MessageId, rpcCodes } from "../protocol/messages.ts";
import { jsonReply } from "./answer-sender.ts";

/**
 * Checks the headers of a POST request. Clients must accept JSON and event streams (MCP 2025-11-25, basic/transports, "Sending
 * Messages to the Server"), but many clients accept only JSON, accept everything, or send no header `Accept`. Such clients get
 * JSON, without progress and heartbeats.
 */
export const headersRefused = ({
  headers,
}: IncomingMessage): { readonly status: number; readonly message: string } | undefined => {
  const { accept = "", "content-type": type = "" } = headers;
  if (!isJson(type)) return { status: 415, message: "Content-Type must be application/json" };
  if (accept !== "" && !acceptsJson.test(accept)) return { status: 406, message: "Accept must list application/json" };
  return undefined;
};

const acceptsJson = /(?:^|[\s,])(?:application\/json|application\/\*|\*\/\*)(?:$|[\s,;])/i;

const isJson = (type: string): boolean =>
  type === "application/json" || type.split(";", 1)[0]?.trim().toLowerCase() === "application/json";

/** Returns the answer to a caller whose credential was refused. */
export const turnedAway = (
  request: EndpointRequest,
  http: HttpService,
  error: QuaterError,
  authorization?: Authorization,
): EndpointReply => {
  const headers: (string | string[])[] = [];
  const header = challengeOf(error, authorization?.resourceFor(error));
  if (header !== undefined) headers.push("www-authenticate", header);
  const forgetting = http.forgettingOf(error);
  if (forgetting.length > 0) headers.push("set-cookie", [...forgetting]);
  if (error.retryAfterSeconds !== undefined) headers.push("retry-after", String(error.retryAfterSeconds));
  return refusal(
    request,
    doorStatus(error),
    rpcCodes.refused,
    http.sentenceOf(error),
    headers,
    errorDataOf(error, request.callId),
  );
};

/**
 * Returns the answer to a caller whose credential was refused while the call waited for the decision of the approvers. Quater may
 * already be sending the answer as an event stream.
 */
export const refusedLater = (
  id: MessageId,
  sentence: string,
  error: QuaterError,
  callId: string,
  authorization?: Authorization,
): Answer => {
  const header = challengeOf(error, authorization?.resourceFor(error));
  return {
    body: errorMessage(id, rpcCodes.refused, sentence, errorDataOf(error, callId)),
    status: doorStatus(error),
    ...(header === undefined ? {} : { challenge: { status: 401, header } }),
  };
};

/**
 * Returns a reply before Quater has read the body of the POST request. Quater closes the connection after this reply, because the
 * client may still be sending the unread body.
 */
export const refusal = (
  { req }: EndpointRequest,
  status: number,
  code: number,
  message: string,
  headers: readonly (string | string[])[] = [],
  data?: ErrorData,
): EndpointReply => {
  const { "content-length": length = "0", "transfer-encoding": encoding } = req.headers;
  const isUnread = !req.complete && (length !== "0" || encoding !== undefined);
  const all = isUnread ? [...headers, "connection", "close"] : headers;
  return jsonReply(status, errorMessage(undefined, code, message, data), all);
};
