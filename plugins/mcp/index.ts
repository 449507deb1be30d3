// The mcp plugin: handlers as tools for agents, over `POST /mcp` where http is configured, and over stdio for
// `quater mcp`.

import { type Principal, Type } from "../../core/index.ts";
import { anAuthentication } from "../../core/model/authentication.ts";
import { isServing } from "../../core/model/run-mode.ts";
import { type Catalog, definePlugin, type PluginContext, type Probe, type Running } from "../../core/plugin-api.ts";
import type { OptionValues } from "../../core/schema/options.ts";
import { httpRef } from "../http/service.ts";
import { type McpService, mcpRef } from "./service.ts";
import { mcpKey, type ToolExposure } from "./tools.ts";

export { type McpService, mcpRef, type StdioStreams } from "./service.ts";
export type { ToolExposure } from "./tools.ts";

declare module "quater" {
  interface Exposure {
    /** Makes the handler a tool for agents. */
    readonly mcp?: boolean | ToolExposure;
  }
}

const mcpOptions = {
  /** Who may call tools. Without it a manifest that exposes tools does not boot. */
  authenticate: Type.Optional(anAuthentication),
  /** The app's name for people. Default: none, clients show the manifest's name. */
  title: Type.Optional(Type.String()),
  /** What agents should know of the app as a whole; clients may put it into their prompt. */
  instructions: Type.Optional(Type.String()),
};

/**
 * Serves handlers as MCP tools.
 *
 * @example
 * plugins: [http({ authenticate: apiKeys() }), mcp({ authenticate: apiKeys() })]
 */
export const mcp = definePlugin(mcpOptions, (options) => ({
  name: "mcp",
  wants: [httpRef],
  provides: [mcpRef],
  exposure: [mcpKey],
  surface: { name: "mcp", exposes: "MCP tools", authenticate: options.authenticate, adopt: asAgent },
  setup: (context) => setup(options, context),
}));

const setup = async (
  options: OptionValues<typeof mcpOptions>,
  { services, catalog, gate, log, project, mode, maxOutputBytes }: PluginContext,
): Promise<Running> => {
  const http = services.find(httpRef);
  // Tools cannot be called in these modes, so the protocol is not loaded.
  if (!isServing(mode)) {
    http?.mount("POST /mcp", () => {}); // named in the exposure table, and never mounted
    return {};
  }
  const [{ Dispatcher, mcpOverHttp }, { httpProbe }, { serveStdio }, { Toolbox }] = await Promise.all([
    import("./requests.ts"),
    import("./probe.ts"),
    import("./stdio.ts"),
    import("./tools.ts"),
  ]);
  const about = { name: project.name, version: project.version, title: options.title, instructions: options.instructions };
  const dispatcher = new Dispatcher(gate, new Toolbox(catalog), about, maxOutputBytes);
  const service: McpService = { serveStdio: (streams) => serveStdio(streams, { gate, dispatcher, log }) };
  services.provide(mcpRef, service);
  http?.mount("POST /mcp", ({ endpoint }) => endpoint("/mcp", mcpOverHttp({ http, gate, dispatcher, log })));
  return {
    probe: (call) => {
      const baseUrl = http?.baseUrl;
      return (baseUrl === undefined ? stdioProbe(service, catalog) : httpProbe(baseUrl, catalog))(call);
    },
  };
};

/** Calls tools over a pair of streams, one session per call. Without a token the caller is local. */
export const stdioProbe =
  (service: McpService, catalog: Catalog): Probe =>
  async (call) =>
    (await import("./probe.ts")).stdioProbe(service, catalog)(call);

/**
 * Every caller over MCP is an agent that works for a person, also when the credential belongs to a person: what it asks
 * for was not typed by that person.
 */
const asAgent = (principal: Principal): Principal => {
  const known = agents.get(principal);
  if (known !== undefined) return known;
  const agent = Object.freeze(agentOf(principal));
  if (isFixed(principal)) agents.set(principal, agent);
  return agent;
};

/** Keeps a value per principal. Authenticators often return the same object for the same credential. */
const agents = new WeakMap<Principal, Principal>();

/** Whether the principal cannot change any more. A value that can change, also behind a getter, must not be kept. */
const isFixed = (principal: Principal): boolean =>
  Object.isFrozen(principal) &&
  Object.getPrototypeOf(principal) === Object.prototype &&
  Object.values(Object.getOwnPropertyDescriptors(principal)).every((field) => "value" in field);

const agentOf = (principal: Principal): Principal => {
  const { issuer, subject, credential, scopes, roles, claims, person, actsFor = person } = principal;
  const agent = { issuer, subject, kind: "agent" as const, credential, scopes, roles, claims };
  if (actsFor === undefined) return agent;
  // A person who works for another one stays known: neither of the two may agree to what is asked here.
  return person === undefined || person === actsFor ? { ...agent, actsFor } : { ...agent, actsFor, person };
};
