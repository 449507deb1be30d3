// The plugin mcp, which serves handlers as tools, resources and prompts for agents: over `POST /mcp` if http() is configured, and
// over stdio with `quater mcp`.

import { type Principal, Type, withDefault } from "../../core/index.ts";
import { anAuthentication } from "../../core/model/authentication.ts";
import { isServing } from "../../core/model/run-mode.ts";
import {
  type BootProblem,
  type Catalog,
  definePlugin,
  type Gate,
  type Log,
  type PluginContext,
  type Probe,
  type Running,
  type Services,
} from "../../core/plugin-api.ts";
import type { OptionValues } from "../../core/schema/options.ts";
import { type HttpService, httpRef } from "../http/service.ts";
import { approvalsRef, auditRef, type Store, storeRef } from "../offered.ts";
import type { SharedUpdates } from "./answering/shared-updates.ts";
import type { ApprovalRounds } from "./approval/rounds.ts";
import { AudienceCheck } from "./authorization/audience.ts";
import { authorizationOption, mcpPath, pagePath } from "./authorization/option.ts";
import type { Authorization } from "./authorization/resource-server.ts";
import { type McpExposure, mcpKey, nameClashes, waysTo } from "./offers/exposure.ts";
import { iconSchema } from "./protocol/about.ts";
import type { Results } from "./protocol/answers.ts";
import { type McpService, mcpRef } from "./service.ts";
import { migrations } from "./tables.ts";

export type { McpExposure } from "./offers/exposure.ts";
export type { Icon } from "./protocol/about.ts";
export { type McpService, mcpRef, type StdioStreams } from "./service.ts";

declare module "quater" {
  interface Exposure {
    /** Exposes the handler to MCP clients: as a tool, a resource or a prompt. */
    readonly mcp?: boolean | McpExposure;
  }
}

const mcpOptions = {
  /** Authenticates the callers over MCP. If the manifest exposes tools and this option is missing, the boot fails. */
  authenticate: Type.Optional(anAuthentication),
  /**
   * The authorization servers from which OAuth clients get tokens for this MCP server. Needs `publicUrl` of http(). Without this
   * option, callers need a key or token that they already have.
   */
  authorization: Type.Optional(authorizationOption),
  /**
   * How long a repeated call of a client of revision 2026-07-28 waits for the decision of the approvers, milliseconds. With 0,
   * calls that need approval get a tool error.
   */
  approvalHoldMs: withDefault(Type.Integer({ minimum: 0, maximum: 20_000 }), 20_000),
  /**
   * The time after which a silent answer over HTTP becomes an event stream with comments, and the time between two comments,
   * milliseconds. Proxies close silent connections after about a minute.
   */
  heartbeatMs: withDefault(Type.Integer({ minimum: 1, maximum: 600_000 }), 15_000),
  /** The app's name for people. Without this option, clients show the manifest's name. */
  title: Type.Optional(Type.String()),
  /** The icons of the app that clients may show. */
  icons: Type.Optional(Type.Array(iconSchema, { maxItems: 10 })),
  /** Information about the app for agents. Clients may put this text into the prompt of a model. */
  instructions: Type.Optional(Type.String()),
  /**
   * With `"portable"`, tools publish schemas that all major model providers accept, and the boot fails if a schema has no such
   * form. With `"any"`, tools publish the schemas of their handlers.
   */
  schemas: withDefault(Type.Union([Type.Literal("portable"), Type.Literal("any")]), "portable"),
  /**
   * With `"list"`, the tool list contains all tools that the caller may call. With `"search"`, the tool list contains two tools:
   * `search` finds tools, and `call` calls a tool. Use `"search"` for apps with so many tools that their descriptions fill the
   * context of a model.
   */
  catalog: withDefault(Type.Union([Type.Literal("list"), Type.Literal("search")]), "list"),
  /**
   * Whether the server shows the tools to people at `/mcp/docs`. Readers of this page need a credential, except in `quater dev`.
   */
  docs: withDefault(Type.Boolean(), true),
};

