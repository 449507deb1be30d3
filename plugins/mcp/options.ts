// The options of the plugin mcp.

import { Type, withDefault } from "../../core/index.ts";
import { anAuthentication } from "../../core/model/authentication.ts";
import type { OptionValues } from "../../core/schema/options.ts";
import { authorizationOption } from "./authorization/option.ts";
import { iconSchema } from "./protocol/about.ts";

export const mcpOptions = {
  /** Authenticates the callers over MCP. If the manifest exposes tools and this option is missing, the boot fails. */
  authenticate: Type.Optional(anAuthentication),
  /**
   * The authorization servers from which OAuth clients get tokens for this MCP server. This option needs `publicUrl` of http().
   * Without this option, callers need a key or token from another source.
   */
  authorization: Type.Optional(authorizationOption),
  /**
   * How long a repeated call of a client of revision 2026-07-28 waits for the decision of the approvers, milliseconds. With 0,
   * Quater answers calls that need approval with a tool error.
   */
  approvalHoldMs: withDefault(Type.Integer({ minimum: 0, maximum: 20_000 }), 20_000),
  /**
   * The time after which Quater turns an unfinished answer over HTTP into an event stream with comments, and the time between two
   * comments, milliseconds. Proxies close silent connections after about a minute.
   */
  heartbeatMs: withDefault(Type.Integer({ minimum: 1, maximum: 600_000 }), 15_000),
  /** The app's name for people. Without this option, clients show the manifest's name. */
  title: Type.Optional(Type.String()),
  /** The icons of the app that clients may show. */
  icons: Type.Optional(Type.Array(iconSchema, { maxItems: 10 })),
  /** Information about the app for agents. Clients may put this text into the prompt of a model. */
  instructions: Type.Optional(Type.String()),
  /**
   * With `"portable"`, tools publish schemas that all major model providers accept, and the boot fails if a schema of a tool has
   * no such form. With `"any"`, tools publish the schemas of their handlers.
   */
  schemas: withDefault(Type.Union([Type.Literal("portable"), Type.Literal("any")]), "portable"),
  /**
   * With `"list"`, the tool list contains all tools that the caller may call. With `"search"`, the tool list contains two tools:
   * `search` finds tools, and `call` calls a tool. Use `"search"` for apps with so many tools that the descriptions of the tools
   * fill the context of a model.
   */
  catalog: withDefault(Type.Union([Type.Literal("list"), Type.Literal("search")]), "list"),
  /**
   * Whether the server shows the tools to people at `/mcp/docs`. People who read this page need a credential, except in `quater
   * dev`.
   */
  docs: withDefault(Type.Boolean(), true),
};

export type McpOptions = OptionValues<typeof mcpOptions>;
