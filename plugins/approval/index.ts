// The approval plugin: people agree to one exact call, and then it runs once.

import { type Authentication, definePlugin, type Plugin, type Rehearsal, Type } from "../../core/index.ts";
import { auditRef } from "../audit/service.ts";
import { httpRef } from "../http/service.ts";
import { storeRef } from "../store/service.ts";
import type { NotifyOption } from "./notice.ts";
import type { ApprovalListen, SsoOptions } from "./page/options.ts";
import { approversSurface } from "./page/parts.ts";
import { approversDoor } from "./page/sso.ts";
import type { ApprovalPolicy } from "./policy.ts";
import { exposureProblems, optionProblems } from "./problems.ts";
import { approvalsRef } from "./service.ts";

export type { Notice, NoticeType, Notify, NotifyOption, Webhook } from "./notice.ts";
export type { ApprovalListen, SsoOptions } from "./page/options.ts";
export type { ApprovalPolicy, Approver } from "./policy.ts";
export type { ApprovalOutcome, ApprovalRecord, ApprovalState, Vote } from "./record.ts";
export { type Approvals, approvalsRef } from "./service.ts";

/** The policy's name; narrowed to some surfaces only where that is said. */
export type ApprovalExposure = string | { readonly policy: string; readonly surfaces?: readonly string[] };

declare module "quater" {
  interface Exposure {
    /** Who must agree before a call runs: a policy of approval(). Holds over every surface unless narrowed. */
    readonly approval?: ApprovalExposure;
  }
}

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

const exposureSchema = Type.Union([
  Type.String({ minLength: 1 }),
  Type.Object(
    { policy: Type.String({ minLength: 1 }), surfaces: Type.Optional(Type.Array(Type.String())) },
    { additionalProperties: false },
  ),
]);

/**
 * Asks people.
 *
 * @example
 * plugins: [store(), audit(), approval({ authenticate: apiKeys(), policies: { finance: { approvers: [{ role: "finance" }] } } })]
 */
export const approval = definePlugin(
  (options: ApprovalOptions): Plugin => {
    const { policies, authenticate, sso } = options;
    return {
      name: "approval",
      needs: [storeRef, auditRef],
      wants: [httpRef],
      provides: [approvalsRef],
      exposure: {
        key: "approval",
        schema: exposureSchema,
        remedy: 'Write the name of a policy, or { policy: "finance", surfaces: ["mcp"] }',
        check: (value, operation) => exposureProblems(Object(policies), value as ApprovalExposure, operation),
      },
      // No handler is exposed on it: it is a door, so that whoever fails at it is on the trail as everywhere.
      surface: { name: approversSurface, exposes: "Nothing", authenticate: approversDoor(authenticate, sso) },
      check: () => optionProblems(options),
      rehearsed: (choice) => rehearsal(options, choice),
      setup: async (context) => (await import("./setup.ts")).setup(options, context),
    };
  },
  {
    policies: true,
    authenticate: true,
    publicUrl: true,
    sso: true,
    listen: true,
    notify: true,
    maxPending: true,
    maxFiledPerHour: true,
    cooldownMs: true,
    retentionDays: true,
  },
);

/** Tells nobody, listens nowhere by itself, and keeps nothing but what the store keeps. */
const rehearsal = (
  { notify, listen, sso, authenticate, ...options }: ApprovalOptions,
  { usableForMs, hasOwnDoors = false }: Rehearsal,
): Plugin => {
  const closed: Authentication = () => undefined;
  // Without a socket of its own there is none whose word could be taken.
  const isBySocket = sso?.unixSocket === true;
  const door = hasOwnDoors ? (authenticate ?? (isBySocket ? closed : undefined)) : closed;
  return approval({
    ...options,
    // The suite files more requests for its people than people do.
    maxFiledPerHour: 100_000,
    // The suite repeats a call right after a denial, which must still hold then.
    cooldownMs: Math.max(options.cooldownMs ?? 0, 600_000),
    ...(door === undefined ? {} : { authenticate: door }),
    ...(sso === undefined || isBySocket || !hasOwnDoors ? {} : { sso }),
    policies: Object.fromEntries(
      Object.entries(options.policies).map(([name, policy]) => [
        name,
        usableForMs === undefined ? policy : { ...policy, usableForMs },
      ]),
    ),
  });
};
