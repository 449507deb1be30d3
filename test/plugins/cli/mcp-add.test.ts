// biome-ignore-all lint/suspicious/noTemplateCurlyInString: clients replace these references to variables.
// `quater mcp add`: what it prints, what it writes, and which files it leaves alone. HOME is a temporary folder.

import { spawn } from "node:child_process";
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { clients } from "../../../plugins/cli/clients/clients.ts";
import { changeOf, editorOf, write } from "../../../plugins/cli/clients/edit.ts";
import { builtProject, type Project, project, quater, start } from "./kit.ts";

const manifest = `
import { defineConfig, expose } from "quater";
import { localUser } from "quater/auth";
import { mcp } from "quater/mcp";
export default defineConfig({ name: "shop", handlers: [expose(() => import("./handlers.mjs"), { greet: { mcp: true } })], plugins: [mcp({ authenticate: localUser() })] });
`;
const handlers = `
import { authenticated, handler, Type } from "quater";
export const greet = handler({ description: "Greets.", effect: "read", input: Type.Object({}), auth: authenticated, handle: () => "hi" });
`;
const files = { "handlers.mjs": handlers, "package.json": '{ "name": "p", "type": "module" }', "quater.config.mjs": manifest };

const token = "qk_abcdefgh_this-is-the-token";
let at: Project & { readonly home: string };
const made: Project[] = [];
beforeEach(() => {
  const one = project(files);
  made.push(one);
  at = { ...one, home: join(one.folder, "home") };
  mkdirSync(at.home);
});
afterAll(() => {
  for (const { remove } of made) remove();
});

const env = () => ({ HOME: at.home, XDG_CONFIG_HOME: "", CODEX_HOME: "", CLAUDE_CONFIG_DIR: "", QUATER_MCP_TOKEN: token });
const add = (...argv: string[]) => quater(["mcp", "add", ...argv], { cwd: at.folder, env: env() });
const added = async (...argv: string[]) => {
  const { code, out, err } = await add(...argv);
  expect([code, err]).toEqual([0, ""]);
  return JSON.parse(out) as {
    file: string;
    snippet: string;
    command?: string;
    entry: object;
    isChanged?: boolean;
    diff: string;
  };
};
const put = (file: string, text: string | Buffer) => {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
};
const read = (file: string) => readFileSync(file, "utf8");
/** All files of the project and the home folder, without the packages. */
const everything = (folder = at.folder): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.name === "node_modules") return [];
    return entry.isDirectory() ? everything(path) : [path];
  });

const main = "node_modules/quater/dist/plugins/cli/main.js";
const url = "https://shop.example/mcp";
const stdio = (prefix = "") => ({
  command: "node",
  args: [`${prefix}${main}`, "mcp", "--config", `${prefix}quater.config.mjs`],
});
const own = () => ({
  command: process.execPath,
  args: [join(at.folder, main), "mcp", "--config", join(at.folder, "quater.config.mjs")],
});
const inClaude = { Authorization: "Bearer ${QUATER_MCP_TOKEN}" };
const inEditor = { Authorization: "Bearer ${env:QUATER_MCP_TOKEN}" };
const workspace = "${workspaceFolder}/";

