// Sets up the approval plugin: approval requests, approvals page, API and commands. Quater loads this file when the kernel sets
// up the plugins, so a process that only reads the manifest does not load this file.

import { isListening, isServing } from "../../core/model/run-mode.ts";
import { BootError, type PluginContext, type Running } from "../../core/plugin-api.ts";
import { auditRef } from "../audit/service.ts";
import { httpRef } from "../http/service.ts";
import { approvalReadsRef } from "../offered.ts";
import { storeRef } from "../store/service.ts";
import { approversSurface } from "./approvers.ts";
import { approvalCommands, type CommandParts, remoteReads } from "./commands/index.ts";
import { type Mounted, mount } from "./mount.ts";
import { sending } from "./notices/index.ts";
import type { ApprovalOptions } from "./options.ts";
import { issueCode, pageMigrations } from "./page/index.ts";
import { setUpRequests } from "./requests/index.ts";
import { approvalsRef } from "./service.ts";
import { firstArgumentsOn, presentOn } from "./shown/index.ts";

export const setup = async (options: ApprovalOptions, context: PluginContext): Promise<Running> => {
  const { services, mode, log, project, catalog, gate, plugins } = context;
  const store = services.get(storeRef);
  const audit = services.get(auditRef);
  const http = services.find(httpRef);
  if (http === undefined && (options.listen !== undefined || options.sso !== undefined)) throw noPage();
  const { tellerOf } = await sending();
  const teller = tellerOf(options.notify, log);
  let page: Mounted | undefined;
  const urlOf = (id: string): string | undefined => {
    const base = page?.baseUrl();
    return base === undefined ? undefined : `${base}/approvals/${id}`;
  };
  const app = project.name;
  const requests = setUpRequests({ app, options, store, audit, catalog, log, tell: teller.tell, urlOf });
  const { approvals, hooks, upkeep } = requests;
  store.register("approval-page", pageMigrations);
  services.provide(approvalsRef, approvals);
  if (http !== undefined) page = mount({ options, context, http, store, audit, approvals });
  const sources = { approvals, catalog, tagOf: (value: unknown) => audit.tagOf(value) };
  const commandParts: CommandParts = {
    root: project.root,
    approvals,
    present: presentOn(sources),
    presentFirst: firstArgumentsOn(sources),
    gate,
    surfaces: plugins.map(({ name }) => name),
    authenticateKey: async (token) =>
      gate.enter({
        surface: approversSurface,
        callId: gate.newCallId(),
        credentials: { surface: approversSurface, token, header: () => undefined, isLocal: false },
      }),
    issueCode: http === undefined ? undefined : (key) => issueCode({ store, audit }, key),
  };
  services.provide(approvalReadsRef, remoteReads(commandParts));
  return {
    hooks,
    commands: approvalCommands(commandParts),
    start: async () => {
      if (isListening(mode)) await page?.start();
      if (isServing(mode)) await upkeep.start();
    },
    stop: async () => {
      upkeep.stop();
      await page?.stop();
      await teller.stop();
    },
  };
};

/**
 * Returns the boot problem for a project without an approvals page. `setup` finds this problem, because the checks of a plugin's
 * options do not know the other plugins.
 */
const noPage = (): Error =>
  new BootError([
    {
      place: "approval()",
      plugin: "approval",
      cause: "approval() has the option listen or sso, but http() is not configured, so the approvals page cannot be served",
      remedy: "Add http() to plugins, or remove listen and sso",
    },
  ]);
