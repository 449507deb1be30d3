// The options of http().

import { secret, Type } from "../../core/index.ts";
import { anAuthentication } from "../../core/model/authentication.ts";
import type { OptionValues } from "../../core/schema/options.ts";
import { withDefault } from "../../core/schema/with-default.ts";
import { openApiOption } from "./openapi/options.ts";
import { problemOption } from "./problem-format.ts";

const timeoutMs = Type.Integer({ minimum: 1, maximum: 2_147_483_647 });

export const httpOptions = {
  /** The port on which the HTTP server listens. Default 3000. If `port` is 0, the operating system chooses the port. */
  port: withDefault(Type.Integer({ minimum: 0, maximum: 65_535 }), 3000),
  /** The address on which the HTTP server listens. Default 127.0.0.1. If you set another address, also set `allowedHosts`. */
  host: withDefault(Type.String({ minLength: 1 }), "127.0.0.1"),
  /** The authenticator of the callers. Required if any route is not public. */
  authenticate: Type.Optional(anAuthentication),
  /** The size of the largest request body that the server accepts, bytes. Default 1 MiB. */
  maxBodyBytes: withDefault(Type.Integer({ minimum: 1, maximum: 1_073_741_824 }), 1_048_576),
  /** How long a client may take to send the headers of an HTTP request, milliseconds. Default 10,000. */
  headersTimeoutMs: withDefault(timeoutMs, 10_000),
  /** How long a client may take to send a whole HTTP request, milliseconds. Default 30,000. */
  requestTimeoutMs: withDefault(timeoutMs, 30_000),
  /** How long a connection without an HTTP request stays open, milliseconds. Default 5,000. */
  keepAliveTimeoutMs: withDefault(timeoutMs, 5_000),
  /**
   * How long a client may read nothing of an available response before the server closes the connection, milliseconds. Default
   * 30,000.
   */
  stallTimeoutMs: withDefault(timeoutMs, 30_000),
  /**
   * How many connections one address, or one /64 network of IPv6, may have at once. Default 250, of 1,000 connections in total.
   */
  maxConnectionsPerPeer: withDefault(Type.Integer({ minimum: 1, maximum: 1_000 }), 250),
  /** The largest number of HTTP requests without a response. Further HTTP requests get 503 `overloaded`. Default 500. */
  maxRequests: withDefault(Type.Integer({ minimum: 1, maximum: 1_000 }), 500),
  /**
   * How long an HTTP request may wait until the process runs the HTTP request. After this time, the server responds with 503
   * `overloaded`. Default 1,000 ms.
   */
  maxDelayMs: withDefault(timeoutMs, 1_000),
  /** The origin under which clients reach this server: `https://shop.example`. The host of this origin is an allowed host. */
  publicUrl: Type.Optional(Type.String()),
  /** The path with which all exposed routes begin: `/api/v1`. Default: none. */
  prefix: withDefault(Type.String({ pattern: "^(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*$" }), ""),
  /**
   * The keys of signed cookies, each of at least 32 bytes. The first key signs cookies, and all keys verify cookies, so put a new
   * key first.
   */
  cookieKeys: withDefault(Type.Array(secret(Type.String())), []),
  /** Origins, other than the server's own origin, to which `reply.redirect` may lead. */
  redirectOrigins: withDefault(Type.Array(Type.String()), []),
  /** Host names, without port, that HTTP requests may have. The server always allows loopback names. */
  allowedHosts: withDefault(Type.Array(Type.String()), []),
  /**
   * Origins of other sites whose pages may call routes: `https://app.example`. Pages of the server's own origin may always call
   * routes. With "any", pages of all sites may call routes.
   */
  allowedOrigins: withDefault(Type.Union([Type.Literal("any"), Type.Array(Type.String())]), []),
  /** Addresses or networks (`10.0.0.0/8`) of proxies whose header X-Forwarded-For Quater trusts. */
  trustedProxies: withDefault(Type.Array(Type.String()), []),
  /** Whether the server logs one line for each HTTP request. Default: only in `serve` and `dev`. */
  accessLog: Type.Optional(Type.Boolean()),
  /** The project's own format of errors, instead of problem details: `{ schema, from, contentType }`. */
  problem: Type.Optional(problemOption),
  /** Texts for the OpenAPI document: `description`, `contact`, `license`, `servers`, and `tags` by name. */
  openApi: Type.Optional(openApiOption),
};

export type HttpOptions = OptionValues<typeof httpOptions>;
