// A message that arrived over HTTP or stdio, in the form in which the dispatcher receives messages. Each transport implements
// these interfaces for its messages.

import type { Principal } from "../../../core/index.ts";
import type { Arriving, Awaitable } from "../../../core/plugin-api.ts";
import type { Answer } from "../protocol/answers.ts";
import type { Request } from "../protocol/messages.ts";
import type { Caller } from "./caller.ts";

/** A message whose caller is not authenticated yet. `Reply` is the type of the transport's replies. */
export interface Incoming<Reply> {
  readonly entry: Arriving;
  /** Returns the reply to a caller whose credential was refused. */
  turnedAway(error: unknown): Reply;
  /**
   * Receives the bytes of the message, if the bytes have not arrived yet. Returns a reply if the transport refuses the message.
   */
  receive(principal: Principal): Awaitable<Reply | undefined>;
  /** Reads the received message. Returns a reply if the message is not a request that the dispatcher answers. */
  read(principal: Principal): IncomingRequest<Reply> | { readonly reply: Reply };
}

/** A request of an authenticated caller. */
export interface IncomingRequest<Reply> {
  readonly request: Request;
  readonly caller: Caller;
  /** Sends the answer to the MCP request. Returns the reply for the transport. */
  send(answer: Awaitable<Answer>): Awaitable<Reply>;
  /** Returns the reply to a request whose caller was refused during the call, or that Quater could not answer. */
  failed(error: unknown): Awaitable<Reply>;
  /** The dispatcher calls this function when the transport has answered the MCP request. */
  end(): void;
}
