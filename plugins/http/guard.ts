// Checks every HTTP request before any other code reads it: the number of headers, one Host of this server, a path in its normal
// form, and an allowed Origin (threats T14 to T18).

import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { loopbackHosts } from "../../core/model/loopback.ts";
import { normalTarget } from "./path.ts";
import { blockListOf, isIn } from "./proxies.ts";
import { TransportRefusal } from "./refusals.ts";

export interface GuardOptions {
  /** Host names that requests may have, without port. Loopback names are always allowed. */
  readonly allowedHosts?: readonly string[];
  /** Origins of other sites whose pages may call: `https://app.example`. Pages of the same origin may always call. */
  readonly allowedOrigins?: readonly string[];
  /** Addresses or networks (`10.0.0.0/8`) of proxies whose X-Forwarded-For is trusted. */
  readonly trustedProxies?: readonly string[];
}

export interface Guard {
  /**
   * Checks an HTTP request, and writes the path in `req.url` in its normal form.
   *
   * @param isProbe  Returns whether the request may have any Host. Called only if the Host of the request is not a Host of the
   * server.
   * @returns Whether the Host is a Host of the server.
   * @throws {TransportRefusal}
   */
  readonly check: (
    req: IncomingMessage,
    isProbe?: (req: IncomingMessage) => boolean,
    isOpenToAll?: (req: IncomingMessage) => boolean,
  ) => boolean;
  readonly isOriginAllowed: (req: IncomingMessage, origin: string) => boolean;
  /** Whether the address belongs to a trusted proxy. */
  readonly isTrusted: (address: string) => boolean;
  /**
   * Returns the caller's address: the address of the connection, or the right-most address in X-Forwarded-For that is not a
   * trusted proxy.
   *
   * @param isFromProxy  Whether the request came over a Unix socket that only a proxy can open.
   */
  readonly peerOf: (req: IncomingMessage, isFromProxy?: boolean) => string | undefined;
}

const hostText = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+?)\.?(?::\d{1,5})?$/i;
/** The most header lines of a request. Node silently drops lines after about a thousand. */
const maxHeaderLines = 100;
/**
 * Headers that may be sent only once. Node would use the first of two lines or both, and a proxy may have checked another line.
 */
const onlyOnce = new Set(["host", "authorization", "content-length", "content-type"]);

export const guardOf = ({ allowedHosts = [], allowedOrigins = [], trustedProxies = [] }: GuardOptions): Guard => {
  const hosts = new Set([...loopbackHosts, ...allowedHosts].map((host) => host.toLowerCase()));
  const origins = new Set(allowedOrigins.map((origin) => origin.toLowerCase()));
  const proxies = blockListOf(trustedProxies);
  let lastHost: string | undefined; // Remember the last Host, because most requests have the same one as the request before.

  const isOriginAllowed = (req: IncomingMessage, origin: string): boolean => {
    if (origins.has(origin.toLowerCase())) return true;
    const sameSite = /^https?:\/\/(.+)$/i.exec(origin)?.[1];
    return sameSite !== undefined && sameSite.toLowerCase() === req.headers.host?.toLowerCase();
  };

  return {
    isOriginAllowed,
    check: (req, isProbe, isOpenToAll) => {
      const raw = req.rawHeaders;
      if (raw.length > 2 * maxHeaderLines)
        throw new TransportRefusal("too_many_headers", `The request has more than ${maxHeaderLines} header lines`, {
          connection: "close",
        });
      const repeated = repeatedHeader(raw);
      if (repeated === "host")
        throw new TransportRefusal("host_not_allowed", "The request has more than one Host header", { connection: "close" });
      if (repeated !== undefined)
        throw new TransportRefusal("bad_request", `The request contains the header ${repeated} more than once`, {
          connection: "close",
        });
      checkProtocol(req);
      const { host, origin } = req.headers;
      if (req.url?.charCodeAt(0) !== 47)
        throw new TransportRefusal("host_not_allowed", "The target of the request must be a path, not a whole URL", {
          connection: "close",
        });
      let isOurs = true;
      if (host !== lastHost || host === undefined) {
        const name = hostText.exec(host ?? "")?.[1]?.toLowerCase();
        // With a port above 65535, Koa's `ctx.URL` would be empty, and middleware that checks its path would see an empty path.
        isOurs = name !== undefined && hosts.has(name) && URL.canParse(`http://${host}`);
        if (isOurs) lastHost = host;
        else if (isProbe?.(req) !== true)
          throw new TransportRefusal("host_not_allowed", "The Host header names a host that this server does not serve");
      }
      req.url = normalTarget(req.url);
      if (origin !== undefined && !isOriginAllowed(req, origin) && isOpenToAll?.(req) !== true)
        throw new TransportRefusal(
          "origin_not_allowed",
          "The page that sent this request has an Origin that may not call this server",
        );
      return isOurs;
    },
    isTrusted: (address) => isIn(proxies, address),
    peerOf: (req, isFromProxy = false) => {
      const peer = req.socket.remoteAddress;
      const forwarded = req.headers["x-forwarded-for"];
      if (typeof forwarded !== "string" || (!isFromProxy && (peer === undefined || !isIn(proxies, peer)))) return peer;
      let known = peer;
      for (const hop of forwarded.split(",").reverse()) {
        const address = addressIn(hop.trim());
        // No trusted proxy wrote this invalid address, so the addresses before it in the header are not trusted either.
        if (address === undefined) return known;
        known = address;
        if (!isIn(proxies, address)) return known;
      }
      return known;
    },
  };
};

