// The caller of an MCP request, over HTTP and over stdio.

import type { IncomingHttpHeaders } from "node:http";
import type { Principal } from "../../../core/index.ts";
import type { AnswerRoom, Arriving, Cancellation, Operation, Outcome } from "../../../core/plugin-api.ts";
import type { Authorization } from "../authorization/resource-server.ts";
import type { Era } from "../protocol/era.ts";
import type { Listener } from "./listener.ts";
import type { Notifier } from "./progress.ts";

/**
 * The caller of an MCP request. All data about the caller comes from authentication, and none of these data come from the MCP
 * message.
 */
export interface Caller {
  readonly principal: Principal;
  /** The protocol era of the MCP request. */
  readonly era: Era;
  /** The headers of a POST request of revision 2026-07-28, which must match the body of the POST request. */
  readonly headers?: IncomingHttpHeaders | undefined;
  /** The object that the dispatcher passed to `enter` of the gate: see `Invocation`. */
  readonly entry: Arriving;
  readonly callId: string;
  readonly peer: string | undefined;
  readonly traceId: string | undefined;
  readonly cancellation: Cancellation;
  readonly notifier: Notifier;
  readonly room: AnswerRoom;
  /** The listener for changes of the MCP resources to which a client of the revisions of 2025 subscribes. Absent over HTTP. */
  readonly listener?: CallersListener;
  /**
   * The authorization servers from which the caller can get more scopes. Absent over stdio, because callers over stdio cannot
   * sign in.
   */
  readonly authorization?: Authorization | undefined;
  /**
   * Quater calls this function when a call has its outcome, or when the stream of a call begins. Quater does not call this
   * function for dry runs.
   */
  readonly ended?: (operation: Operation, outcome: Outcome) => void;
}

/** The listener of one MCP client, with the caller who subscribed to each MCP resource. */
export type CallersListener = Listener<Caller>;
