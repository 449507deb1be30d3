// MCP over HTTP. Each POST has one message and gets JSON. The answer becomes an event stream only when a call reports progress before its
// answer. There are no sessions, no GET stream and nothing to resume, so any instance can answer any request.

import type { ServerResponse } from "node:http";
import { isQuaterError, type Principal, type QuaterError } from "../../core/index.ts";
import { challengeOf } from "../../core/model/credentials.ts";
import { largeAnswer } from "../../core/pipeline/answer-size.ts";
import { type Awaitable, errorText, type Gate, type Log, traceIdOf } from "../../core/plugin-api.ts";
import type { HttpService, KoaContext, KoaMiddleware } from "../http/service.ts";
import type { Answer, Dispatcher } from "./dispatch.ts";
import { caughtUp } from "./line.ts";
import { doorStatus, errorDataOf } from "./outcome.ts";
import type { Notifier } from "./progress.ts";
import { errorMessage, protocolVersions, type Request, readMessage, rpcCodes } from "./protocol.ts";

export interface HttpParts {
  readonly http: HttpService;
  readonly gate: Gate;
  readonly dispatcher: Dispatcher;
  readonly log: Log;
}

export const mcpOverHttp =
  (parts: HttpParts): KoaMiddleware =>
  (ctx) =>
    serve(ctx, parts);

const serve = async (ctx: KoaContext, parts: HttpParts): Promise<void> => {
  if (ctx.method !== "POST") {
    ctx.set("allow", "POST");
    return refuse(ctx, 405, rpcCodes.transport, "Only POST is served here");
  }
  const { http, gate } = parts;
  const said: unknown = ctx.state["callId"];
  const callId = typeof said === "string" ? said : gate.newCallId(); // http tells it in x-request-id already
  const credentials = http.credentials(ctx, "mcp");
  const traceId = traceIdOf(ctx.req.headers["traceparent"]);
  const entry = { surface: "mcp", credentials, callId, traceId };
  let principal: Principal;
  /** When the caller entered. `undefined` while the call did not wait, so that most calls do not read the clock. */
  let enteredAt: number | undefined;
  try {
    // Only headers are read here, so callers without access cannot make the server read or parse a body.
    const entering = gate.enter(entry);
    if (entering instanceof Promise) {
      enteredAt = performance.now();
      principal = await entering;
    } else {
      principal = entering;
    }
  } catch (error) {
    if (!isQuaterError(error)) throw error;
    return turnAway(ctx, http, error, callId);
  }
  http.noteCaller(ctx, principal);
  const wrong = headersRefused(ctx);
  if (wrong !== undefined) return refuse(ctx, wrong.status, rpcCodes.transport, wrong.message);
  const cancellation = http.cancellation(ctx);
  const reading = http.readBody(ctx);
  if (reading instanceof Promise) enteredAt ??= performance.now();
  const body = reading instanceof Promise ? await reading : reading;
  try {
    // A key may have been revoked while the body was on its way.
    const again = enteredAt === undefined ? principal : gate.enterAgain(entry, principal, enteredAt);
    principal = again instanceof Promise ? await again : again;
  } catch (error) {
    if (!isQuaterError(error)) throw error;
    return turnAway(ctx, http, error, callId);
  }
  const message = readMessage(body);
  if (message.kind === "malformed") return answered(ctx, 400, message.answer);
  if (message.kind !== "request") {
    ctx.status = 202;
    ctx.body = null;
    ctx.status = 202; // a null body makes Koa say 204
    return;
  }
  const disagreement = disagreeing(ctx, message);
  if (disagreement !== undefined) {
    return answered(
      ctx,
      400,
      errorMessage(message.id, rpcCodes.headerMismatch, `The header ${disagreement} disagrees with the body`),
    );
  }
  const exchange = new Exchange(ctx, http);
  try {
    const answer = await parts.dispatcher.answer(message, {
      principal,
      entry,
      callId,
      peer: credentials.peer,
      traceId,
      cancellation,
      notifier: exchange,
      room: http.room(ctx, "answer"),
      ended: (operation, outcome) => http.noteRun(ctx, operation, outcome),
    });
    const ending = exchange.end(answer);
    if (ending instanceof Promise) await ending;
  } catch (error) {
    parts.log.error("An MCP request could not be answered", { callId, error: errorText(error) });
    const body = errorMessage(message.id, rpcCodes.internal, "The server failed to answer", { code: "internal", callId });
    await exchange.end({ body });
  }
};