/** Refuses requests that Node's parser accepts although RFC 9112 forbids them. */
const checkProtocol = ({ httpVersion, headers }: IncomingMessage): void => {
  const close = { connection: "close" };
  const isOld = httpVersion === "1.0";
  if (httpVersion !== "1.1" && !isOld)
    throw new TransportRefusal(
      "bad_request",
      `The server does not accept HTTP/${httpVersion}. Send the request with HTTP/1.1`,
      close,
    );
  if (headers.host === undefined && !isOld) throw new TransportRefusal("bad_request", "The request has no Host header", close);
  const { expect, "transfer-encoding": coding } = headers;
  if (coding !== undefined && isOld)
    throw new TransportRefusal("bad_request", "Transfer-Encoding needs HTTP/1.1, but the request uses HTTP/1.0", close);
  if (coding !== undefined && coding.toLowerCase() !== "chunked")
    throw new TransportRefusal("bad_request", "The server accepts only the Transfer-Encoding chunked", close);
  if (expect !== undefined && expect.toLowerCase() !== "100-continue")
    throw new TransportRefusal(
      "expectation_failed",
      "The server accepts only the expectation 100-continue in the header Expect",
      close,
    );
};

/** Returns the address of a hop. Some proxies write it with a port: `1.2.3.4:555`, `[2001:db8::1]:555`. */
const addressIn = (hop: string): string | undefined => {
  const address = /^\[([^\]]+)\](?::\d{1,5})?$/.exec(hop)?.[1] ?? hop.replace(/^([^:]+):\d{1,5}$/, "$1");
  return isIP(address) === 0 ? undefined : address;
};

/**
 * Finds a repeated header. Most requests have at most one header name with each of the lengths 4, 12, 13 and 14, and need no
 * comparison of names.
 */
const repeatedHeader = (raw: readonly string[]): string | undefined => {
  let [four, twelve, thirteen, fourteen] = [0, 0, 0, 0];
  for (let index = 0; index < raw.length; index += 2) {
    const length = raw[index]?.length;
    if (length === 4) four++;
    else if (length === 12) twelve++;
    else if (length === 13) thirteen++;
    else if (length === 14) fourteen++;
  }
  if (four < 2 && twelve < 2 && thirteen < 2 && fourteen < 2) return undefined;
  let seen: string[] | undefined;
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] ?? "";
    // Compare lengths first, because lower-casing every name would cost more than all other checks.
    if (name.length !== 4 && (name.length < 12 || name.length > 14)) continue;
    const lower = name.toLowerCase();
    if (!onlyOnce.has(lower)) continue;
    if (seen?.includes(lower)) return lower;
    seen ??= [];
    seen.push(lower);
  }
  return undefined;
};
