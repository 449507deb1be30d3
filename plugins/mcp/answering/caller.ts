// The caller of an MCP request, over HTTP and over stdio.

import type { IncomingHttpHeaders } from "node:http";
import type { Principal } from "../../../core/index.ts";
import type { AnswerRoom, Arriving, Cancellation, Operation, Outcome } from "../../../core/plugin-api.ts";
import type { Authorization } from "../authorization/resource-server.ts";
import type { Era } from "../protocol/era.ts";
import type { Listener } from "./listener.ts";
import type { Notifier } from "./progress.ts";

/**
 * The caller of an MCP request. All data about the caller comes from authentication, and no data about the caller comes from the
 * message.
 */
export interface Caller {
  readonly principal: Principal;
  /** The protocol era of the request. */
  readonly era: Era;
  /** The headers of a POST of revision 2026-07-28, which must match the body. */
  readonly headers?: IncomingHttpHeaders | undefined;
  /** The object that was passed to `enter` of the gate: see `Invocation`. */
  readonly entry: Arriving;
  readonly callId: string;
  readonly peer: string | undefined;
  readonly traceId: string | undefined;
  readonly cancellation: Cancellation;
  readonly notifier: Notifier;
  readonly room: AnswerRoom;
  /** Receives the changes of resources to which a client of the revisions of 2025 subscribes. Absent over HTTP. */
  readonly listener?: CallersListener;
  /** The authorization servers from which the caller can get more scopes. Absent over stdio, where callers cannot sign in. */
  readonly authorization?: Authorization | undefined;
  /** Called when the call has its outcome, or when a stream begins. Quater does not call this function for dry runs. */
  readonly ended?: (operation: Operation, outcome: Outcome) => void;
}

/** The listener of one client, with the caller who subscribed to each resource. */
export type CallersListener = Listener<Caller>;
