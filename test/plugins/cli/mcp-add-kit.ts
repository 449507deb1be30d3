// biome-ignore-all lint/suspicious/noTemplateCurlyInString: clients replace these references to variables.
// A project with mcp() and an empty HOME for each test of `quater mcp add`.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeEach, expect } from "vitest";
import { type Project, project, quater } from "./kit.ts";

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
export const files = {
  "handlers.mjs": handlers,
  "package.json": '{ "name": "p", "type": "module" }',
  "quater.config.mjs": manifest,
};

export const token = "qk_abcdefgh_this-is-the-token";
export let at: Project & { readonly home: string };
export const made: Project[] = [];
/** Creates a project before each test of the test file that calls this function. */
export const useProjects = (): void => {
  beforeEach(() => {
    const one = project(files);
    made.push(one);
    at = { ...one, home: join(one.folder, "home") };
    mkdirSync(at.home);
  });
  afterAll(() => {
    for (const { remove } of made) remove();
    made.length = 0;
  });
};

const env = () => ({ HOME: at.home, XDG_CONFIG_HOME: "", CODEX_HOME: "", CLAUDE_CONFIG_DIR: "", QUATER_MCP_TOKEN: token });
export const add = (...argv: string[]) => quater(["mcp", "add", ...argv], { cwd: at.folder, env: env() });
export const added = async (...argv: string[]) => {
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
export const put = (file: string, text: string | Buffer) => {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
};
export const read = (file: string) => readFileSync(file, "utf8");
/** Returns all files of the project and of the home folder, without the installed packages. */
export const everything = (folder = at.folder): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.name === "node_modules") return [];
    return entry.isDirectory() ? everything(path) : [path];
  });

export const main = "node_modules/quater/dist/plugins/cli/main.js";
export const url = "https://shop.example/mcp";
export const http = ["--http", url];
export const user = ["--scope", "user"];
/** The headers in the entries for VS Code and Cursor. */
export const inEditor = { Authorization: "Bearer ${env:QUATER_MCP_TOKEN}" };
