// The access log: one line for each request, once its answer has left or its client has gone. And `Server-Timing` in development.
// What is known of a request is kept on the response, in one object without closures. A line has no arguments, so it names the route and not the path.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Principal } from "../../core/index.ts";
import { isAnonymous } from "../../core/model/principal.ts";
import type { Log } from "../../core/plugin-api.ts";
import { statusOfKind } from "./statuses.ts";

export interface AccessOptions {
  /** Gets the lines. */
  readonly log: Log | undefined;
  /** Whether answers say how long they took. */
  readonly isTimed: boolean;
}

const noted = Symbol("access");
type Noted = ServerResponse & { [noted]?: Access };

/** What is known of a request. */
export class Access {
  /** As written: `/orders/:orderId`. `undefined` where no route took the request. */
  route: string | undefined;
  handler: string | undefined;
  principal: Principal | undefined;
  readonly #options: AccessOptions;
  readonly #req: IncomingMessage;
  readonly #callId: string;
  readonly #startedAt = performance.now();
  /** What the connection had sent before. */
  readonly #sentBefore: number;

  constructor(options: AccessOptions, req: IncomingMessage, callId: string) {
    this.#options = options;
    this.#req = req;
    this.#callId = callId;
    this.#sentBefore = req.socket.bytesWritten;
  }

  /** What `Server-Timing` says now. `undefined` where it says nothing. */
  get timing(): string | undefined {
    return this.#options.isTimed ? `total;dur=${this.#durationMs}` : undefined;
  }

  get #durationMs(): number {
    return Math.round((performance.now() - this.#startedAt) * 10) / 10;
  }

  write({ headersSent, statusCode, writableFinished }: ServerResponse): void {
    const { principal } = this;
    this.#options.log?.info("request", {
      callId: this.#callId,
      method: this.#req.method,
      route: this.route,
      handler: this.handler,
      principal: principal && (isAnonymous(principal) ? principal.subject : principal.credential),
      status: headersSent ? statusCode : statusOfKind.cancelled,
      durationMs: this.#durationMs,
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
export const beginAccess = (options: AccessOptions, req: IncomingMessage, res: ServerResponse, callId: string): void => {
  (res as Noted)[noted] = new Access(options, req, callId);
  if (options.log !== undefined) res.on("close", ended);
};

function ended(this: ServerResponse): void {
  accessOf(this)?.write(this);
}

/** The line of a request that could not be read as HTTP: there is no call. */
export const unreadableIn =
  ({ log }: AccessOptions) =>
  (status: number, bytes: number): void =>
    log?.info("request", { status, bytes });