/** MCP 2025-11-25, basic/transports, "Sending Messages to the Server" and "Protocol Version Header". */
const headersRefused = ({ req }: KoaContext): { readonly status: number; readonly message: string } | undefined => {
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
const disagreeing = ({ req }: KoaContext, { method, params }: Request): string | undefined => {
  const { "mcp-method": saidMethod, "mcp-name": saidName } = req.headers;
  if (saidMethod !== undefined && saidMethod !== method) return "Mcp-Method";
  if (saidName !== undefined && saidName !== (params["name"] ?? params["uri"])) return "Mcp-Name";
  return undefined;
};

const turnAway = (ctx: KoaContext, http: HttpService, error: QuaterError, callId: string): void => {
  const header = challengeOf(error);
  if (header !== undefined) ctx.set("www-authenticate", header);
  for (const line of http.forgettingOf(error)) ctx.res.appendHeader("set-cookie", line);
  if (error.retryAfterSeconds !== undefined) ctx.set("retry-after", String(error.retryAfterSeconds));
  refuse(ctx, doorStatus(error), rpcCodes.refused, http.sentenceOf(error), error, callId);
};

/** Answers before the body was read. Then the connection is closed, because the unread body is still on it. */
const refuse = (ctx: KoaContext, status: number, code: number, message: string, error?: QuaterError, callId = ""): void => {
  const { "content-length": length = "0", "transfer-encoding": encoding } = ctx.req.headers;
  if (!ctx.req.complete && (length !== "0" || encoding !== undefined)) ctx.set("connection", "close");
  answered(ctx, status, errorMessage(null, code, message, error === undefined ? undefined : errorDataOf(error, callId)));
};

const answered = (ctx: KoaContext, status: number, body: string): void => {
  ctx.status = status;
  ctx.set("content-type", "application/json");
  ctx.body = body;
};

/** The answer to one POST, and what is sent before it. */
class Exchange implements Notifier {
  readonly #ctx: KoaContext;
  readonly #res: ServerResponse;
  readonly #http: HttpService;
  #isStream = false;
  /** Large messages go one after the other. */
  #sending: Promise<void> | undefined;

  constructor(ctx: KoaContext, http: HttpService) {
    this.#ctx = ctx;
    this.#res = ctx.res;
    this.#http = http;
  }

  get isBehind(): boolean {
    return !this.#res.destroyed && (this.#sending !== undefined || this.#res.writableNeedDrain);
  }

  send(message: string): Awaitable<void> {
    if (this.#res.destroyed) return;
    if (!this.#isStream) {
      this.#isStream = true;
      this.#ctx.respond = false; // from here on the response is ours and not Koa's
      this.#res.writeHead(200, {
        "content-type": "text/event-stream",
        "cache-control": "no-cache, no-transform",
        "x-accel-buffering": "no", // nginx would hold events back
      });
    }
    if (message.length < largeAnswer) {
      this.#res.write(event(message));
      return;
    }
    this.#sending = this.#sendLarge(Buffer.from(event(message)));
    return this.#sending;
  }

  async #sendLarge(bytes: Buffer): Promise<void> {
    const giveBack = await this.#http.room(this.#ctx, "notices").take(bytes.length);
    if (giveBack !== undefined) this.#res.write(bytes, giveBack);
    this.#sending = undefined;
  }

  caughtUp(): Promise<void> {
    return caughtUp(this.#res);
  }

  end({ body, challenge }: Answer): Awaitable<void> {
    if (this.#isStream) return this.#endStream(Buffer.from(event(body)));
    if (challenge !== undefined) this.#ctx.set("www-authenticate", challenge.header);
    answered(this.#ctx, challenge?.status ?? 200, body);
  }

  async #endStream(last: Buffer): Promise<void> {
    await this.#sending;
    const isLarge = last.length >= largeAnswer;
    // Without a last event the client knows that the answer is missing.
    if (isLarge && (await this.#http.room(this.#ctx, "answer").take(last.length)) === undefined) this.#res.destroy();
    else if (!this.#res.destroyed) this.#res.end(last);
  }
}

/** Makes an event. JSON text has no line breaks, so one `data` line is enough. */
const event = (message: string): string => `event: message\ndata: ${message}\n\n`;
