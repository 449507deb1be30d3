// Writes the access log: one line for each request, after its answer was sent or its client has left. It also writes the header
// `Server-Timing` in development. The facts about a request are kept on the response, in one object without closures. A line
// contains no arguments, so it names the route and not the path.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Principal } from "../../core/index.ts";
import { isAnonymous } from "../../core/model/principal.ts";
import type { Log } from "../../core/plugin-api.ts";
import { statusOfKind } from "./statuses.ts";

export interface AccessOptions {
  /** Receives the lines. `undefined` if there is no access log. */
  readonly log: Log | undefined;
  /** Whether answers say how long they took, in the header `Server-Timing`. */
  readonly isTimed: boolean;
}

const noted = Symbol("access");
type Noted = ServerResponse & { [noted]?: Access };

/** The facts about one request that its log line needs. */
export class Access {
  /** The route as the manifest has it: `/orders/:orderId`. `undefined` if no route matched the request. */
  route: string | undefined;
  handler: string | undefined;
  principal: Principal | undefined;
  readonly #options: AccessOptions;
  readonly #req: IncomingMessage;
  readonly #callId: string;
  readonly #startedAt = performance.now();
  /** How many bytes the connection had sent before this request. */
  readonly #sentBefore: number;

  constructor(options: AccessOptions, req: IncomingMessage, callId: string) {
    this.#options = options;
    this.#req = req;
    this.#callId = callId;
    this.#sentBefore = req.socket.bytesWritten;
  }

  /** The current value of `Server-Timing`; `undefined` if the header is not sent. */
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

/** Returns the facts about a request; `undefined` if no request is logged. */
export const accessOf = (res: ServerResponse): Access | undefined => (res as Noted)[noted];

export const noteRoute = (res: ServerResponse, route: string): void => {
  const access = accessOf(res);
  if (access !== undefined) access.route = route;
};

/** Starts the log line of a request. It is written when the response closes. */
export const beginAccess = (options: AccessOptions, req: IncomingMessage, res: ServerResponse, callId: string): void => {
  (res as Noted)[noted] = new Access(options, req, callId);
  if (options.log !== undefined) res.on("close", ended);
};

function ended(this: ServerResponse): void {
  accessOf(this)?.write(this);
}

/** Makes the function that logs a request that could not be read as HTTP, so that there is no call. */
export const unreadableIn =
  ({ log }: AccessOptions) =>
  (status: number, bytes: number): void =>
    log?.info("request", { status, bytes });