interface Row {
  readonly argv: readonly string[];
  readonly file: string;
  readonly member: string;
  readonly entry: () => object;
  readonly command?: RegExp;
}
const http = ["--http", url];
const user = ["--scope", "user"];
const rows: readonly Row[] = [
  {
    argv: ["claude-code"],
    file: ".mcp.json",
    member: "mcpServers",
    entry: () => ({ type: "stdio", ...stdio(), env: { QUATER_MCP_TOKEN: "${QUATER_MCP_TOKEN:-}" } }),
    command: /^claude mcp add-json --scope project shop '\{"type":"stdio",.*\}'$/,
  },
  {
    argv: ["claude-code", ...user],
    file: "home/.claude.json",
    member: "mcpServers",
    entry: () => ({ type: "stdio", ...own(), env: { QUATER_MCP_TOKEN: "${QUATER_MCP_TOKEN:-}" } }),
    command: /^claude mcp add-json --scope user shop '/,
  },
  {
    argv: ["claude-code", ...http],
    file: ".mcp.json",
    member: "mcpServers",
    entry: () => ({ type: "http", url, headers: inClaude }),
    command: /^claude mcp add-json --scope project shop '\{"type":"http","url":"https:\/\/shop.example\/mcp",/,
  },
  {
    argv: ["claude-desktop"],
    file: "home/.config/Claude/claude_desktop_config.json",
    member: "mcpServers",
    entry: () => own(),
  },
  {
    argv: ["cursor"],
    file: ".cursor/mcp.json",
    member: "mcpServers",
    entry: () => ({ type: "stdio", ...stdio(workspace), env: { QUATER_MCP_TOKEN: "${env:QUATER_MCP_TOKEN}" } }),
  },
  {
    argv: ["cursor", ...user, ...http],
    file: "home/.cursor/mcp.json",
    member: "mcpServers",
    entry: () => ({ url, headers: inEditor }),
  },
  {
    argv: ["vscode"],
    file: ".vscode/mcp.json",
    member: "servers",
    entry: () => ({ type: "stdio", ...stdio(workspace), env: { QUATER_MCP_TOKEN: "${env:QUATER_MCP_TOKEN}" } }),
  },
  {
    argv: ["vscode", ...user, ...http],
    file: "home/.config/Code/User/mcp.json",
    member: "servers",
    entry: () => ({ type: "http", url, headers: inEditor }),
    command: /^code --add-mcp '\{"name":"shop","type":"http",/,
  },
  {
    argv: ["codex"],
    file: "home/.codex/config.toml",
    member: "mcp_servers",
    entry: () => ({ ...own(), env_vars: ["QUATER_MCP_TOKEN"] }),
  },
  {
    argv: ["codex", "--scope", "project"],
    file: ".codex/config.toml",
    member: "mcp_servers",
    entry: () => ({ ...stdio(), env_vars: ["QUATER_MCP_TOKEN"] }),
  },
  {
    argv: ["codex", ...http],
    file: "home/.codex/config.toml",
    member: "mcp_servers",
    entry: () => ({ url, bearer_token_env_var: "QUATER_MCP_TOKEN" }),
    command: /^codex mcp add shop --url https:\/\/shop.example\/mcp --bearer-token-env-var QUATER_MCP_TOKEN$/,
  },
];

for (const { argv, file, member, entry, command } of rows) {
  test(`quater mcp add ${argv.join(" ")} prints the file and the entry, and with --write writes them without the token`, async () => {
    const before = everything();
    const printed = await added(...argv);
    expect(everything()).toEqual(before);
    expect(printed).toMatchObject({ file: join(at.folder, file), entry: entry() });
    expect(printed.command ?? "").toMatch(command ?? /^$/);
    expect(printed.snippet).toContain(member);

    const written = await added(...argv, "--write");
    expect(written).toMatchObject({ file: printed.file, isChanged: true });
    expect(read(printed.file)).toBe(printed.snippet);
    const { read: parsed } = await editorOf(file.endsWith("toml") ? "toml" : "json");
    expect(structuredClone(parsed(read(printed.file)))).toEqual({ [member]: { shop: entry() } });
    expect(new Set(everything())).toEqual(new Set([...before, printed.file]));
    for (const path of everything()) expect(read(path)).not.toContain("this-is-the-token");

    const { mtimeMs } = statSync(printed.file);
    expect(await added(...argv, "--write")).toMatchObject({ isChanged: false, diff: "" });
    expect(statSync(printed.file).mtimeMs).toBe(mtimeMs);
  });
}

