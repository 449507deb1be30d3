// Sets up the plugin mcp in processes that serve clients. Other processes, such as `quater run`, do not load this file.

import type { Gate, PluginContext, Running, Services } from "../../core/plugin-api.ts";
import { httpRef } from "../http/service.ts";
import { approvalsRef, auditRef, storeRef } from "../offered.ts";
import { Dispatcher } from "./answering/dispatch.ts";
import { offersIn } from "./answering/offers.ts";
import { Subscriptions } from "./answering/subscriptions.ts";
import type { ApprovalRounds } from "./approval/rounds.ts";
import { mcpPath } from "./authorization/option.ts";
import type { Authorization } from "./authorization/resource-server.ts";
import { mountWithoutOAuth } from "./authorization/without.ts";
import type { McpOptions } from "./options.ts";
import { httpProbe, stdioProbe } from "./probe.ts";
import { Results } from "./protocol/answers.ts";
import { type McpService, mcpRef } from "./service.ts";
import { migrations } from "./tables.ts";
import { ClientCalls } from "./transport/client-calls.ts";
import { mcpOverHttp } from "./transport/http.ts";
import { serveStdio } from "./transport/stdio.ts";

export const serveClients = async (
  options: McpOptions,
  { services, catalog, gate, log, project, mode, maxOutputBytes }: PluginContext,
  authorization: Authorization | undefined,
): Promise<Running> => {
  const http = services.find(httpRef);
  const store = services.find(storeRef);
  store?.register("mcp", migrations);
  const { title, instructions, icons } = options;
  const about = { name: project.name, version: project.version, title, instructions, icons };
  const results = new Results(about);
  const { catalog: choice, schemas } = options;
  const offers = offersIn(catalog, { results, catalog: choice, schemas, approvals: services.find(approvalsRef) });
  const rounds = await roundsOf(options, gate, services, results);
  const subscriptions = new Subscriptions({ gate, resources: offers.resources, results, log, store });
  const dispatcher = new Dispatcher({ gate, offers, about, results, subscriptions, maxOutputBytes, rounds });
  const service: McpService = {
    serveStdio: (streams) => serveStdio(streams, { gate, dispatcher, subscriptions, log }),
    updated: (uri) => subscriptions.updated(uri),
  };
  services.provide(mcpRef, service);
  const calls = new ClientCalls({ app: project.name, audit: services.find(auditRef), store, log });
  http?.mount(`POST ${mcpPath}`, ({ endpoint, fallback }) => {
    endpoint(mcpPath, mcpOverHttp({ http, dispatcher, log, authorization, calls, heartbeatMs: options.heartbeatMs }));
    if (authorization === undefined) mountWithoutOAuth(fallback, options.authenticate);
  });
  if (http !== undefined && options.docs) {
    const { mountPage } = await import("./page/mount.ts");
    mountPage({ http, gate, toolbox: offers.toolbox, about, authorization, isOpen: mode === "dev" });
  }
  return {
    stop: async () => {
      await Promise.all([calls.stop(), rounds?.stop(), subscriptions.stop()]);
    },
    probe: (call) => {
      const baseUrl = http?.baseUrl;
      return (baseUrl === undefined ? stdioProbe(service, catalog) : httpProbe(baseUrl, catalog))(call);
    },
  };
};

const roundsOf = async (
  { approvalHoldMs: holdMs }: McpOptions,
  gate: Gate,
  services: Services,
  results: Results,
): Promise<ApprovalRounds | undefined> => {
  const approvals = services.find(approvalsRef);
  const audit = services.find(auditRef);
  if (approvals === undefined || audit === undefined || holdMs === 0) return undefined;
  const rounds = await import("./approval/rounds.ts");
  return new rounds.ApprovalRounds({ gate, approvals, holdMs, results, secretsOf: (label) => audit.deriveSecrets(label) });
};
