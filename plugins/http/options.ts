// The options of http().

import { secret, Type } from "../../core/index.ts";
import { anAuthentication } from "../../core/model/authentication.ts";
import type { OptionValues } from "../../core/schema/options.ts";
import { withDefault } from "../../core/schema/with-default.ts";
import { openApiOption } from "./openapi/options.ts";
import { problemOption } from "./problem-format.ts";

const timeoutMs = Type.Integer({ minimum: 1, maximum: 2_147_483_647 });

export const httpOptions = {
  /** Default 3000; 0 lets the system choose. */
  port: withDefault(Type.Integer({ minimum: 0, maximum: 65_535 }), 3000),
  /** Default 127.0.0.1. Anything else needs `allowedHosts`. */
  host: withDefault(Type.String({ minLength: 1 }), "127.0.0.1"),
  /** Who callers are. Needed as soon as a route is not public. */
  authenticate: Type.Optional(anAuthentication),
  /** Default 1 MiB. */
  maxBodyBytes: withDefault(Type.Integer({ minimum: 1, maximum: 1_073_741_824 }), 1_048_576),
  /** How long a client may take to send its headers. Default 10,000. */
  headersTimeoutMs: withDefault(timeoutMs, 10_000),
  /** How long a client may take to send the whole request. Default 30,000. */
  requestTimeoutMs: withDefault(timeoutMs, 30_000),
  /** How long a connection without a request stays open. Default 5,000. */
  keepAliveTimeoutMs: withDefault(timeoutMs, 5_000),
  /** How long a client may take nothing of an answer that is there for it. Then its connection is closed. Default 30,000. */
  stallTimeoutMs: withDefault(timeoutMs, 30_000),
  /** Connections that one address may have at once, or one /64 network of IPv6. Default 250, of 1,000 in all. */
  maxConnectionsPerPeer: withDefault(Type.Integer({ minimum: 1, maximum: 1_000 }), 250),
  /** Requests that are worked on at once. Further ones are answered with 503 `overloaded`. Default 500. */
  maxRequests: withDefault(Type.Integer({ minimum: 1, maximum: 1_000 }), 500),
  /** How long a request may wait until the process begins it. Then it is answered with 503 `overloaded`. Default 1,000. */
  maxDelayMs: withDefault(timeoutMs, 1_000),
  /** The origin at which clients reach this server: `https://shop.example`. Its host is an allowed host. */
  publicUrl: Type.Optional(Type.String()),
  /** A path that all exposed routes are under: `/api/v1`. Default: none. */
  prefix: withDefault(Type.String({ pattern: "^(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*$" }), ""),
  /** Keys of signed cookies, each of at least 32 bytes. The first signs, all verify: put a new key in front. */
  cookieKeys: withDefault(Type.Array(secret(Type.String())), []),
  /** Origins beside its own that `reply.redirect` may lead to. */
  redirectOrigins: withDefault(Type.Array(Type.String()), []),
  /** Host names that requests may name, without port; loopback names are always among them. */
  allowedHosts: withDefault(Type.Array(Type.String()), []),
  /** Origins of other sites whose pages may call, `https://app.example`. Same-origin pages always may. "any": pages of all sites, routes alone. */
  allowedOrigins: withDefault(Type.Union([Type.Literal("any"), Type.Array(Type.String())]), []),
  /** Addresses or networks (`10.0.0.0/8`) of proxies whose X-Forwarded-For is believed. */
  trustedProxies: withDefault(Type.Array(Type.String()), []),
  /** One log line for each request. Default: in `serve` and `dev`. */
  accessLog: Type.Optional(Type.Boolean()),
  /** The format of errors, instead of problem details: `{ schema, from, contentType }`. */
  problem: Type.Optional(problemOption),
  /** What the OpenAPI document says of the API: `description`, `contact`, `license`, `servers`, and `tags` by name. */
  openApi: Type.Optional(openApiOption),
};

export type HttpOptions = OptionValues<typeof httpOptions>;