test("on a terminal quater mcp add prints the entry and the next step, and with --write a diff", async () => {
  const { out } = await add("cursor", "--no-json");
  expect(out).toContain(`Add this to ${join(at.folder, ".cursor/mcp.json")}, or run the same command with --write:\n\n{\n`);
  expect(out).toContain("set the environment variable QUATER_MCP_TOKEN to an API key");
  const { out: written } = await add("codex", ...http, "--write", "--no-json");
  const file = join(at.home, ".codex/config.toml");
  expect(written).toContain(
    `--- (no file)\n+++ ${file}\n@@ line 1 @@\n+[mcp_servers.shop]\n+url = "${url}"\n+bearer_token_env_var = "QUATER_MCP_TOKEN"\n\nWrote ${file}.`,
  );
  expect(written).not.toContain("this-is-the-token");
});

test("the edit of a file with comments changes no other line, and the diff shows no line of another entry", async () => {
  const file = put(
    join(at.folder, ".vscode/mcp.json"),
    '\ufeff{\r\n\t// Our servers\r\n\t"servers": {\r\n\t\t"a": { "type": "http", "url": "https://a.example" }, // of team a\r\n\t\t/* b { */\r\n\t\t"b": { "command": "b", "env": { "KEY": "secret-b" } } // last\r\n\t},\r\n\t"inputs": [],\r\n}\r\n',
  );
  const before = read(file);
  const { diff } = await added("vscode", ...http, "--write");
  const expected = before.replace(
    '"secret-b" } } // last\r\n',
    '"secret-b" } }, // last\r\n\t\t"shop": {\r\n\t\t\t"type": "http",\r\n\t\t\t"url": "https://shop.example/mcp",\r\n\t\t\t"headers": {\r\n\t\t\t\t"Authorization": "Bearer ${env:QUATER_MCP_TOKEN}"\r\n\t\t\t}\r\n\t\t}\r\n',
  );
  expect(read(file)).toBe(expected);
  expect(diff).not.toContain("team a");
  expect(await added("vscode", ...http, "--write")).toMatchObject({ isChanged: false });
});

const entryText = (indent: string) =>
  JSON.stringify({ type: "http", url, headers: inEditor }, null, 2).replaceAll("\n", `\n${indent}`);
test.each([
  ['{"servers":{"a":1}}', `{"servers":{"a":1,\n  "shop": ${entryText("  ")}\n}}`],
  ["{}", `{\n  "servers": {\n    "shop": ${entryText("    ")}\n  }\n}`],
  ['{\n  "servers": {\n    "a": 1,\n  }\n}\n', `{\n  "servers": {\n    "a": 1,\n    "shop": ${entryText("    ")}\n  }\n}\n`],
  ['{\n  "servers": {} // none\n}\n', `{\n  "servers": {\n    "shop": ${entryText("    ")}\n  } // none\n}\n`],
  ["", `{\n  "servers": {\n    "shop": ${entryText("    ")}\n  }\n}\n`],
])("an entry is added to %j", async (before, after) => {
  const file = put(join(at.folder, ".vscode/mcp.json"), before);
  await added("vscode", ...http, "--write");
  expect(read(file)).toBe(after);
});

const block = `[mcp_servers.shop]\nurl = "${url}"\nbearer_token_env_var = "QUATER_MCP_TOKEN"\n`;
test.each([
  [
    '# mine\nmodel = "m" # keep\n\n[mcp_servers.a] # of a\nenv = { KEY = "x" }\n\n[profiles.p] # p\nsince = 2026-01-02T03:04:05Z\n',
    (before: string) => `${before}\n${block}`,
  ],
  ['model = "m"', (before: string) => `${before}\n\n${block}`],
  ['model = "m"\r\n[mcp_servers.a]\r\ncommand = "a"\r\n', (before: string) => `${before}\r\n${block.replaceAll("\n", "\r\n")}`],
  [
    'mcp_servers = { a = { command = "a" } } # inline\n',
    () =>
      `mcp_servers = { a = { command = "a" }, shop = { url = "${url}", bearer_token_env_var = "QUATER_MCP_TOKEN" } } # inline\n`,
  ],
])("a table is added to the TOML %j", async (before, after) => {
  const file = put(join(at.home, ".codex/config.toml"), before);
  await added("codex", ...http, "--write");
  expect(read(file)).toBe(after(before));
});

