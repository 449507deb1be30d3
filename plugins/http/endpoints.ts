// Endpoints of plugins on Node's request and response, such as POST /mcp. Without middleware in front of them they are answered without
// Koa, which takes a third of the time of a tools/call. With middleware, Koa gets their requests and calls the same function.

import { failed } from "./answering.ts";
import { note, runIn } from "./ran.ts";
import { put, type Reply } from "./reply.ts";
import type { Endpoint, EndpointReply, EndpointRequest, KoaMiddleware } from "./service.ts";

/**
 * Calls one of the two functions, once.
 *
 * @param done  Called with the answer.
 * @param written  Called when the endpoint has written the response itself.
 */
export const answerBy = (
  endpoint: Endpoint,
  request: EndpointRequest,
  done: (reply: Reply) => void,
  written: () => void,
): void => {
  const end = (reply: EndpointReply | undefined) => {
    if (reply === undefined) written();
    else done({ ...reply, run: runIn(request) });
  };
  const fail = (error: unknown) => done(failed(error, { ...request, run: runIn(request) }));
  try {
    const answering = endpoint(request);
    if (answering instanceof Promise) void answering.then(end, fail);
    else end(answering);
  } catch (error) {
    fail(error);
  }
};

/** The same endpoint as Koa middleware. */
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
      ctx.body = null; // without it Koa would send a media type for an empty text
      ctx.status = reply.status; // which a null body had made 204
    } finally {
      note(ctx, runIn(request));
    }
  };
