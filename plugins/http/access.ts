// Writes the access log: one line for each HTTP request, after the answer was sent or the client has left. In development, this
// file also makes the header `Server-Timing`. The facts about a request are stored on the response, in one object without
// closures. A log line contains no arguments, so the line names the route and not the path.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Principal } from "../../core/index.ts";
import { isAnonymous } from "../../core/model/principal.ts";
import type { Log } from "../../core/plugin-api.ts";
import { statusOfKind } from "./statuses.ts";

export interface AccessOptions {
  /** Receives the lines. `undefined` if there is no access log. */
  readonly log: Log | undefined;
  /** Whether answers have the header `Server-Timing` with the time that the answer took. */
  readonly isTimed: boolean;
}

const noted = Symbol("access");
type Noted = ServerResponse & { [noted]?: Access };

/** The facts about one HTTP request that its log line contains. */
export class Access {
  /** The path of the route as the manifest has it: `/orders/:orderId`. `undefined` if no route matched the HTTP request. */
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
    // Only the rare line with `isCutOff` copies the fields, because a copy takes longer than the fields.
    this.#options.log?.info("request", writableFinished ? fields : { ...fields, isCutOff: true });
  }
}

/** Returns the facts about an HTTP request; `undefined` if the server logs no requests. */
export const accessOf = (res: ServerResponse): Access | undefined => (res as Noted)[noted];

export const noteRoute = (res: ServerResponse, route: string): void => {
  const access = accessOf(res);
  if (access !== undefined) access.route = route;
};

/** Starts to collect the facts about an HTTP request. The log line is written when the response closes. */
export const beginAccess = (options: AccessOptions, req: IncomingMessage, res: ServerResponse, callId: string): void => {
  (res as Noted)[noted] = new Access(options, req, callId);
  if (options.log !== undefined) res.on("close", ended);
};

function ended(this: ServerResponse): void {
  accessOf(this)?.write(this);
}

/** Makes the function that logs a request that the server could not read as HTTP. There is no call for such a request. */
export const unreadableIn =
  ({ log }: AccessOptions) =>
  (status: number, bytes: number): void =>
    log?.info("request", { status, bytes });
