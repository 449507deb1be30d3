// The options of approval() and their types.

import { Type } from "../../core/index.ts";
import { anAuthentication } from "../../core/model/authentication.ts";
import { opaque } from "../../core/plugin-api.ts";
import type { OptionValues } from "../../core/schema/options.ts";
import { isPlainObject } from "../../core/schema/schema.ts";
import { withDefault } from "../../core/schema/with-default.ts";
import type { NotifyOption } from "./notices/index.ts";
import type { ApprovalPolicy } from "./policy.ts";

/** A separate listener for the approvals page and the API for approvals. Default: the listener of `http()`. */
export type ApprovalListen =
  | { readonly port: number; readonly host?: string }
  /** The path of a Unix socket, relative to the project's folder. Users who can write the socket file can connect. */
  | { readonly path: string };

/** A proxy that signs people in and sends their names in headers. */
export type SsoOptions = {
  /** The header with the person's name: `x-forwarded-user`. The proxy must remove this header from client requests. */
  readonly personHeader: string;
  /** The header with the person's roles, separated by commas. Default: no roles. */
  readonly rolesHeader?: string;
} & (
  | {
      /**
       * The proxy sends this header with the secret, at least 32 characters, to prove that an HTTP request comes from the proxy.
       */
      readonly secretHeader: string;
      readonly secret: string;
      readonly unixSocket?: never;
    }
  /** The approvals page listens on a Unix socket to which only the proxy can connect, so no secret is needed. */
  | { readonly unixSocket: true; readonly secretHeader?: never; readonly secret?: never }
);

const sevenDaysMs = 7 * 86_400_000;

export const approvalOptions = {
  /** Approval policies by name. An exposure contains the name of a policy: `approval: "finance"`. */
  policies: opaque<Readonly<Record<string, ApprovalPolicy>>>('{ finance: { approvers: [{ role: "finance" }] } }', isPlainObject),
  /** Authenticates approvers. Credentials of other surfaces are accepted only if this option has the same authenticator. */
  authenticate: Type.Optional(anAuthentication),
  /**
   * The public origin of this server: `https://shop.example`. Links contain this origin, and never an origin from the headers of
   * an HTTP request.
   */
  publicUrl: Type.Optional(Type.String()),
  /** Accepts people whom a proxy has signed in. */
  sso: Type.Optional(
    opaque<SsoOptions>("{ personHeader, secretHeader, secret }, or { personHeader, unixSocket: true }", isPlainObject),
  ),
  /** A separate listener for the approvals page. Default: the listener of `http()`. */
  listen: Type.Optional(opaque<ApprovalListen>("{ port, host }, or { path }", isPlainObject)),
  /** Receives notices about requests: a function, a webhook, or a list of them. */
  notify: Type.Optional(opaque<NotifyOption>("a function, { webhook: { url, secret } }, or a list of those")),
  /** How many requests of one caller may be pending. Default 20. */
  maxPending: withDefault(Type.Integer({ minimum: 1, maximum: 10_000 }), 20),
  /** How many requests one person may file per hour. Cancelled requests count. Default 60. */
  maxFiledPerHour: withDefault(Type.Integer({ minimum: 1, maximum: 100_000 }), 60),
  /** How long after a denial the same call, and calls that look the same, are refused, milliseconds. Default 600,000. */
  cooldownMs: withDefault(Type.Integer({ minimum: 0, maximum: sevenDaysMs }), 600_000),
  /** How many days a request is stored after it has ended. Default 400. */
  retentionDays: withDefault(Type.Integer({ minimum: 1, maximum: 36_500 }), 400),
};

export type ApprovalOptions = OptionValues<typeof approvalOptions>;
