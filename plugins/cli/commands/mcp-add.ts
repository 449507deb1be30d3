// The command `quater mcp add`, which connects an MCP client with the project. The command prints an entry for the configuration
// file of the MCP client. With `--write` the command edits this configuration file. The command reads and writes no token.

import { nearest } from "../../../core/diagnostics/text.ts";
import { type Client, clients, type Entry, type Scope, type Server, tokenVariable } from "../clients/clients.ts";
import { changeOf, diffOf, editorOf, write } from "../clients/edit.ts";
import type { Place } from "../clients/places.ts";
import { exit, UsageError } from "../output/exit.ts";
import { resultText } from "../output/render.ts";
import { shellWord } from "../program/announce.ts";
import { hasSurface, load, notConfigured } from "../program/boot.ts";
import type { Context } from "../program/context.ts";
import { Option, ProgramCommand, usage } from "../program/family.ts";

const names = [...clients.keys()].join(", ");

export class McpAdd extends ProgramCommand {
  static override paths = [["mcp", "add"]];
  static override usage = usage({
    description: `Connects an MCP client with this project: ${names}.`,
    details: `Prints the path of the client's file and the entry. --write shows the change and edits the file. Other entries and comments stay as they are. The entry refers to an environment variable and never contains a token.`,
    examples: [
      ["Print the entry for Claude Code", "quater mcp add claude-code"],
      ["Edit .vscode/mcp.json for a server over HTTP", "quater mcp add vscode --http https://shop.example/mcp --write"],
    ],
  });

  static override completes = [...clients.keys()];
  client = Option.String();
  http = Option.String("--http", { description: "The URL of the server. Default: the client starts quater mcp itself" });
  scope = Option.String("--scope", { description: "project: a file of the project. user: a file of your home folder" });
  name = Option.String("--name", { description: "The name of the entry. Default: the name of the project" });
  tokenEnv = Option.String("--token-env", { description: `The variable with the API key. Default: ${tokenVariable}` });
  write = Option.Boolean("--write", false, { description: "Show the change and edit the file" });
  force = Option.Boolean("--force", false, { description: "Replace another entry of the same name" });

  async perform(program: Context): Promise<number> {
    const client = clientNamed(this.client);
    const scope = scopeOf(client, this.scope);
    const url = this.http === undefined ? undefined : endpointOf(this.http);
    if (this.tokenEnv?.startsWith("qk_"))
      throw new UsageError("--token-env takes the name of an environment variable, and this is an API key. Revoke the key");
    const loaded = await load(program);
    if (!hasSurface(loaded, "mcp"))
      throw notConfigured(loaded, "mcp", "mcp({ authenticate: apiKeys() })", "there are no tools to connect");
    const server: Server = {
      name: checked("--name", this.name ?? loaded.manifest.name, /^[A-Za-z][\w-]{0,63}$/, "letters, digits, - and _"),
      variable: checked("--token-env", this.tokenEnv ?? tokenVariable, /^[A-Za-z_]\w{0,99}$/, "letters, digits and _"),
      manifest: loaded.file,
      url,
    };
    const place: Place = { root: loaded.root, env: program.env, platform: process.platform };
    const entry = client.entry(server, scope, place);
    const asked = { client, scope, server, entry, place, file: client.files.get(scope)?.(place) ?? "" };
    return this.write ? edit(program, asked, this.force) : print(program, asked);
  }
}

interface Asked {
  readonly client: Client;
  readonly scope: Scope;
  readonly server: Server;
  readonly entry: Entry;
  readonly place: Place;
  readonly file: string;
}

const facts = ({ client: { title }, scope, server: { name, url }, entry, file }: Asked) => ({
  client: title,
  transport: url === undefined ? "stdio" : "http",
  scope,
  file,
  name,
  entry,
});

const print = async (program: Context, asked: Asked): Promise<number> => {
  const { client, scope, server, entry, place, file } = asked;
  const snippet = (await editorOf(client.format)).fresh(client.member, server.name, entry);
  const command = client.command(server, scope, entry)?.map(shellWord).join(" ");
  const next = client.next(server, place);
  await program.terminal.write(
    program.isJson
      ? resultText({ ...facts(asked), snippet, ...(command === undefined ? {} : { command }), next }, program)
      : `Add this to ${file}, or run the same command with --write:\n\n${snippet}\n` +
          `${command === undefined ? "" : `${client.title} can also add the entry itself:\n\n  ${command}\n\n`}${next}\n`,
  );
  return exit.ok;
};

const edit = async (program: Context, asked: Asked, isForced: boolean): Promise<number> => {
  const { client, scope, server, entry, place, file } = asked;
  const wanted = { member: client.member, name: server.name, entry, hasComments: client.format === "jsonc" };
  const change = changeOf(file, await editorOf(client.format), wanted, { isForced, flag: "--force" });
  const isSame = change.was === "same";
  const diff = isSame ? "" : diffOf(change);
  const next = client.next(server, place);
  if (!program.isJson && !isSame) await program.terminal.write(`${diff}\n`);
  if (!isSame) write(change, scope);
  await program.terminal.write(
    program.isJson
      ? resultText({ ...facts(asked), isChanged: !isSame, diff, next }, program)
      : `${isSame ? `${file} already has this entry.` : `Wrote ${file}.`} ${next}\n`,
  );
  return exit.ok;
};

const clientNamed = (name: string): Client => {
  const found = clients.get(name);
  if (found !== undefined) return found;
  const near = nearest(name, [...clients.keys()]);
  throw new UsageError(
    `Unknown client ${JSON.stringify(name)}${near === undefined ? `. The clients are ${names}` : `; did you mean ${near}?`}`,
  );
};

const scopeOf = ({ title, files }: Client, asked: string | undefined): Scope => {
  const scopes = [...files.keys()];
  const found = asked === undefined ? scopes[0] : scopes.find((scope) => scope === asked);
  if (found === undefined) throw new UsageError(`--scope ${asked}: the scopes of ${title} are ${scopes.join(" and ")}`);
  return found;
};

const checked = (flag: string, value: string, form: RegExp, allowed: string): string => {
  if (form.test(value)) return value;
  throw new UsageError(`${flag} ${JSON.stringify(value)} is not valid. Write a name of ${allowed} that begins with a letter`);
};

/** Returns the URL of the MCP endpoint. A URL without a path gets the path of Quater's MCP endpoint. @throws {UsageError} */
const endpointOf = (text: string): string => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new UsageError(`--http ${JSON.stringify(text)} is not a URL. Write it as https://shop.example/mcp`);
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "")
    throw new UsageError(
      "--http must be a URL without a user, a password, a query and a fragment, because the file may be shared",
    );
  if (url.pathname === "/") url.pathname = "/mcp";
  return url.href;
};
