// The options of approval() and their types.

import { Type } from "../../core/index.ts";
import { anAuthentication } from "../../core/model/authentication.ts";
import { opaque } from "../../core/plugin-api.ts";
import type { OptionValues } from "../../core/schema/options.ts";
import { isPlainObject } from "../../core/schema/schema.ts";
import { withDefault } from "../../core/schema/with-default.ts";
import type { NotifyOption } from "./notices/index.ts";
import type { ApprovalPolicy } from "./policy.ts";

/**
 * A separate listener for the approvals page and the API for approvals. Without the option `listen`, the listener of `http()`
 * serves the page and the API.
 */
export type ApprovalListen =
  | { readonly port: number; readonly host?: string }
  /** The path of a Unix socket, relative to the project's folder. Users who can write to the socket file can connect. */
  | { readonly path: string };

/** A proxy that signs people in and sends the names of these people in headers. */
export type SsoOptions = {
  /**
   * The header with the name of the signed-in person: `x-forwarded-user`. The proxy must remove this header from the HTTP
   * requests of clients.
   */
  readonly personHeader: string;
  /** The header with the roles of the signed-in person, separated by commas. Without `rolesHeader`, the person has no roles. */
  readonly rolesHeader?: string;
} & (
  | {
      /**
       * The name of the header in which the proxy sends its secret. The secret of the proxy has at least 32 characters, and
       * proves that an HTTP request comes from the proxy.
       */
      readonly secretHeader: string;
      readonly secret: string;
      readonly unixSocket?: never;
    }
  /** The approvals page listens on a Unix socket to which only the proxy can connect, so the proxy needs no secret. */
  | { readonly unixSocket: true; readonly secretHeader?: never; readonly secret?: never }
);

const sevenDaysMs = 7 * 86_400_000;

export const approvalOptions = {
  /** Approval policies by name. An exposure contains the name of an approval policy: `approval: "finance"`. */
  policies: opaque<Readonly<Record<string, ApprovalPolicy>>>('{ finance: { approvers: [{ role: "finance" }] } }', isPlainObject),
  /**
   * Authenticates approvers. Quater accepts credentials of other surfaces only if this option has the same authenticator as the
   * other surface.
   */
  authenticate: Type.Optional(anAuthentication),
  /**
   * The public origin of this server: `https://shop.example`. Links to approval requests contain this origin, and never an origin
   * from the headers of an HTTP request.
   */
  publicUrl: Type.Optional(Type.String()),
  /** Accepts people whom a proxy has signed in. */
  sso: Type.Optional(
    opaque<SsoOptions>("{ personHeader, secretHeader, secret }, or { personHeader, unixSocket: true }", isPlainObject),
  ),
  /** A separate listener for the approvals page. Without `listen`, the listener of `http()` serves the approvals page. */
  listen: Type.Optional(opaque<ApprovalListen>("{ port, host }, or { path }", isPlainObject)),
  /** Receives notices about approval requests: a function, a webhook, or a list of functions and webhooks. */
  notify: Type.Optional(opaque<NotifyOption>("a function, { webhook: { url, secret } }, or a list of those")),
  /** How many approval requests of one caller may be pending. Default 20. */
  maxPending: withDefault(Type.Integer({ minimum: 1, maximum: 10_000 }), 20),
  /** How many approval requests one person may file per hour. Cancelled approval requests count. Default 60. */
  maxFiledPerHour: withDefault(Type.Integer({ minimum: 1, maximum: 100_000 }), 60),
  /**
   * The time in milliseconds after a denial in which Quater refuses the same call, and calls that look the same. Default 600,000.
   */
  cooldownMs: withDefault(Type.Integer({ minimum: 0, maximum: sevenDaysMs }), 600_000),
  /** The number of days for which Quater stores an approval request after the approval request has ended. Default 400. */
  retentionDays: withDefault(Type.Integer({ minimum: 1, maximum: 36_500 }), 400),
};

export type ApprovalOptions = OptionValues<typeof approvalOptions>;
