// CORS headers for pages of listed origins (https://fetch.spec.whatwg.org/#http-cors-protocol). The guard has refused every other
// Origin. These headers let pages of the listed origins read the answers.

import type { IncomingMessage } from "node:http";
import type { Reply } from "./reply.ts";

export interface Cors {
  /** Names and values in turn, for each answer. */
  readonly headersOf: (req: IncomingMessage) => readonly string[];
  /** The answer to a preflight of a listed page; `undefined` for every other request. */
  readonly preflight: (req: IncomingMessage) => Reply | undefined;
}

/** How long a browser may go without asking again; they forget after 5 seconds if nothing is said. */
const preflightSeconds = "600";
const methods = "GET,HEAD,PUT,POST,DELETE,PATCH";

/** What a page asks before its request: `Access-Control-Request-Method`. */
export const methodAsked = ({ method, headers }: IncomingMessage): string | undefined =>
  method === "OPTIONS" ? headers["access-control-request-method"] : method;

/** What pages of other origins may read of a response. The typed client tells a file from a text by the last two. */
const exposedHeaders = "x-request-id,retry-after,content-disposition,etag";

/**
 * For pages of all sites. Browsers then send no cookies with their requests, and no answer lets a page ask for that.
 *
 * @param isOpen  Whether the request is one of an exposed route, or its preflight.
 */
export const corsForAll = (isOpen: (req: IncomingMessage) => boolean): Cors => ({
  headersOf: (req) =>
    req.method !== "OPTIONS" && isOpen(req)
      ? ["access-control-allow-origin", "*", "access-control-expose-headers", exposedHeaders]
      : [],
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

/** @returns `undefined` where no origin is listed: then no answer has such a header. */
export const corsOf = (allowedOrigins: readonly string[]): Cors | undefined => {
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
      return { status: 204, headers: allowing(origin, asked), body: "" };
    },
  };
};
