// The approval plugin. People approve one exact call, and then the call can run once.

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
     * The name of the policy in `approval()` that names the people who must approve calls of this handler. The approval policy
     * applies on every surface, unless `surfaces` lists surfaces.
     */
    readonly approval?: ApprovalExposure;
  }
}

/**
 * Lets calls run only after people have approved the calls. To require approval for a handler, name an approval policy in the
 * handler's exposure: `approval: "finance"`.
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
    // The surface of approvers exposes no handler. Because approvers have a surface, the trail records refused credentials of
    // approvers.
    surface: { name: approversSurface, exposes: "Nothing", authenticate: approversDoor(authenticate, sso) },
    check: async ({ catalog }) => {
      const { exposureProblems, optionProblems } = await import("./problems.ts");
      return [...exposureProblems(Object(policies), catalog.operations), ...optionProblems(options)];
    },
    testRun: (choice) => rehearsal(given, choice),
    setup: async (context) => (await import("./setup.ts")).setup(options, context),
  };
});

/** Returns the approval plugin for a test run. The plugin of a test run sends no notices and has no separate listener. */
const rehearsal = (
  { notify, listen, sso, authenticate, ...options }: GivenOptions<typeof approvalOptions>,
  { usableForMs, hasOwnDoors = false }: TestRun,
): Plugin => {
  const closed: Authentication = () => undefined;
  // A test run does not open the Unix socket, so in a test run a connection cannot prove that the connection comes from the
  // proxy.
  const isBySocket = sso?.unixSocket === true;
  const door = hasOwnDoors ? (authenticate ?? (isBySocket ? closed : undefined)) : closed;
  return approval({
    ...options,
    // The gate suite files many approval requests for each of its test people.
    maxFiledPerHour: 100_000,
    // The gate suite repeats a call directly after a denial, and the cooldown must last until the gate suite has repeated the
    // call.
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
