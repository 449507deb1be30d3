// CORS headers let pages of listed origins read the responses (https://fetch.spec.whatwg.org/#http-cors-protocol). Before this
// file adds CORS headers, the guard has refused HTTP requests whose Origin is not allowed.

import type { IncomingMessage } from "node:http";
import type { Reply } from "./reply.ts";

export interface Cors {
  /**
   * Returns the CORS headers of a response: names and values, one after the other. `undefined` if the response has no CORS
   * headers.
   */
  readonly headersOf: (req: IncomingMessage) => readonly string[] | undefined;
  /** Returns the response to a preflight of an allowed page; `undefined` for every other HTTP request. */
  readonly preflight: (req: IncomingMessage) => Reply | undefined;
}

/**
 * How many seconds a browser may use the response to a preflight. Without `preflightSeconds`, browsers use the response to a
 * preflight for 5 seconds.
 */
const preflightSeconds = "600";
const methods = "GET,HEAD,PUT,POST,DELETE,PATCH";

/** Returns the method that a preflight names in the header `Access-Control-Request-Method`. */
export const methodAsked = ({ method, headers }: IncomingMessage): string | undefined =>
  method === "OPTIONS" ? headers["access-control-request-method"] : method;

/**
 * The headers of a response that pages of other origins may read. With `content-disposition` and `etag`, the typed client
 * distinguishes a file from a text. With `www-authenticate`, an OAuth client in a page finds the scopes that a call needs. With
 * `mcp-session-id`, an MCP client in a page can cancel its calls.
 */
const exposedHeaders = "x-request-id,retry-after,content-disposition,etag,www-authenticate,mcp-session-id";

/**
 * Makes the CORS headers for pages of all sites. Browsers send no cookies with HTTP requests of these pages, because no response
 * allows cookies.
 *
 * @param isOpen  Returns whether the HTTP request is for an exposed route, or is the preflight of such an HTTP request.
 */
const corsForAll = (isOpen: (req: IncomingMessage) => boolean): Cors => ({
  headersOf: (req) =>
    req.method !== "OPTIONS" && isOpen(req)
      ? ["access-control-allow-origin", "*", "access-control-expose-headers", exposedHeaders]
      : undefined,
  preflight: (req) => {
    const { origin, "access-control-request-headers": asked } = req.headers;
    if (req.method !== "OPTIONS" || origin === undefined || methodAsked(req) === undefined || !isOpen(req)) return undefined;
    return { status: 204, headers: allowing("*", asked), body: "" };
  },
});

const allowing = (origin: string, asked: string | undefined): readonly string[] => [
  "access-control-allow-origin",
  origin,
  "access-control-max-age",
  preflightSeconds,
  "access-control-allow-methods",
  methods,
  ...(asked ? ["access-control-allow-headers", asked] : []),
];

/**
 * Makes the CORS headers for pages of listed origins. @returns `undefined` if the list is empty. In this case, no response has
 * CORS headers.
 */
const corsOf = (allowedOrigins: readonly string[]): Cors | undefined => {
  if (allowedOrigins.length === 0) return undefined;
  const listed = new Set(allowedOrigins.map((origin) => origin.toLowerCase()));
  const originOf = ({ headers: { origin } }: IncomingMessage) =>
    origin !== undefined && listed.has(origin.toLowerCase()) ? origin : undefined;
  return {
    headersOf: (req) => {
      const origin = originOf(req);
      if (origin === undefined || req.method === "OPTIONS") return ["vary", "Origin"];
      return ["vary", "Origin", "access-control-allow-origin", origin, "access-control-expose-headers", exposedHeaders];
    },
    preflight: (req) => {
      const origin = req.method === "OPTIONS" ? originOf(req) : undefined;
      if (origin === undefined || !req.headers["access-control-request-method"]) return undefined;
      const asked = req.headers["access-control-request-headers"];
      return { status: 204, headers: ["vary", "Origin", ...allowing(origin, asked)], body: "" };
    },
  };
};

/** Whether the CORS headers let pages of all sites read the response. */
export const areForAll = (headers: readonly string[]): boolean => headers[1] === "*";

/**
 * Makes the CORS headers of an HTTP server.
 *
 * @param isOpen  Returns whether pages of all sites may send the HTTP request. `undefined` if these pages may send no HTTP
 *   request.
 */
export const corsFor = (
  allowedOrigins: "any" | readonly string[],
  isOpen: ((req: IncomingMessage) => boolean) | undefined,
): Cors | undefined => {
  const listed = corsOf(allowedOrigins === "any" ? [] : allowedOrigins);
  if (isOpen === undefined) return listed;
  const open = corsForAll(isOpen);
  if (listed === undefined) return open;
  const corsAt = (req: IncomingMessage) => (isOpen(req) ? open : listed);
  return { headersOf: (req) => corsAt(req).headersOf(req), preflight: (req) => corsAt(req).preflight(req) };
};
