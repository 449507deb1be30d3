// The approval plugin at work. Loaded when a project that has it is set up, so that a manifest which only imports it does
// not pay.

import { BootError, type Operation, type PluginContext, type Running } from "../../core/plugin-api.ts";

import { canonicalText, schemaDigestOf } from "../../core/schema/digest.ts";

import { hasSecret } from "../../core/schema/schema.ts";
import { auditRef } from "../audit/service.ts";
import { httpRef } from "../http/service.ts";
import { storeRef } from "../store/service.ts";
import { approvalCommands } from "./commands/commands.ts";
import { tellerOf } from "./notices/deliver.ts";
import type { ApprovalOptions } from "./options.ts";
import { codeMigrations, issueCode } from "./page/codes.ts";
import { endedMigration } from "./page/ended.ts";
import { type Page, setUpPage } from "./page/mount.ts";
import { approversSurface } from "./page/parts.ts";
import { completed, type Policy } from "./policy.ts";
import { ApprovalContext, type HandlerTerms } from "./requests/approval-context.ts";
import { approvalsOn } from "./requests/approvals.ts";
import { ended } from "./requests/changing.ts";
import { fillKeys } from "./requests/filling.ts";
import { forecast } from "./requests/own.ts";
import { voidOfFormat1 } from "./requests/proving.ts";
import { RequestReader } from "./requests/reading.ts";
import { requirementsBy } from "./requests/requirement.ts";
import { Secrecy } from "./requests/secrecy.ts";
import { pruneEnded, sweepExpired } from "./requests/sweeping.ts";
import { migrations } from "./requests/tables.ts";
import { approve, ungated } from "./requests/using.ts";
import { approvalsRef } from "./service.ts";

const processesThatStay = new Set(["serve", "dev", "mcp", "test"]);
const serving = new Set(["serve", "dev", "test"]);
const sweepEveryMs = 5_000;
const pruneEveryMs = 3_600_000;

export const setup = (options: ApprovalOptions, context: PluginContext): Running => {
  const { services, mode, log, project, catalog, gate, plugins } = context;
  const store = services.get(storeRef);
  const audit = services.get(auditRef);
  const http = services.find(httpRef);
  if (http === undefined && (options.listen !== undefined || options.sso !== undefined)) throw noPage();
  store.register("approval", migrations);
  store.register("approval-page", [...codeMigrations, endedMigration]);
  const policies = new Map(Object.entries(options.policies).map(([name, policy]) => [name, completed(policy)]));
  const teller = tellerOf(options.notify, log);
  let page: Page | undefined;
  const urlOf = (id: string): string | undefined => {
    const base = page?.baseUrl();
    return base === undefined ? undefined : `${base}/approvals/${id}`;
  };
  const { maxPending, maxFiledPerHour, cooldownMs, retentionDays } = options;
  const secrecy = new Secrecy((label) => audit.secretsFor(label));
  const reader = new RequestReader(store, secrecy);
  const approvalContext = new ApprovalContext({
    app: project.name,
    store,
    audit,
    reader,
    secrecy,
    log,
    tell: teller.tell,
    urlOf,
    maxPending,
    maxFiledPerHour,
    cooldownMs,
  });
  const approvals = approvalsOn(approvalContext, policies);
  services.provide(approvalsRef, approvals);
  audit.whenLost((open, { approvalId, callId }) => [ended(open, approvalId, callId, "unknown")]);
  audit.whenErasing(async (open, subject) =>
    (await import("./requests/erasing.ts")).erasureOf(approvalContext, catalog, open, subject),
  );
  audit.whenRestored(async (open, lost) => (await import("./requests/restored.ts")).voidingOf(approvalContext, open, lost));
  if (http !== undefined) page = setUpPage({ options, context, http, store, audit, approvals });
  let sweeping: NodeJS.Timeout | undefined;
  let prunedAt = 0;
  let isFilled = false;
  const sweep = async (): Promise<void> => {
    while (!isFilled) isFilled = await fillKeys(approvalContext);
    await sweepExpired(approvalContext);
    if (Date.now() - prunedAt < pruneEveryMs) return;
    prunedAt = Date.now();
    isFilled = false; // an instance of an older version may still run beside this one
    await pruneEnded(approvalContext, retentionDays);
    const rows = await reader.countWithoutId();
    if (rows > 0)
      log.error("Rows of approval_request have no id of a request. They are left out: find out who wrote them", { rows });
  };
  return {
    hooks: (operation) => {
      const given = operation === undefined ? undefined : requirementsBy(policies)(operation);
      if (operation === undefined || given === undefined) return undefined;
      const plan = planOf(operation, given.policy, policies);
      const isGated = (surface: string) => given.surfaces?.includes(surface) !== false;
      return {
        approve: (call) => (isGated(call.surface) ? approve(approvalContext, plan, call) : ungated(approvalContext, call)),
        forecast: (call) => (isGated(call.surface) ? forecast(approvalContext, plan, call) : { required: false }),
      };
    },
    commands: approvalCommands({
      root: project.root,
      approvals,
      catalog,
      gate,
      surfaces: plugins.map(({ name }) => name),
      authenticateKey: async (token) =>
        gate.enter({
          surface: approversSurface,
          callId: gate.newCallId(),
          credentials: { surface: approversSurface, token, header: () => undefined, isLocal: false },
        }),
      tagOf: (value) => audit.tagOf(value),
      issueCode: http === undefined ? undefined : (key) => issueCode({ store, audit }, key),
    }),
    start: async () => {
      if (serving.has(mode)) await page?.start();
      if (!processesThatStay.has(mode)) return;
      const voided = await voidOfFormat1(approvalContext);
      if (voided > 0) log.warn("Open approvals from before format 2 of the trail were voided; callers ask anew", { voided });
      const sweepNow = () => {
        sweep().catch((error: unknown) => log.warn("Approvals could not be looked after", { error: String(error) }));
      };
      sweeping = setInterval(sweepNow, sweepEveryMs);
      sweeping.unref();
    },
    stop: async () => {
      clearInterval(sweeping);
      await page?.stop();
      await teller.stop();
    },
  };
};

/** Only here: a plugin's own checks do not see which other plugins there are. */
const noPage = (): Error =>
  new BootError([
    {
      place: "approval()",
      plugin: "approval",
      cause: "approval is told how its page is reached, and nothing serves a page",
      remedy: "Add http() to plugins, or remove listen and sso",
    },
  ]);

const planOf = (operation: Operation, policyName: string, policies: ReadonlyMap<string, Policy>): HandlerTerms => {
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
