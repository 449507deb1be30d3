// The approval plugin: people approve one exact call, and then the call can run once.

import { type Authentication, definePlugin, type Plugin, type TestRun } from "../../core/plugin-api.ts";
import type { GivenOptions } from "../../core/schema/options.ts";
import { auditRef } from "../audit/service.ts";
import { httpRef } from "../http/service.ts";
import { approvalReadsRef } from "../offered.ts";
import { storeRef } from "../store/service.ts";
import { approversDoor, approversSurface } from "./approvers.ts";
import { type ApprovalExposure, approvalKey } from "./exposure.ts";
import { approvalOptions } from "./options.ts";
import { approvalsRef } from "./service.ts";

export type { ApprovalExposure } from "./exposure.ts";
export type { Notice, NoticeType, Notify, NotifyOption, Webhook } from "./notices/index.ts";
export type { ApprovalListen, SsoOptions } from "./options.ts";
export type { ApprovalPolicy, Approver } from "./policy.ts";
export type { ApprovalOutcome, ApprovalRecord, ApprovalState, Vote } from "./record.ts";
export { type Approvals, approvalsRef } from "./service.ts";

declare module "quater" {
  interface Exposure {
    /**
     * The name of the policy in `approval()` with the people who must approve calls. The policy applies on every surface, unless
     * `surfaces` lists surfaces.
     */
    readonly approval?: ApprovalExposure;
  }
}

/**
 * Makes calls wait for approval by people. To require it, name an approval policy in a handler's exposure: `approval: "finance"`.
 *
 * @example
 * plugins: [store(), audit(), approval({ authenticate: apiKeys(), policies: { finance: { approvers: [{ role: "finance" }] } } })]
 */
export const approval = definePlugin(approvalOptions, (options, given): Plugin => {
  const { policies, authenticate, sso } = options;
  return {
    name: "approval",
    needs: [storeRef, auditRef],
    wants: [httpRef],
    provides: [approvalsRef, approvalReadsRef],
    exposure: [approvalKey],
    // This surface exposes no handler. The surface exists so that the trail records refused credentials of approvers.
    surface: { name: approversSurface, exposes: "Nothing", authenticate: approversDoor(authenticate, sso) },
    check: async ({ catalog }) => {
      const { exposureProblems, optionProblems } = await import("./problems.ts");
      return [...exposureProblems(Object(policies), catalog.operations), ...optionProblems(options)];
    },
    testRun: (choice) => rehearsal(given, choice),
    setup: async (context) => (await import("./setup.ts")).setup(options, context),
  };
});

/** Returns the plugin for a test run: the plugin of a test run sends no notices and has no listener of its own. */
const rehearsal = (
  { notify, listen, sso, authenticate, ...options }: GivenOptions<typeof approvalOptions>,
  { usableForMs, hasOwnDoors = false }: TestRun,
): Plugin => {
  const closed: Authentication = () => undefined;
  // A test run does not open the Unix socket, so a connection cannot prove that it comes from the proxy.
  const isBySocket = sso?.unixSocket === true;
  const door = hasOwnDoors ? (authenticate ?? (isBySocket ? closed : undefined)) : closed;
  return approval({
    ...options,
    // The gate suite files many requests for each of its test people.
    maxFiledPerHour: 100_000,
    // The gate suite repeats a call directly after a denial, and the cooldown must not have ended at that time.
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