/**
 * Serves handlers as MCP tools, resources and prompts.
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
    // A call from the terminal loads one handler and uses no tool, so these checks would only make its start slower.
    check: async ({ catalog, mode }) => (mode === "run" ? [] : checkOffers(catalog, options)),
    setup: (context) => setup(options, audience, context),
  };
});

const checkOffers = async (
  catalog: Catalog,
  { schemas, catalog: choice }: OptionValues<typeof mcpOptions>,
): Promise<readonly BootProblem[]> => {
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

const setup = async (
  options: OptionValues<typeof mcpOptions>,
  audience: AudienceCheck,
  { services, catalog, gate, log, project, mode, maxOutputBytes }: PluginContext,
): Promise<Running> => {
  const http = services.find(httpRef);
  const authorization = await authorizationOf(options, catalog, http, options.title ?? project.name);
  if (http?.publicUrl !== undefined) audience.set(http.publicUrl);
  const store = services.find(storeRef);
  store?.register("mcp", migrations);
  // In run modes that serve no callers, no tool can be called, so the protocol code is not loaded.
  if (!isServing(mode)) {
    // List the paths in the exposure table, although no endpoint is mounted at the paths.
    http?.mount(`POST ${mcpPath}`, () => {});
    if (options.docs) http?.mount(`GET ${pagePath}`, () => {});
    const { service, stop } = withoutClients(store, log);
    services.provide(mcpRef, service);
    return { stop };
  }
  const [
    { ClientCalls },
    { Subscriptions },
    { Dispatcher },
    { mcpOverHttp },
    { httpProbe },
    { serveStdio },
    { offersIn },
    answers,
  ] = await Promise.all([
    import("./transport/client-calls.ts"),
    import("./answering/subscriptions.ts"),
    import("./answering/dispatch.ts"),
    import("./transport/http.ts"),
    import("./probe.ts"),
    import("./transport/stdio.ts"),
    import("./answering/offers.ts"),
    import("./protocol/answers.ts"),
  ]);
  const { title, instructions, icons } = options;
  const about = { name: project.name, version: project.version, title, instructions, icons };
  const results = new answers.Results(about);
  const offers = offersIn(catalog, {
    results,
    catalog: options.catalog,
    schemas: options.schemas,
    approvals: services.find(approvalsRef),
  });
  const { toolbox } = offers;
  const rounds = await roundsOf(options, gate, services, results);
  const subscriptions = new Subscriptions({ gate, resources: offers.resources, results, log, store });
  const dispatcher = new Dispatcher({ gate, offers, about, results, subscriptions, maxOutputBytes, rounds });
  const service: McpService = {
    serveStdio: (streams) => serveStdio(streams, { gate, dispatcher, subscriptions, log }),
    updated: (uri) => subscriptions.updated(uri),
  };
  services.provide(mcpRef, service);
  const { mountWithoutOAuth } = await import("./authorization/without.ts");
  const calls = new ClientCalls({ app: project.name, audit: services.find(auditRef), store, log });
  http?.mount(`POST ${mcpPath}`, ({ endpoint, fallback }) => {
    endpoint(mcpPath, mcpOverHttp({ http, dispatcher, log, authorization, calls, heartbeatMs: options.heartbeatMs }));
    if (authorization === undefined) mountWithoutOAuth(fallback, options.authenticate);
  });
  if (http !== undefined && options.docs) {
    const { mountPage } = await import("./page/mount.ts");
    mountPage({ http, gate, toolbox, about, authorization, isOpen: mode === "dev" });
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

/** Returns the service of a process without clients, such as `quater run`: reports of changes go to the other instances. */
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

const roundsOf = async (
  { approvalHoldMs: holdMs }: OptionValues<typeof mcpOptions>,
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

const authorizationOf = async (
  { authorization: option, authenticate }: OptionValues<typeof mcpOptions>,
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

/** Calls tools over a pair of streams, with one session per call. A call without a token comes from the local user. */
export const stdioProbe =
  (service: McpService, catalog: Catalog): Probe =>
  async (call) =>
    (await import("./probe.ts")).stdioProbe(service, catalog)(call);

/**
 * Turns every caller over MCP into an agent that works for a person, because no person typed the call. A caller with the
 * credential of a person is also an agent.
 */
const asAgent = (principal: Principal): Principal => {
  const known = agents.get(principal);
  if (known !== undefined) return known;
  const agent = Object.freeze(agentOf(principal));
  if (isFixed(principal)) agents.set(principal, agent);
  return agent;
};

/**
 * The agent for each principal. This cache is useful because authenticators often return the same object for the same credential.
 */
const agents = new WeakMap<Principal, Principal>();

/** Whether the principal can no longer change. A principal that can change, for example through a getter, must not be cached. */
const isFixed = (principal: Principal): boolean =>
  Object.isFrozen(principal) &&
  Object.getPrototypeOf(principal) === Object.prototype &&
  Object.values(Object.getOwnPropertyDescriptors(principal)).every((field) => "value" in field);

const agentOf = (principal: Principal): Principal => {
  const { issuer, subject, credential, scopes, roles, claims, person, actsFor = person } = principal;
  const agent = { issuer, subject, kind: "agent" as const, credential, scopes, roles, claims };
  if (actsFor === undefined) return agent;
  // Keep `person` if the caller works for another person, because neither of the two persons may approve this call.
  return person === undefined || person === actsFor ? { ...agent, actsFor } : { ...agent, actsFor, person };
};
