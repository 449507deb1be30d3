// biome-ignore-all lint/suspicious/noTemplateCurlyInString: clients replace these references to variables.
// How `quater mcp add --write` edits files that exist: other entries, comments, mode, and broken files.

import fs, { chmodSync, chownSync, fstatSync, lstatSync, mkdirSync, readdirSync, statSync, symlinkSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { changeOf, editorOf, write } from "../../../plugins/cli/clients/edit.ts";
import { add, added, at, http, inEditor, put, read, url, useProjects, user } from "./mcp-add-kit.ts";

useProjects();

test("quater mcp add changes no other line of a file with comments, and its diff shows no line of another entry", async () => {
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
  expect(diff).not.toMatch(/team a|secret-b|last/);
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
])("quater mcp add adds an entry to the JSON text %j", async (before, after) => {
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
])("quater mcp add adds a table to the TOML text %j", async (before, after) => {
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
])("%s: quater mcp add replaces another entry of the same name only with --force", async (client, path, before) => {
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
])("%s: quater mcp add does not change the broken file %s with %j", async (client, path, text, why) => {
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

test("quater mcp add refuses a client file that is not UTF-8, and a folder in place of the client file", async () => {
  const file = put(join(at.folder, ".mcp.json"), Buffer.from([0x7b, 0xff, 0x7d]));
  const refused = await add("claude-code", "--write");
  expect([refused.code, refused.err]).toEqual([64, `quater: ${file} cannot be read: it is not UTF-8\n`]);
  mkdirSync(join(at.folder, ".cursor/mcp.json"), { recursive: true });
  expect((await add("cursor", "--write")).err).toMatch(/cannot be read: EISDIR/);
});

test("quater mcp add makes a new client file private, and keeps the mode and the symbolic link of an existing file", async () => {
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

test("quater mcp add does not overwrite a client file that changed after quater mcp add had read the file", async () => {
  const file = put(join(at.folder, ".mcp.json"), "{}");
  const wanted = { member: "mcpServers", name: "shop", entry: { url }, hasComments: false };
  const change = changeOf(file, await editorOf("json"), wanted, { isForced: false, flag: "--force" });
  put(file, '{ "mcpServers": { "theirs": {} } }');
  expect(() => write(change, "project")).toThrow(`${file} has changed in the meantime. Run the command again`);
  expect(read(file)).toBe('{ "mcpServers": { "theirs": {} } }');
  expect(readdirSync(at.folder).filter((name) => name.endsWith(".new"))).toEqual([]);
});

test.each([
  ["cursor", ".cursor/mcp.json", '{"mcpServers":{"a":{"command":"a","env":{"KEY":"sk-other"}}}}'],
  ["cursor", ".cursor/mcp.json", '{\n  "mcpServers": {\n    "a": { "env": { "KEY": "sk-other" } }\n  }\n}\n'],
  ["cursor", ".cursor/mcp.json", '{\n  "mcpServers": {\n    "a": 1 // "KEY": "sk-other"\n  }\n}\n'],
  ["cursor", ".cursor/mcp.json", '{"mcpServers":{"shop":1,"a":{"env":{"KEY":"sk-other"}}}}'],
  ["codex", "home/.codex/config.toml", 'mcp_servers = { a = { env = { KEY = "sk-other" } } }\n'],
  ["codex", "home/.codex/config.toml", 'mcp_servers = { shop = 1, a = { env = { KEY = "sk-other" } } }\n'],
])("%s: the diff of quater mcp add for %s with %j shows no secret of another entry", async (client, path, before) => {
  const file = put(join(at.folder, path), before);
  const { diff, isChanged } = await added(client, ...http, "--write", "--force");
  expect(isChanged).toBe(true);
  expect(read(file)).toContain("sk-other");
  expect(diff).toContain(url);
  expect(diff).not.toContain("sk-other");
});

test.each(['KEY = "sk-secret\n', "KEY = sk-secret x\n", 'a = { KEY = "sk-secret" \n', 'KEY = "sk-secret"\nKEY = "sk-secret"\n'])(
  "the error of quater mcp add for the broken TOML %j does not quote the file",
  async (text) => {
    put(join(at.home, ".codex/config.toml"), text);
    const { code, err } = await add("codex", ...http, "--write");
    expect(code).toBe(64);
    expect(err).toMatch(/cannot be edited: Error parsing TOML \(\d, \d+\)\. /);
    expect(err).not.toContain("sk-secret");
  },
);

test("while quater mcp add writes the copy of a private file of the project, the copy is private", async () => {
  const file = put(join(at.folder, ".mcp.json"), '{ "mcpServers": {} }');
  chmodSync(file, 0o600);
  const modes: string[] = [];
  const { fsyncSync } = fs;
  fs.fsyncSync = (descriptor) => {
    modes.push((fstatSync(descriptor).mode & 0o777).toString(8));
    fsyncSync(descriptor);
  };
  syncBuiltinESMExports();
  try {
    const wanted = { member: "mcpServers", name: "shop", entry: { url }, hasComments: false };
    write(changeOf(file, await editorOf("json"), wanted, { isForced: false, flag: "--force" }), "project");
  } finally {
    fs.fsyncSync = fsyncSync;
    syncBuiltinESMExports();
  }
  expect(modes).toEqual(["600"]);
  expect((statSync(file).mode & 0o777).toString(8)).toBe("600");
});

test.runIf(process.getuid?.() === 0)(
  "a client file of another user still belongs to this user after root has run quater mcp add",
  async () => {
    const file = put(join(at.folder, ".mcp.json"), "{}");
    chownSync(file, 1234, 5678);
    await added("claude-code", "--write");
    expect(read(file)).toContain("shop");
    const { uid, gid } = statSync(file);
    expect([uid, gid]).toEqual([1234, 5678]);
  },
);
