// Writes the access log: one log line for each HTTP request, after the server has sent the response or the client has left. In
// development, this file also makes the header `Server-Timing`. Quater stores the facts about an HTTP request on Node's response
// object, in one object without closures. An access log line contains no arguments of a call, so the line contains the route and
// not the path of the HTTP request.

import type { IncomingMessage, ServerResponse } from "node:http";
import { cut } from "../../core/diagnostics/text.ts";
import type { Principal, QuaterError } from "../../core/index.ts";
import { isAnonymous } from "../../core/model/principal.ts";
import type { Log } from "../../core/plugin-api.ts";
import { statusOfKind } from "./statuses.ts";

export interface AccessOptions {
  /** Receives the lines of the access log. `undefined` if the server writes no access log. */
  readonly log: Log | undefined;
  /** Whether responses have the header `Server-Timing` with the time that Quater needed for the response. */
  readonly isTimed: boolean;
  /** Whether the line of a refused or failed request contains the error code, the reason and the policy. Only in development. */
  readonly isExplained?: boolean;
}

const noted = Symbol("access");
type Noted = ServerResponse & { [noted]?: Access };
const explaining = Symbol("explaining");
type Explained = object & { [explaining]?: Access };

/** The facts about one HTTP request that the line of the access log contains. */
export class Access {
  /** The path of the route, written as in the manifest: `/orders/:orderId`. `undefined` if no route matched the HTTP request. */
  route: string | undefined;
  handler: string | undefined;
  principal: Principal | undefined;
  /** The error of a refused or failed request, if the line explains errors. */
  failure: QuaterError | undefined;
  readonly #options: AccessOptions;
  readonly #req: IncomingMessage;
  readonly #callId: string;
  readonly #startedAt = performance.now();
  /** How many bytes the server had sent on the connection before this HTTP request. */
  readonly #sentBefore: number;

  constructor(options: AccessOptions, req: IncomingMessage, callId: string) {
    this.#options = options;
    this.#req = req;
    this.#callId = callId;
    this.#sentBefore = req.socket.bytesWritten;
  }

  /** The current value of the header `Server-Timing`; `undefined` if the server does not send this header. */
  get timing(): string | undefined {
    return this.#options.isTimed ? `total;dur=${this.#durationMs}` : undefined;
  }

  get #durationMs(): number {
    return Math.round((performance.now() - this.#startedAt) * 10) / 10;
  }

  write({ headersSent, statusCode, writableFinished }: ServerResponse): void {
    const { principal } = this;
    const fields = {
      callId: this.#callId,
      method: this.#req.method,
      route: this.route,
      handler: this.handler,
      principal: principal && (isAnonymous(principal) ? principal.subject : principal.credential),
      status: headersSent ? statusCode : statusOfKind.cancelled,
      durationMs: this.#durationMs,
      bytes: this.#req.socket.bytesWritten - this.#sentBefore,
    };
    // Only the rare lines with more fields copy the fields, because a copy takes longer than the fields.
    if (this.failure !== undefined) Object.assign(fields, explained(this.failure));
    this.#options.log?.info("request", writableFinished ? fields : { ...fields, isCutOff: true });
  }
}

const explained = ({ code, kind, message, refusedBy }: QuaterError): object => ({
  code,
  reason: kind === "internal" ? "The error line above with this callId contains the cause" : cut(message, 400),
  ...(refusedBy === undefined ? {} : { policy: cut(refusedBy) }),
});

/** Returns the facts about an HTTP request; `undefined` if the server logs no requests. */
export const accessOf = (res: ServerResponse): Access | undefined => (res as Noted)[noted];

/** Notes the error of a refused or failed request, if the lines of the server explain errors. */
export const noteFailure = (exchanged: object, error: QuaterError): void => {
  const access = (exchanged as Explained)[explaining];
  if (access !== undefined) access.failure = error;
};

export const noteRoute = (res: ServerResponse, route: string): void => {
  const access = accessOf(res);
  if (access !== undefined) access.route = route;
};

/** Starts to collect the facts about an HTTP request. Quater writes the access log line when the response closes. */
export const beginAccess = (options: AccessOptions, req: IncomingMessage, res: ServerResponse, callId: string): void => {
  const access = new Access(options, req, callId);
  (res as Noted)[noted] = access;
  // An error becomes an answer where only the request is known.
  if (options.isExplained === true) (req as Explained)[explaining] = access;
  if (options.log !== undefined) res.on("close", ended);
};

function ended(this: ServerResponse): void {
  accessOf(this)?.write(this);
}

/**
 * Makes the function that logs an HTTP request which the server could not parse. Quater starts no call for such an HTTP request.
 */
export const unreadableIn =
  ({ log }: AccessOptions) =>
  (status: number, bytes: number): void =>
    log?.info("request", { status, bytes });
