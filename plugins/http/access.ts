// The access log: one line for each request, once its answer has left or its client has gone. What a line says of a request is kept
// on the response, in one object without closures. A line has no arguments, so it names the route and not the path.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Principal } from "../../core/index.ts";
import { isAnonymous } from "../../core/model/principal.ts";
import type { Log } from "../../core/plugin-api.ts";
import { statusOfKind } from "./refusals.ts";

export type AccessLog = Pick<Log, "info">;

const noted = Symbol("access");
type Noted = ServerResponse & { [noted]?: Access };

/** What is known of a request. */
export class Access {
  /** As written: `/orders/:orderId`. `undefined` where no route took the request. */
  route: string | undefined;
  handler: string | undefined;
  principal: Principal | undefined;
  readonly #log: AccessLog;
  readonly #req: IncomingMessage;
  readonly #callId: string;
  readonly #startedAt = performance.now();
  /** What the connection had sent before. */
  readonly #sentBefore: number;

  constructor(log: AccessLog, req: IncomingMessage, callId: string) {
    this.#log = log;
    this.#req = req;
    this.#callId = callId;
    this.#sentBefore = req.socket.bytesWritten;
  }

  write({ headersSent, statusCode, writableFinished }: ServerResponse): void {
    const { principal } = this;
    this.#log.info("request", {
      callId: this.#callId,
      method: this.#req.method,
      route: this.route,
      handler: this.handler,
      principal: principal && (isAnonymous(principal) ? principal.subject : principal.credential),
      status: headersSent ? statusCode : statusOfKind.cancelled,
      durationMs: Math.round((performance.now() - this.#startedAt) * 10) / 10,
      bytes: this.#req.socket.bytesWritten - this.#sentBefore,
      ...(writableFinished ? {} : { isCutOff: true }),
    });
  }
}

/** `undefined` where nothing is logged. */
export const accessOf = (res: ServerResponse): Access | undefined => (res as Noted)[noted];

export const noteRoute = (res: ServerResponse, route: string): void => {
  const access = accessOf(res);
  if (access !== undefined) access.route = route;
};

/** Begins the line of a request. It is written when the response closes. */
export const beginAccess = (log: AccessLog, req: IncomingMessage, res: ServerResponse, callId: string): void => {
  (res as Noted)[noted] = new Access(log, req, callId);
  res.on("close", ended);
};

function ended(this: ServerResponse): void {
  accessOf(this)?.write(this);
}

/** The line of a request that could not be read as HTTP: there is no call. */
export const unreadableIn =
  (log: AccessLog | undefined) =>
  (status: number, bytes: number): void =>
    log?.info("request", { status, bytes });
