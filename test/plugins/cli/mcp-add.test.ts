// biome-ignore-all lint/suspicious/noTemplateCurlyInString: clients replace these references to variables.
// `quater mcp add`: what it prints and writes for each client, and which command lines it refuses. HOME is a temporary folder.

import { spawn } from "node:child_process";
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { clients } from "../../../plugins/cli/clients/clients.ts";
import { editorOf } from "../../../plugins/cli/clients/edit.ts";
import { builtProject, quater, start } from "./kit.ts";
import {
  add,
  added,
  at,
  everything,
  files,
  http,
  inEditor,
  made,
  main,
  read,
  token,
  url,
  useProjects,
  user,
} from "./mcp-add-kit.ts";

useProjects();

const stdio = (prefix = "") => ({
  command: "node",
  args: [`${prefix}${main}`, "mcp", "--config", `${prefix}quater.config.mjs`],
});
const own = () => ({
  command: process.execPath,
  args: [join(at.folder, main), "mcp", "--config", join(at.folder, "quater.config.mjs")],
});
const inClaude = { Authorization: "Bearer ${QUATER_MCP_TOKEN}" };
const workspace = "${workspaceFolder}/";

interface Row {
  readonly argv: readonly string[];
  readonly file: string;
  readonly member: string;
  readonly entry: () => object;
  readonly command?: RegExp;
}
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

test("on a terminal quater mcp add prints the entry for the client and the next step, and with --write a diff", async () => {
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

test("quater mcp add --token-env accepts the name of a variable, and refuses an API key without printing the key", async () => {
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
])("quater mcp add refuses the command line %j", async (argv, message) => {
  const { code, out, err } = await add(...argv);
  expect([code, out]).toEqual([64, ""]);
  if (typeof message === "string") expect(err).toContain(message);
  else expect(err).toMatch(message);
});

test("quater mcp add adds the path of the MCP endpoint to a URL without a path", async () => {
  expect((await added("cursor", "--http", "http://127.0.0.1:3000")).entry).toMatchObject({ url: "http://127.0.0.1:3000/mcp" });
});

test("quater mcp add refuses a project without mcp(), and names the missing plugin", async () => {
  writeFileSync(
    join(at.folder, "quater.config.mjs"),
    'import { defineConfig } from "quater";\nexport default defineConfig({ name: "shop", handlers: [], plugins: [] });\n',
  );
  const { code, err } = await add("cursor");
  expect([code, err]).toEqual([78, expect.stringContaining("No mcp() is configured")]);
});

test("quater mcp add --help shows flags and examples, and quater mcp --help shows both commands of quater mcp", async () => {
  const { out } = await quater(["mcp", "add", "--help"]);
  expect(out).toContain("Usage  quater mcp add <client>");
  expect(out).toContain("  --http <value>       The URL of the server.");
  expect(out).toContain("\n    quater mcp add claude-code\n");
  expect(out).not.toContain("Usage  quater mcp\n");
  expect((await quater(["mcp", "--help"])).out).toMatch(/Usage {2}quater mcp\n[\s\S]*\n {2}mcp add {2}/);
});

test("quater mcp add finds the file of each MCP client at its place on macOS, Windows and Linux", () => {
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

test("quater mcp add writes an entry, and an MCP client that reads the entry reaches the tools of the server", async () => {
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
