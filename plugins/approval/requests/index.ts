// The only file of the folder `requests` that other folders import. This file exports the code for approval requests, from filing
// to use.

import type { Catalog, HookChoice, Log, Operation } from "../../../core/plugin-api.ts";
import { canonicalText, schemaDigestOf } from "../../../core/schema/digest.ts";
import { hasSecret } from "../../../core/schema/schema.ts";
import type { Audit } from "../../audit/service.ts";
import type { Store } from "../../store/service.ts";
import type { Tell } from "../notices/index.ts";
import type { ApprovalOptions } from "../options.ts";
import { completed, type Policy } from "../policy.ts";
import type { Approvals } from "../service.ts";
import { ApprovalContext, type HandlerTerms } from "./approval-context.ts";
import { approvalsOn } from "./approvals.ts";
import { ended } from "./changing.ts";
import { forecast } from "./own.ts";
import { RequestReader } from "./reading.ts";
import { requirementsBy } from "./requirement.ts";
import { Secrecy } from "./secrecy.ts";
import { migrations } from "./tables.ts";
import { Upkeep } from "./upkeep.ts";
import { approve, ungated } from "./using.ts";

export interface RequestsGiven {
  readonly app: string;
  readonly options: Pick<ApprovalOptions, "policies" | "maxPending" | "maxFiledPerHour" | "cooldownMs" | "retentionDays">;
  readonly store: Store;
  readonly audit: Audit;
  readonly catalog: Catalog;
  readonly log: Log;
  readonly tell: Tell;
  /** Returns the URL of the approvals page where people decide an approval request; `undefined` without an approvals page. */
  readonly urlOf: (id: string) => string | undefined;
}

export interface Requests {
  readonly approvals: Approvals;
  /** The hooks `approve` and `forecast`, for handlers whose exposure names an approval policy. */
  readonly hooks: HookChoice;
  /** Periodically writes the expiry of approval requests, and removes old approval requests. */
  readonly upkeep: Upkeep;
}

/**
 * Registers the tables of the approval plugin with the store, and the listeners of the approval plugin with audit. The approval
 * plugin calls this function in `setup`.
 */
export const setUpRequests = ({ options, catalog, ...given }: RequestsGiven): Requests => {
  const { store, audit } = given;
  const { maxPending, maxFiledPerHour, cooldownMs, retentionDays } = options;
  store.register("approval", migrations);
  const policies = new Map(Object.entries(options.policies).map(([name, policy]) => [name, completed(policy)]));
  const secrecy = new Secrecy((label) => audit.deriveSecrets(label));
  const reader = new RequestReader(store, secrecy);
  const context = new ApprovalContext({ ...given, reader, secrecy, maxPending, maxFiledPerHour, cooldownMs });
  audit.whenCallLost((open, { approvalId, callId }) => [ended(open, approvalId, callId, "unknown")]);
  audit.whenErasing(async (open, subject) => (await import("./erasing.ts")).erasureOf(context, catalog, open, subject));
  audit.whenRestored(async (open, lost) => (await import("./restored.ts")).voidingOf(context, open, lost));
  const requirementOf = requirementsBy(policies);
  return {
    approvals: approvalsOn(context, policies),
    hooks: (operation) => {
      const requirement = operation && requirementOf(operation);
      if (operation === undefined || requirement === undefined) return undefined;
      const terms = termsOf(operation, requirement.policy, policies);
      const isGated = (surface: string) => requirement.surfaces?.includes(surface) !== false;
      return {
        approve: (call) => (isGated(call.surface) ? approve(context, terms, call) : ungated(context, call)),
        foresee: async (call) => !isGated(call.surface) || (await import("./foreseeing.ts")).foresee(context, terms, call),
        forecast: (call) => (isGated(call.surface) ? forecast(context, terms, call) : { required: false }),
      };
    },
    upkeep: new Upkeep(context, retentionDays),
  };
};

const termsOf = (operation: Operation, policyName: string, policies: ReadonlyMap<string, Policy>): HandlerTerms => {
  const policy = policies.get(policyName);
  if (policy === undefined) throw new Error(`There is no policy ${policyName}`);
  return {
    policyName,
    policy,
    policyText: canonicalText(policy),
    schema: schemaDigestOf(operation),
    hasSecrets: hasSecret(operation.input),
  };
};
