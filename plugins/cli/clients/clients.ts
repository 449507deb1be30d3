// The MCP clients that `quater mcp add` supports. For each client, this file defines the configuration file with the MCP servers,
// the format of this configuration file, and how an entry refers to an environment variable. An entry never contains a token.

import { basename, join } from "node:path";
import { UsageError } from "../output/exit.ts";
import { homeOf, type Place, pathFrom, programOf, settingsOf } from "./places.ts";

export type Scope = "project" | "user";

/** The MCP server of a project, independent of the format of a client. */
export interface Server {
  readonly name: string;
  /** The URL of the MCP endpoint; `undefined` for a server over standard input and output. */
  readonly url: string | undefined;
  /** The path of the project's manifest. */
  readonly manifest: string;
  /** The name of the environment variable that contains the credential. */
  readonly variable: string;
}

export type Entry = Readonly<Record<string, unknown>>;
/** The format of a configuration file. `jsonc` is JSON with comments and trailing commas. */
export type Format = "json" | "jsonc" | "toml";

export interface Client {
  /** The name of the client for people. */
  readonly title: string;
  readonly format: Format;
  /** The name of the member of the configuration file that contains the servers by name. */
  readonly member: string;
  /** The path of the configuration file for each scope. The first scope is the default. */
  readonly files: ReadonlyMap<Scope, (place: Place) => string>;
  /** Makes the entry of a server. @throws {UsageError} when the client supports no such entry. */
  readonly entry: (server: Server, scope: Scope, place: Place) => Entry;
  /** Returns the words of the client's own command that adds the same entry; `undefined` if the client has no such command. */
  readonly command: (server: Server, scope: Scope, entry: Entry) => readonly string[] | undefined;
  /** Returns a sentence about what the person must do before the client can use the entry. */
  readonly next: (server: Server, place: Place) => string;
}

export const tokenVariable = "QUATER_MCP_TOKEN";

/**
 * Returns the program that a client starts, and the arguments. A configuration file of the project is the same on all computers,
 * so its paths are relative. A configuration file of the user contains absolute paths, because the client starts the program in
 * any folder, often without the PATH of a shell.
 */
const programIn = ({ manifest }: Server, scope: Scope, { root }: Place, prefix: string): { command: string; args: string[] } => {
  const program = programOf(root);
  return scope === "user"
    ? { command: process.execPath, args: [program, "mcp", "--config", manifest] }
    : { command: "node", args: [`${prefix}${pathFrom(root, program)}`, "mcp", "--config", `${prefix}${basename(manifest)}`] };
};

/** Makes entries for clients that replace a reference in `env` and `headers` by the value of the environment variable. */
const entries =
  (prefix: string, isTyped: boolean, passed: (variable: string) => string, sent = passed): Client["entry"] =>
  (server, scope, place) => {
    const type = (name: string) => (isTyped ? { type: name } : {});
    const { url, variable } = server;
    return url === undefined
      ? { ...type("stdio"), ...programIn(server, scope, place, prefix), env: { [tokenVariable]: passed(variable) } }
      : { ...type("http"), url, headers: { Authorization: `Bearer ${sent(variable)}` } };
  };

const inEditor = (variable: string): string => `\${env:${variable}}`;

/** @param isEmpty  Whether the client passes an empty text for an unset variable. The caller is then the local user. */
const setVariable =
  (client: string, isEmpty = true): Client["next"] =>
  ({ variable, url }) =>
    `Before you start ${client}, set the environment variable ${variable} to an API key. The command quater keys create makes one.` +
    (url === undefined && isEmpty ? " Without the variable, the caller is the user of this computer." : "");

const claudeCode: Client = {
  title: "Claude Code",
  format: "json",
  member: "mcpServers",
  files: new Map([
    ["project", ({ root }) => join(root, ".mcp.json")],
    ["user", (place) => join(place.env["CLAUDE_CONFIG_DIR"] || homeOf(place), ".claude.json")],
  ]),
  // If a reference has no default and the environment variable is not set, Claude Code sends the text of the reference as the
  // token.
  entry: entries(
    "",
    true,
    (variable) => `\${${variable}:-}`,
    (variable) => `\${${variable}}`,
  ),
  command: ({ name }, scope, entry) => ["claude", "mcp", "add-json", "--scope", scope, name, JSON.stringify(entry)],
  next: setVariable("Claude Code"),
};

const claudeDesktop: Client = {
  title: "Claude Desktop",
  format: "json",
  member: "mcpServers",
  files: new Map([["user", (place) => join(settingsOf(place), "Claude", "claude_desktop_config.json")]]),
  entry: (server, scope, place) => {
    if (server.url !== undefined)
      throw new UsageError(
        `Claude Desktop does not read URLs from its file. Add ${server.url} in Claude Desktop under Settings > Connectors, or leave out --http`,
      );
    return programIn(server, scope, place, "");
  },
  command: () => undefined,
  next: (_server, { root }) =>
    `Claude Desktop passes no environment variables. Write ${tokenVariable}=<API key> to ${join(root, ".env")}, or accept the user of this computer with localUser(). Then restart Claude Desktop.`,
};

const cursor: Client = {
  title: "Cursor",
  format: "jsonc",
  member: "mcpServers",
  files: new Map([
    ["project", ({ root }) => join(root, ".cursor", "mcp.json")],
    ["user", (place) => join(homeOf(place), ".cursor", "mcp.json")],
  ]),
  entry: (server, scope, place) => entries(inWorkspace, server.url === undefined, inEditor)(server, scope, place),
  command: () => undefined,
  next: setVariable("Cursor", false),
};

const inWorkspace = `\${workspaceFolder}/`;

const vscode: Client = {
  title: "VS Code",
  format: "jsonc",
  member: "servers",
  files: new Map([
    ["project", ({ root }) => join(root, ".vscode", "mcp.json")],
    ["user", (place) => join(settingsOf(place), "Code", "User", "mcp.json")],
  ]),
  entry: entries(inWorkspace, true, inEditor),
  command: ({ name }, scope, entry) => (scope === "user" ? ["code", "--add-mcp", JSON.stringify({ name, ...entry })] : undefined),
  next: setVariable("VS Code"),
};

const codex: Client = {
  title: "Codex",
  format: "toml",
  member: "mcp_servers",
  files: new Map([
    ["user", (place) => join(place.env["CODEX_HOME"] || join(homeOf(place), ".codex"), "config.toml")],
    ["project", ({ root }) => join(root, ".codex", "config.toml")],
  ]),
  entry: (server, scope, place) => {
    const { url, variable } = server;
    if (url !== undefined) return { url, bearer_token_env_var: variable };
    if (variable !== tokenVariable)
      throw new UsageError(`Codex passes a variable only under its own name. Leave out --token-env, and set ${tokenVariable}`);
    return { ...programIn(server, scope, place, ""), env_vars: [variable] };
  },
  command: ({ name, url, variable }, scope) =>
    url === undefined || scope === "project"
      ? undefined
      : ["codex", "mcp", "add", name, "--url", url, "--bearer-token-env-var", variable],
  next: setVariable("Codex"),
};

export const clients: ReadonlyMap<string, Client> = new Map([
  ["claude-code", claudeCode],
  ["claude-desktop", claudeDesktop],
  ["cursor", cursor],
  ["vscode", vscode],
  ["codex", codex],
]);
