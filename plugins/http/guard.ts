// Checks every HTTP request before any other code reads the HTTP request. The guard checks the number of headers, the Host, the
// normal form of the path, and the Origin (threats T14 to T18).

import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { loopbackHosts } from "../../core/model/loopback.ts";
import { normalTarget } from "./path.ts";
import { blockListOf, isIn } from "./proxies.ts";
import { TransportRefusal } from "./refusals.ts";

export interface GuardOptions {
  /** Host names, without port, that HTTP requests may have. Quater always allows loopback names. */
  readonly allowedHosts?: readonly string[];
  /**
   * Origins of other sites whose pages may call routes: `https://app.example`. Pages of the server's own origin may always call
   * routes.
   */
  readonly allowedOrigins?: readonly string[];
  /** Addresses or networks (`10.0.0.0/8`) of proxies whose header X-Forwarded-For Quater trusts. */
  readonly trustedProxies?: readonly string[];
}

export interface Guard {
  /**
   * Checks an HTTP request, and writes the path in `req.url` in its normal form.
   *
   * @param isProbe  Returns whether the HTTP request may have any Host. The guard calls this function only if the Host of the
   *   HTTP request is not a Host of the server.
   * @returns Whether the Host of the HTTP request is a Host of the server.
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
   * Returns the caller's address. The caller's address is the address of the connection, or the right-most address in
   * X-Forwarded-For that is not a trusted proxy.
   *
   * @param isFromProxy  Whether the HTTP request came over a Unix socket that only a proxy can open.
   */
  readonly peerOf: (req: IncomingMessage, isFromProxy?: boolean) => string | undefined;
}

const hostText = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+?)\.?(?::\d{1,5})?$/i;
/** The largest number of header lines of an HTTP request. Node silently drops header lines after about a thousand. */
const maxHeaderLines = 100;
/**
 * Headers that a client may send only once. If a client sends such a header twice, Node would use the first header line or both
 * header lines, and a proxy may have checked another header line.
 */
const onlyOnce = new Set(["host", "authorization", "content-length", "content-type"]);

export const guardOf = ({ allowedHosts = [], allowedOrigins = [], trustedProxies = [] }: GuardOptions): Guard => {
  const hosts = new Set([...loopbackHosts, ...allowedHosts].map((host) => host.toLowerCase()));
  const origins = new Set(allowedOrigins.map((origin) => origin.toLowerCase()));
  const proxies = blockListOf(trustedProxies);
  let lastHost: string | undefined; // Remember the last Host, because the next HTTP request mostly has the same Host.

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
        // If the port in the Host is above 65535, Koa's `ctx.URL` would be empty, and middleware that checks the path by
        // `ctx.URL` would get an empty path.
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
        // No trusted proxy wrote this invalid address. So the guard does not trust the addresses before the invalid address in
        // X-Forwarded-For either.
        if (address === undefined) return known;
        known = address;
        if (!isIn(proxies, address)) return known;
      }
      return known;
    },
  };
};

/** Refuses HTTP requests that Node's parser accepts although RFC 9112 forbids them. */
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

/**
 * Returns the address of a hop in X-Forwarded-For. Some proxies write the address with a port: `1.2.3.4:555`,
 * `[2001:db8::1]:555`.
 */
const addressIn = (hop: string): string | undefined => {
  const address = /^\[([^\]]+)\](?::\d{1,5})?$/.exec(hop)?.[1] ?? hop.replace(/^([^:]+):\d{1,5}$/, "$1");
  return isIP(address) === 0 ? undefined : address;
};

/**
 * Finds a header in `onlyOnce` that an HTTP request repeats. Most HTTP requests have at most one header name with each of the
 * lengths 4, 12, 13 and 14, so the function compares no names.
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
    // Compare the lengths of header names first, because lower-casing every header name would cost more than all other checks.
    if (name.length !== 4 && (name.length < 12 || name.length > 14)) continue;
    const lower = name.toLowerCase();
    if (!onlyOnce.has(lower)) continue;
    if (seen?.includes(lower)) return lower;
    seen ??= [];
    seen.push(lower);
  }
  return undefined;
};
