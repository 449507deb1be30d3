// Runs endpoints of plugins on Node's request and response, such as POST /mcp. If no middleware is mounted in front of the
// endpoint, the server calls the endpoint without Koa, because Koa takes a third of the time of a tools/call. Otherwise Koa calls
// the endpoint.

import type { IncomingMessage, ServerResponse } from "node:http";
import { failed } from "./answering.ts";
import { note, type Run, ran, runIn } from "./ran.ts";
import { type Deliver, type Exchange, put } from "./reply.ts";
import type { Endpoint, EndpointReply, EndpointRequest, KoaMiddleware } from "./service.ts";

/** What all requests to the endpoints of one server share. */
export interface EndpointServer {
  /** Called once with the answer, unless the endpoint has written the response itself. */
  readonly deliver: Deliver;
  /** Called when the endpoint has written the response itself. */
  readonly written: () => void;
  /** Sets the headers that every answer has. */
  readonly setCommon: (exchange: Exchange) => void;
}

/** A request to an endpoint that is answered without Koa. */
export class EndpointCall implements EndpointRequest {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly callId: string;
  // V8 adds this field once for the class. A field that is added later takes 1 µs for each MCP call (Node 20).
  [ran]: Run | undefined = undefined;
  readonly #server: EndpointServer;

  constructor({ req, res, callId }: Exchange, server: EndpointServer) {
    this.req = req;
    this.res = res;
    this.callId = callId;
    this.#server = server;
  }

  answerBy(endpoint: Endpoint): void {
    try {
      const answering = endpoint(this);
      if (!(answering instanceof Promise)) this.#end(answering);
      else
        void answering.then(
          (reply) => this.#end(reply),
          (error: unknown) => this.#fail(error),
        );
    } catch (error) {
      this.#fail(error);
    }
  }

  takeOver(): void {
    this.#server.setCommon(this);
  }

  #end(reply: EndpointReply | undefined): void {
    if (reply === undefined) {
      this.#server.written();
      return;
    }
    const { status, headers, body, known } = reply;
    this.#server.deliver(this, { status, headers, body, known, run: this[ran] });
  }

  #fail(error: unknown): void {
    const { req, callId } = this;
    this.#server.deliver(this, failed(error, { req, callId, run: this[ran] }));
  }
}

/** Returns Koa middleware that runs an endpoint. */
export const throughKoa =
  (endpoint: Endpoint): KoaMiddleware =>
  async (ctx) => {
    const { req, res } = ctx;
    const takeOver = () => {
      ctx.respond = false;
    };
    const request: EndpointRequest = { req, res, callId: ctx.state["callId"] as string, takeOver };
    try {
      const reply = await endpoint(request);
      if (reply === undefined) return;
      put(ctx, reply);
      if (reply.body !== "") return;
      ctx.body = null; // Koa would send a media type with an empty text.
      ctx.status = reply.status; // Set the status again, because `ctx.body = null` has set it to 204.
    } finally {
      note(ctx, runIn(request));
    }
  };
