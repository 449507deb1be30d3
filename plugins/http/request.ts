// Gives the kernel the facts about an HTTP request: the credentials, and whether the caller still waits. Quater reads a fact only
// when the kernel needs this fact, because most calls need few facts.

import type { IncomingMessage, ServerResponse } from "node:http";
import { Cancellation, invalidToken, type Presented } from "../../core/plugin-api.ts";
import { hasBody } from "./body.ts";
import type { Guard } from "./guard.ts";
import { unsigned } from "./handler-reply.ts";
import { pathOf } from "./path.ts";
import { TransportRefusal } from "./refusals.ts";

const jsonType = /^application\/(?:json|[a-z0-9.+-]+\+json)\s*(?:;|$)/i;
const reading = new Set(["GET", "HEAD", "OPTIONS"]);

/** The paths that orchestrators request until the process ends. */
const probes = new Set(["/health", "/ready"]);
export const isProbe = ({ method, url }: IncomingMessage): boolean =>
  (method === "GET" || method === "HEAD") && probes.has(pathOf(url ?? ""));

export class RequestCredentials implements Presented {
  readonly surface: string;
  readonly isLocal = false;
  readonly #req: IncomingMessage;
  readonly #guard: Guard;
  readonly #cookieKeys: readonly string[];

  constructor(req: IncomingMessage, surface: string, guard: Guard, cookieKeys: readonly string[]) {
    this.surface = surface;
    this.#req = req;
    this.#guard = guard;
    this.#cookieKeys = cookieKeys;
  }

  get peer(): string | undefined {
    return this.#guard.peerOf(this.#req);
  }

  header(name: string): string | undefined {
    const value = this.#req.headers[name];
    if (value === undefined) return undefined;
    // Node joins header lines with the same name, or keeps only the first header line. The guard has already refused HTTP
    // requests with a second Authorization. The header Cookie may have several lines (RFC 9113 8.2.3), and Quater counts cookies
    // by name.
    if (name !== "authorization" && name !== "cookie" && linesOf(this.#req.rawHeaders, name) > 1) throw invalidToken();
    return Array.isArray(value) ? value[0] : value;
  }

  unsign(name: string, sent: string): string | undefined {
    return unsigned(this.#cookieKeys, name, sent);
  }

  /**
   * Checks the origin of an HTTP request with a cookie (threat T16). The guard has already refused HTTP requests with an Origin
   * that is not allowed.
   */
  assertSameSite(): void {
    const { method = "", headers } = this.#req;
    if (reading.has(method)) return;
    if (headers.origin === undefined && headers["sec-fetch-site"] !== "same-origin")
      throw new TransportRefusal(
        "origin_not_allowed",
        "A request that changes data and authenticates by a cookie must send an Origin header of this server or of allowedOrigins",
      );
    if (hasBody(this.#req) && !jsonType.test(headers["content-type"] ?? ""))
      throw new TransportRefusal("unsupported_media_type", "The request body must be JSON. Send Content-Type: application/json", {
        accept: "application/json",
        connection: "close",
      });
  }
}

const linesOf = (raw: readonly string[], name: string): number => {
  let count = 0;
  for (let index = 0; index < raw.length; index += 2) {
    const line = raw[index] ?? "";
    if (line.length === name.length && line.toLowerCase() === name) count++;
  }
  return count;
};

/** A cancellation that Quater triggers when the client leaves before the response is complete. */
export class ResponseCancellation extends Cancellation {
  readonly #res: ServerResponse;
  #isListening = false;

  constructor(res: ServerResponse) {
    super();
    this.#res = res;
  }

  override get isCancelled(): boolean {
    return super.isCancelled || (this.#res.destroyed && !this.#res.writableFinished);
  }

  override get signal(): AbortSignal {
    if (!this.#isListening) {
      this.#isListening = true;
      this.#res.once("close", () => {
        if (this.isCancelled) this.cancel();
      });
    }
    return super.signal;
  }
}
