// Runs endpoints of plugins, such as POST /mcp, on Node's request and response. If no middleware is mounted in front of the
// endpoint, the HTTP server calls the endpoint without Koa, because Koa takes a third of the time of a tools/call. If middleware
// is mounted in front of the endpoint, Koa calls the endpoint.

import type { IncomingMessage, ServerResponse } from "node:http";
import { failed } from "./answering.ts";
import { note, type Run, ran, runIn } from "./ran.ts";
import { type Deliver, type Exchange, put } from "./reply.ts";
import type { Endpoint, EndpointReply, EndpointRequest, KoaMiddleware } from "./service.ts";

/** The functions that all HTTP requests to the endpoints of one HTTP server share. */
export interface EndpointServer {
  /** Quater calls this function once with the response, unless the endpoint has written the response itself. */
  readonly deliver: Deliver;
  /** Quater calls this function when the endpoint has written the response itself. */
  readonly written: () => void;
  /** Sets the headers that every response of the server has. */
  readonly setCommon: (exchange: Exchange) => void;
}

/** An HTTP request to an endpoint that Quater runs without Koa. */
export class EndpointCall implements EndpointRequest {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly callId: string;
  // V8 adds the field `[ran]` once for the class. Adding this field later would take 1 µs for each MCP call (Node 20).
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
      ctx.body = null; // With an empty text as body, Koa would send a media type.
      ctx.status = reply.status; // Set the status again, because `ctx.body = null` has set the status to 204.
    } finally {
      note(ctx, runIn(request));
    }
  };