test.each([
  ["claude-code", ".mcp.json", '{ "mcpServers": { "a": { "command": "a" }, "shop": { "command": "mine" } }, "more": 1 }'],
  ["vscode", ".vscode/mcp.json", '{\n  "servers": { // all\n    "shop": { "command": "mine" }, // old\n    "a": 1\n  }\n}'],
  [
    "codex",
    "home/.codex/config.toml",
    '# top\n[mcp_servers.shop]\ncommand = "mine" # old\n[mcp_servers.shop.env]\nA = "1"\n\n[z] # z\nq = 1\n',
  ],
])("%s: another entry of the same name is replaced only with --force", async (client, path, before) => {
  const file = put(join(at.folder, path), before);
  const refused = await add(client, ...http, "--write");
  expect([refused.code, refused.out]).toEqual([64, ""]);
  expect(refused.err).toBe(
    `quater: ${file} already has another entry shop. Choose another --name, or replace the entry with --force\n`,
  );
  expect(read(file)).toBe(before);
  expect((await added(client, ...http, "--write", "--name", "other")).isChanged).toBe(true);
  expect(read(file)).toContain("mine");
  const { diff } = await added(client, ...http, "--write", "--force");
  expect(diff).toContain("mine");
  expect(read(file)).not.toContain("mine");
  for (const kept of before.match(/"a"|"more"|\/\/ all|\/\/ old|# top|\[z\] # z/g) ?? []) expect(read(file)).toContain(kept);
  expect(await added(client, ...http, "--write")).toMatchObject({ isChanged: false });
});

test.each([
  ["claude-code", ".mcp.json", '{ "mcpServers": ', "line 1, column"],
  ["claude-code", ".mcp.json", '{ "mcpServers": {} // no comments here\n}', "InvalidCommentToken at line 1, column 20"],
  ["claude-code", ".mcp.json", '{ "mcpServers": {}, "mcpServers": {} }', "mcpServers is there 2 times"],
  ["claude-code", ".mcp.json", '{ "mcpServers": [] }', "mcpServers is not an object"],
  ["claude-code", ".mcp.json", "[]", "the file does not contain an object"],
  ["vscode", ".vscode/mcp.json", '{ "servers": { "a": 1 "b": 2 } }', "CommaExpected at line 1, column 23"],
  ["cursor", ".cursor/mcp.json", "<<<<<<< HEAD\n{}", "line 1, column 1"],
  ["codex", "home/.codex/config.toml", "[mcp_servers\n", "Error parsing TOML"],
  ["codex", "home/.codex/config.toml", 'mcp_servers = "none"\n', "mcp_servers is not a table"],
  ["codex", "home/.codex/config.toml", "a = 1\na = 2\n", "Error parsing TOML (2, 1)"],
])("%s: the broken file %s with %j stays as it is", async (client, path, text, why) => {
  const file = put(join(at.folder, path), text);
  for (const flags of [[], ["--force"]]) {
    const { code, out, err } = await add(client, ...http, "--write", ...flags);
    expect([code, out]).toEqual([64, ""]);
    expect(err).toContain(`quater: ${file} cannot be edited: `);
    expect(err).toContain(why);
    expect(err).toContain("The file was not changed.");
    expect(read(file)).toBe(text);
  }
  expect(readdirSync(dirname(file)).filter((name) => name.endsWith(".new"))).toEqual([]);
});

test("a file that is not UTF-8, and a folder in place of the file, are refused", async () => {
  const file = put(join(at.folder, ".mcp.json"), Buffer.from([0x7b, 0xff, 0x7d]));
  const refused = await add("claude-code", "--write");
  expect([refused.code, refused.err]).toEqual([64, `quater: ${file} cannot be read: it is not UTF-8\n`]);
  mkdirSync(join(at.folder, ".cursor/mcp.json"), { recursive: true });
  expect((await add("cursor", "--write")).err).toMatch(/cannot be read: EISDIR/);
});

test("a new file of the user is private, and an existing file keeps its mode and its symbolic link", async () => {
  const fresh = await added("claude-code", ...user, "--write");
  expect((statSync(fresh.file).mode & 0o777).toString(8)).toBe("600");
  expect((statSync((await added("codex", "--write")).file).mode & 0o777).toString(8)).toBe("600");
  const target = put(join(at.home, "dotfiles/cursor.json"), '{ "mcpServers": {} }');
  chmodSync(target, 0o640);
  mkdirSync(join(at.home, ".cursor"));
  symlinkSync(target, join(at.home, ".cursor/mcp.json"));
  const { file } = await added("cursor", ...user, "--write");
  expect(lstatSync(file).isSymbolicLink()).toBe(true);
  expect((statSync(target).mode & 0o777).toString(8)).toBe("640");
  expect(read(target)).toContain("shop");
  expect(readdirSync(dirname(target))).toEqual(["cursor.json"]);
});

test("a file that changed after it was read is not overwritten", async () => {
  const file = put(join(at.folder, ".mcp.json"), "{}");
  const wanted = { member: "mcpServers", name: "shop", entry: { url }, hasComments: false };
  const change = changeOf(file, await editorOf("json"), wanted, { isForced: false, flag: "--force" });
  put(file, '{ "mcpServers": { "theirs": {} } }');
  expect(() => write(change, "project")).toThrow(`${file} has changed in the meantime. Run the command again`);
  expect(read(file)).toBe('{ "mcpServers": { "theirs": {} } }');
  expect(readdirSync(at.folder).filter((name) => name.endsWith(".new"))).toEqual([]);
});

test("--token-env names another variable, and an API key in its place is refused without being printed", async () => {
  expect((await added("claude-code", "--token-env", "SHOP_TOKEN")).entry).toMatchObject({
    env: { QUATER_MCP_TOKEN: "${SHOP_TOKEN:-}" },
  });
  expect((await added("codex", ...http, "--token-env", "SHOP_TOKEN")).entry).toEqual({
    url,
    bearer_token_env_var: "SHOP_TOKEN",
  });
  expect((await add("codex", "--token-env", "SHOP_TOKEN")).err).toContain("Codex passes a variable only under its own name");
  const { code, err } = await add("claude-code", "--token-env", "qk_abc_def");
  expect([code, err.includes("qk_abc_def")]).toEqual([64, false]);
});

test.each([
  [[], /^quater: An argument is missing. Write quater mcp add .*--http <value>.* <client>$/m],
  [["vscod"], 'Unknown client "vscod"; did you mean vscode?'],
  [["claude-desktop", ...http], `Add ${url} in Claude Desktop under Settings > Connectors, or leave out --http`],
  [["claude-desktop", "--scope", "project"], "--scope project: the scopes of Claude Desktop are user"],
  [["cursor", "--http", "shop.example"], '--http "shop.example" is not a URL. Write it as https://shop.example/mcp'],
  [["cursor", "--http", "https://ana:pw@shop.example/mcp"], "--http must be a URL without a user, a password"],
  [["cursor", "--http", "https://shop.example/mcp?key=1"], "a query and a fragment"],
  [["cursor", "--name", "a b"], '--name "a b" is not valid'],
  [["cursor", "--wirte"], "Unknown flag --wirte; did you mean --write?"],
])("the command line %j is refused", async (argv, message) => {
  const { code, out, err } = await add(...argv);
  expect([code, out]).toEqual([64, ""]);
  if (typeof message === "string") expect(err).toContain(message);
  else expect(err).toMatch(message);
});

test("a URL without a path gets the path of the endpoint", async () => {
  expect((await added("cursor", "--http", "http://127.0.0.1:3000")).entry).toMatchObject({ url: "http://127.0.0.1:3000/mcp" });
});

test("a project without mcp() is refused with the missing plugin", async () => {
  writeFileSync(
    join(at.folder, "quater.config.mjs"),
    'import { defineConfig } from "quater";\nexport default defineConfig({ name: "shop", handlers: [], plugins: [] });\n',
  );
  const { code, err } = await add("cursor");
  expect([code, err]).toEqual([78, expect.stringContaining("No mcp() is configured")]);
});

test("quater mcp add --help shows flags and examples, and quater mcp --help both commands", async () => {
  const { out } = await quater(["mcp", "add", "--help"]);
  expect(out).toContain("Usage  quater mcp add <client>");
  expect(out).toContain("  --http <value>       The URL of the server.");
  expect(out).toContain("\n  quater mcp add claude-code\n");
  expect(out).not.toContain("Usage  quater mcp\n");
  expect((await quater(["mcp", "--help"])).out).toMatch(/Usage {2}quater mcp\n[\s\S]*Usage {2}quater mcp add/);
});

test("each client's file is at its place on macOS, Windows and Linux", () => {
  const fileOf = (name: string, platform: NodeJS.Platform, set: Readonly<Record<string, string>> = {}) =>
    clients.get(name)?.files.get("user")?.({
      root: "/p",
      platform,
      env: { HOME: "/h", USERPROFILE: "/u", APPDATA: "/u/Roaming", ...set },
    });
  const desktop = "Claude/claude_desktop_config.json";
  expect(fileOf("claude-desktop", "darwin")).toBe(`/h/Library/Application Support/${desktop}`);
  expect(fileOf("claude-desktop", "win32")).toBe(`/u/Roaming/${desktop}`);
  expect(fileOf("claude-desktop", "linux")).toBe(`/h/.config/${desktop}`);
  expect(fileOf("vscode", "darwin")).toBe("/h/Library/Application Support/Code/User/mcp.json");
  expect(fileOf("vscode", "win32")).toBe("/u/Roaming/Code/User/mcp.json");
  expect(fileOf("vscode", "linux", { XDG_CONFIG_HOME: "/x" })).toBe("/x/Code/User/mcp.json");
  expect(fileOf("cursor", "win32")).toBe("/u/.cursor/mcp.json");
  expect(fileOf("claude-code", "linux")).toBe("/h/.claude.json");
  expect(fileOf("claude-code", "linux", { CLAUDE_CONFIG_DIR: "/c" })).toBe("/c/.claude.json");
  expect(fileOf("codex", "darwin", { CODEX_HOME: "/x" })).toBe("/x/config.toml");
});

test("the started program writes the entry, and a client that reads the entry reaches the tools", async () => {
  const built = builtProject(files);
  made.push(built);
  const home = join(built.folder, "home");
  mkdirSync(home);
  const ran = await start(["mcp", "add", "claude-code", "--scope", "user", "--write"], {
    cwd: built.folder,
    env: { HOME: home, CLAUDE_CONFIG_DIR: "", QUATER_MCP_TOKEN: token },
  }).ended;
  expect([ran.code, ran.err]).toEqual([0, ""]);
  const text = read(join(home, ".claude.json"));
  expect(text).not.toContain("this-is-the-token");
  const { mcpServers } = JSON.parse(text) as { mcpServers: { shop: { command: string; args: string[] } } };
  const { command, args } = mcpServers.shop;
  const child = spawn(command, args, { cwd: home, env: { PATH: process.env["PATH"], HOME: home, QUATER_MCP_TOKEN: "" } });
  const params = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "test", version: "1" } };
  const messages = [
    { id: 1, method: "initialize", params },
    { method: "notifications/initialized" },
    { id: 2, method: "tools/list" },
  ];
  for (const message of messages) child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  child.stdin.end();
  let out = "";
  for await (const part of child.stdout) out += String(part);
  expect(out).toContain('"name":"greet"');
});
