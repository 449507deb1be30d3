// The plugin mcp, which serves handlers as tools, resources and prompts for agents: over `POST /mcp` if http() is configured, and
// over stdio with `quater mcp`.

import type { Principal } from "../../core/index.ts";
import { isServing } from "../../core/model/run-mode.ts";
import {
  type BootProblem,
  type Catalog,
  definePlugin,
  type Log,
  type PluginContext,
  type Probe,
  type Running,
} from "../../core/plugin-api.ts";
import { type HttpService, httpRef } from "../http/service.ts";
import { approvalsRef, auditRef, type Store, storeRef } from "../offered.ts";
import type { SharedUpdates } from "./answering/shared-updates.ts";
import { AudienceCheck } from "./authorization/audience.ts";
import { mcpPath, pagePath } from "./authorization/option.ts";
import type { Authorization } from "./authorization/resource-server.ts";
import { type McpExposure, mcpKey, nameClashes, waysTo } from "./offers/exposure.ts";
import { type McpOptions, mcpOptions } from "./options.ts";
import { type McpService, mcpRef } from "./service.ts";

export type { McpExposure } from "./offers/exposure.ts";
export type { Icon } from "./protocol/about.ts";
export { type McpService, mcpRef, type StdioStreams } from "./service.ts";

declare module "quater" {
  interface Exposure {
    /** Exposes the handler to MCP clients as a tool, an MCP resource or a prompt. */
    readonly mcp?: boolean | McpExposure;
  }
}

/**
 * Makes the plugin mcp, which serves handlers as MCP tools, resources and prompts.
 *
 * @example
 * plugins: [http({ authenticate: apiKeys() }), mcp({ authenticate: apiKeys() })]
 */
export const mcp = definePlugin(mcpOptions, (options) => {
  const audience = new AudienceCheck(options.authorization);
  const adopt = (principal: Principal): Principal => {
    audience.check(principal);
    return asAgent(principal);
  };
  return {
    name: "mcp",
    wants: [httpRef, approvalsRef, auditRef, storeRef],
    provides: [mcpRef],
    exposure: [mcpKey],
    surface: {
      name: "mcp",
      exposes: "MCP tools",
      authenticate: options.authenticate,
      adopt,
      ways: (operation) => waysTo(operation, options.catalog),
    },
    // `quater run` loads one handler and uses no tool, so these checks would only make the start of the process slower.
    check: async ({ catalog, mode }) => (mode === "run" ? [] : checkOffers(catalog, options)),
    setup: (context) => setup(options, audience, context),
  };
});

const checkOffers = async (catalog: Catalog, { schemas, catalog: choice }: McpOptions): Promise<readonly BootProblem[]> => {
  const [{ resourceClashes }, { portabilityOf }] = await Promise.all([
    import("./offers/resources.ts"),
    import("./offers/tools.ts"),
  ]);
  return [
    ...(schemas === "any" ? [] : portabilityOf(catalog)),
    ...resourceClashes(catalog),
    ...(choice === "search" ? nameClashes(catalog) : []),
  ];
};

const setup = async (options: McpOptions, audience: AudienceCheck, context: PluginContext): Promise<Running> => {
  const { services, catalog, log, project, mode } = context;
  const http = services.find(httpRef);
  const authorization = await authorizationOf(options, catalog, http, options.title ?? project.name);
  if (http?.publicUrl !== undefined) audience.set(http.publicUrl);
  if (isServing(mode)) return (await import("./setup.ts")).serveClients(options, context, authorization);
  // Mount the paths without an endpoint, so that the exposure table contains the paths.
  http?.mount(`POST ${mcpPath}`, () => {});
  if (options.docs) http?.mount(`GET ${pagePath}`, () => {});
  const { service, stop } = withoutClients(services.find(storeRef), log);
  services.provide(mcpRef, service);
  return { stop };
};

/**
 * Returns the service of a process without MCP clients, such as `quater run`. This service passes reports of changed resources to
 * the other instances.
 */
const withoutClients = (store: Store | undefined, log: Log) => {
  let loading: Promise<SharedUpdates> | undefined;
  const load = async (kept: Store) => {
    const { SharedUpdates } = await import("./answering/shared-updates.ts");
    return new SharedUpdates(kept, log, () => {});
  };
  const service: McpService = {
    serveStdio: () => Promise.reject(new Error("This process serves no MCP clients")),
    updated: (uri) => {
      if (store === undefined) return;
      loading ??= load(store);
      void loading.then((updates) => updates.send(uri));
    },
  };
  return { service, stop: async () => (await loading)?.stop() };
};

const authorizationOf = async (
  { authorization: option, authenticate }: McpOptions,
  catalog: Catalog,
  http: HttpService | undefined,
  title: string,
): Promise<Authorization | undefined> => {
  if (option === undefined) return undefined;
  const { checkAuthorization } = await import("./authorization/boot-check.ts");
  const { Authorization } = await import("./authorization/resource-server.ts");
  const publicUrl = checkAuthorization(option, authenticate, http);
  const authorization = new Authorization({ option, publicUrl, catalog, title });
  if (http !== undefined) authorization.mount(http);
  return authorization;
};

/** Calls tools over a pair of streams, with one stdio session per call. Without a token, the local user makes the call. */
export const stdioProbe =
  (service: McpService, catalog: Catalog): Probe =>
  async (call) =>
    (await import("./probe.ts")).stdioProbe(service, catalog)(call);

/**
 * Turns every caller over MCP into an agent that works for a person, because no person typed the call. A caller with the
 * credential of a person also becomes an agent.
 */
const asAgent = (principal: Principal): Principal => {
  const known = agents.get(principal);
  if (known !== undefined) return known;
  const agent = Object.freeze(agentOf(principal));
  if (isFixed(principal)) agents.set(principal, agent);
  return agent;
};

/**
 * The agents that `asAgent` has made, by principal. This cache is useful because authenticators often return the same object for
 * the same credential.
 */
const agents = new WeakMap<Principal, Principal>();

/**
 * Whether the principal can no longer change. `asAgent` must not cache a principal that can change, for example through a getter.
 */
const isFixed = (principal: Principal): boolean =>
  Object.isFrozen(principal) &&
  Object.getPrototypeOf(principal) === Object.prototype &&
  Object.values(Object.getOwnPropertyDescriptors(principal)).every((field) => "value" in field);

const agentOf = (principal: Principal): Principal => {
  const { issuer, subject, credential, scopes, roles, claims, person, actsFor = person } = principal;
  const agent = { issuer, subject, kind: "agent" as const, credential, scopes, roles, claims };
  if (actsFor === undefined) return agent;
  // Keep `person` if the person of the caller acts for another person, because neither of the two persons may approve this call.
  return person === undefined || person === actsFor ? { ...agent, actsFor } : { ...agent, actsFor, person };
};
