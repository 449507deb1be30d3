// What `quater run` loads before it calls a handler. Every module and package takes time of each start, so heavy ones are loaded by the
// commands and calls that need them. The figures are in docs/explanation/architecture.md, "Speed".

import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { transformSync } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";

const repository = fileURLToPath(new URL("../../..", import.meta.url));
const at = (path: string) => new URL(`../../../${path}`, import.meta.url).href;

/** Prints what Node itself has loaded: its own modules, and packages by `require`. */
const handlers = `import { createRequire } from "node:module";
import { authenticated, handler, Type } from "${at("core/index.ts")}";
export const loaded = handler({
  description: "Lists what is loaded.",
  effect: "read",
  input: Type.Object({ name: Type.String({ default: "world" }) }),
  output: Type.Object({ node: Type.Array(Type.String()), packages: Type.Array(Type.String()) }),
  auth: authenticated,
  handle: () => ({
    node: process.moduleLoadList.flatMap((line) => /^NativeModule ([^/]+)$/.exec(line)?.[1] ?? []),
    packages: Object.keys(createRequire(import.meta.url).cache),
  }),
});
`;

const manifest = `import { defineConfig, expose } from "${at("core/index.ts")}";
import { apiKeys, cli, http, localUser, mcp } from "${at("plugins/index.ts")}";
export default defineConfig({
  name: "hello",
  handlers: [expose(() => import("./handlers.ts"), { loaded: { http: "GET /loaded/:name", mcp: true, cli: true } })],
  plugins: [http({ authenticate: apiKeys() }), mcp({ authenticate: apiKeys() }), cli({ authenticate: localUser() })],
});
`;

/** A loader that notes the address of each module. */
const noting = `import { register } from "node:module";
register("data:text/javascript," + encodeURIComponent(\`
  import { appendFileSync } from "node:fs";
  export const load = (url, context, next) => {
    appendFileSync(process.env.NOTED, url + "\\\\n");
    return next(url, context);
  };
\`));
`;

const codeOf = (path: string): string => transformSync(readFileSync(join(repository, path), "utf8"), { loader: "ts" }).code;

const folder = mkdtempSync(join(tmpdir(), "quater-start-"));
/** Paths in the repository, and names of Node's modules. */
let modules: readonly string[];
let loaded: { readonly node: readonly string[]; readonly packages: readonly string[] };

beforeAll(async () => {
  for (const [name, text] of Object.entries({ "handlers.ts": handlers, "quater.config.ts": manifest, "noting.mjs": noting }))
    writeFileSync(join(folder, name), text);
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  const noted = join(folder, "noted");
  const options = ["-C", "quater-source", "--import", import.meta.resolve("tsx"), "--import", join(folder, "noting.mjs")];
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [...options, join(repository, "plugins/cli/main.ts"), "run", "loaded", "--name", "Ana"],
    { cwd: folder, env: { ...process.env, NOTED: noted } },
  );
  loaded = JSON.parse(stdout);
  const files = readFileSync(noted, "utf8").matchAll(/^file:[^?\n]+/gm);
  modules = [...new Set([...files].map(([url]) => relative(repository, fileURLToPath(url))))];
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("quater run loads no module of Node that starts a server", () => {
  expect(loaded.node).toContain("fs");
  expect(
    loaded.node.filter((name) => ["http", "https", "http2", "inspector", "perf_hooks", "readline", "repl"].includes(name)),
  ).toEqual([]);
});

test("quater run loads no packages except typebox, canonicalize and the packages of tsx", () => {
  const packages = [...modules, ...loaded.packages].flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []);
  const ofLoader = ["tsx", "esbuild", "@esbuild", "get-tsconfig", "resolve-pkg-maps"];
  expect([...new Set(packages)].filter((name) => !ofLoader.includes(name)).sort()).toEqual(["canonicalize", "typebox"]);
});

test("quater run loads no files from typebox/build/compile or typebox/build/value", () => {
  expect(modules.filter((path) => /typebox\/build\/(?:compile|value)\//.test(path))).toEqual([]);
});

test("quater run loads no module that only file inputs, the help, a server or another plugin needs", () => {
  const heavy = [
    "core/pipeline/sent-file.ts",
    "plugins/approval/notices/deliver.ts",
    "plugins/approval/setup.ts",
    "plugins/audit/setup.ts",
    "plugins/cli/actions/action-help.ts",
    "plugins/http/app.ts",
    "plugins/http/exposed-call.ts",
    "plugins/http/handler-reply.ts",
    "plugins/http/serve.ts",
    "plugins/mcp/answering/dispatch.ts",
    "plugins/mcp/setup.ts",
    "plugins/mcp/transport/http.ts",
    "plugins/store/lock/locks.ts",
    "plugins/store/open.ts",
    "plugins/store/setup.ts",
  ];
  for (const path of heavy) statSync(join(repository, path)); // a file that was renamed would pass
  expect(modules).toContain("plugins/http/index.ts");
  expect(heavy.filter((path) => modules.includes(path))).toEqual([]);
});

/** One percent more than a call loaded when this limit was written. Comments and types are not counted, because they take no time. */
const mostBytes = 490_000;

test("quater run loads at most 490,000 bytes of the code of Quater, without comments and types", () => {
  const own = modules.filter((path) => /^(?:core|plugins)\//.test(path));
  expect(own.reduce((sum, path) => sum + codeOf(path).length, 0)).toBeLessThan(mostBytes);
});
