// The options of approval().

import type { Authentication } from "../../core/plugin-api.ts";
import type { NotifyOption } from "./notices/notice.ts";
import type { ApprovalListen, SsoOptions } from "./page/options.ts";
import type { ApprovalPolicy } from "./policy.ts";

export interface ApprovalOptions {
  /** By name; an exposure says `approval: "finance"`. */
  readonly policies: Readonly<Record<string, ApprovalPolicy>>;
  /** The approvers' own door. No surface's credentials count unless the same authenticator is given here. */
  readonly authenticate?: Authentication;
  /** Where people reach this server: `https://shop.example`. Links are built from it, never from what a request says. */
  readonly publicUrl?: string;
  /** People whom a proxy has signed in. */
  readonly sso?: SsoOptions;
  /** A listener of its own for the page. Default: http's. */
  readonly listen?: ApprovalListen;
  /** Who is told of requests: a function, a webhook, or several. */
  readonly notify?: NotifyOption;
  /** How many requests of one caller may wait for people. Default 20. */
  readonly maxPending?: number;
  /** How many requests one person may file within an hour, cancelled ones included. Default 60. */
  readonly maxFiledPerHour?: number;
  /** How long after a denial the same call, or one that looks the same, is refused without asking anybody. Milliseconds, default 600,000. */
  readonly cooldownMs?: number;
  /** How long requests that have ended are kept after the last thing that happened to them. Default 400. */
  readonly retentionDays?: number;
}
