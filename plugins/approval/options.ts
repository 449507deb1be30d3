// The options of approval().

import { Type } from "../../core/index.ts";
import { anAuthentication } from "../../core/model/authentication.ts";
import { opaque } from "../../core/plugin-api.ts";
import type { OptionValues } from "../../core/schema/options.ts";
import { isPlainObject } from "../../core/schema/schema.ts";
import { withDefault } from "../../core/schema/with-default.ts";
import type { NotifyOption } from "./notices/index.ts";
import type { ApprovalPolicy } from "./policy.ts";

/** A listener of its own for the page and its API. Without one, both are mounted on http's. */
export type ApprovalListen =
  | { readonly port: number; readonly host?: string }
  /** A Unix socket, relative to the project's folder. Users who may write to the file may connect. */
  | { readonly path: string };

/** A proxy that has signed people in and says in headers who they are. */
export type SsoOptions = {
  /** Holds the person's name: `x-forwarded-user`. The proxy must replace what clients send under this name. */
  readonly personHeader: string;
  /** Holds the person's roles, separated by commas. Default: none. */
  readonly rolesHeader?: string;
} & (
  | {
      /** What shows that the request came through the proxy: this header with this value, at least 32 characters. */
      readonly secretHeader: string;
      readonly secret: string;
      readonly unixSocket?: never;
    }
  /** The page listens on a Unix socket, and only the proxy may connect to it. */
  | { readonly unixSocket: true; readonly secretHeader?: never; readonly secret?: never }
);

const sevenDaysMs = 7 * 86_400_000;

export const approvalOptions = {
  /** By name; an exposure says `approval: "finance"`. */
  policies: opaque<Readonly<Record<string, ApprovalPolicy>>>('{ finance: { approvers: [{ role: "finance" }] } }', isPlainObject),
  /** The approvers' own door. No surface's credentials count unless the same authenticator is given here. */
  authenticate: Type.Optional(anAuthentication),
  /** Where people reach this server: `https://shop.example`. Links are built from it, never from what a request says. */
  publicUrl: Type.Optional(Type.String()),
  /** People whom a proxy has signed in. */
  sso: Type.Optional(
    opaque<SsoOptions>("{ personHeader, secretHeader, secret }, or { personHeader, unixSocket: true }", isPlainObject),
  ),
  /** A listener of its own for the page. Default: http's. */
  listen: Type.Optional(opaque<ApprovalListen>("{ port, host }, or { path }", isPlainObject)),
  /** Who is told of requests: a function, a webhook, or several. */
  notify: Type.Optional(opaque<NotifyOption>("a function, { webhook: { url, secret } }, or a list of those")),
  /** How many requests of one caller may wait for people. Default 20. */
  maxPending: withDefault(Type.Integer({ minimum: 1, maximum: 10_000 }), 20),
  /** How many requests one person may file within an hour, cancelled ones included. Default 60. */
  maxFiledPerHour: withDefault(Type.Integer({ minimum: 1, maximum: 100_000 }), 60),
  /** How long after a denial the same call, or one that looks the same, is refused without asking anybody. Milliseconds, default 600,000. */
  cooldownMs: withDefault(Type.Integer({ minimum: 0, maximum: sevenDaysMs }), 600_000),
  /** How long requests that have ended are kept after the last thing that happened to them. Default 400. */
  retentionDays: withDefault(Type.Integer({ minimum: 1, maximum: 36_500 }), 400),
};

export type ApprovalOptions = OptionValues<typeof approvalOptions>;
