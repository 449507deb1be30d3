// Runs endpoints of plugins on Node's request and response, such as POST /mcp. If no middleware is mounted in front of the
// endpoint, the server calls the endpoint without Koa, because Koa takes a third of the time of a tools/call. Otherwise Koa calls
// the endpoint.

import { failed } from "./answering.ts";
import { note, runIn } from "./ran.ts";
import { put, type Reply } from "./reply.ts";
import type { Endpoint, EndpointReply, EndpointRequest, KoaMiddleware } from "./service.ts";

/**
 * Runs an endpoint, and then calls `done` or `written` once.
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
