// A smoke test on every Node that package.json promises: the packed package in a folder of its own, an action, and a server
// that answers over HTTP and MCP. Then the time that a newcomer waits, which is honest here because nothing runs beside it.
// Expects dist/ to be built.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

// From npm's `node` package, whose versions are those of Node. The first is the oldest that is supported.
const versions = ["20.19", "22", "24"];
const folder = mkdtempSync(join(tmpdir(), "quater-matrix-"));
const project = join(folder, "hello");
const say = (text) => process.stdout.write(`${text}\n`);
const seconds = (begin) => Math.round((performance.now() - begin) / 100) / 10;

// What the package manager says of this run of itself would make a nested one install into this checkout.
const outside = {
  ...Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^npm_/i.test(name) || /^npm_config_(registry|cache|userconfig|globalconfig|cafile|.*proxy)$/i.test(name),
    ),
  ),
  XDG_CACHE_HOME: join(folder, "cache"),
};
const run = (program, args, { cwd = folder, path } = {}) =>
  execFileSync(program, args, {
    cwd,
    env: { ...outside, NO_COLOR: "1", ...(path === undefined ? {} : { PATH: [path, process.env.PATH].join(delimiter) }) },
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });

const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

/** Serves until `use` has ended. */
const withServer = async (node, args, use) => {
  const program = join(project, "node_modules/quater", bin);
  const child = spawn(node, [program, ...args], { cwd: project, env: outside, stdio: ["ignore", "ignore", "pipe"] });
  try {
    await new Promise((resolve, reject) => {
      let text = "";
      child.stderr.on("data", (part) => {
        text += part;
        if (/is ready/.test(text)) resolve();
      });
      child.once("exit", (code) => reject(new Error(`The server ended with ${code}: ${text}`)));
    });
    await use();
  } finally {
    child.kill("SIGTERM");
    if (child.exitCode === null) await new Promise((resolve) => child.once("exit", resolve));
  }
  assert.equal(child.exitCode, 0, "a server that is asked to end exits with 0");
};

/** What Node compiled is kept where nobody else can write, and left alone where somebody could. */
const keepsCompiled = (start) => {
  const cache = join(folder, "cache/quater");
  assert.equal((statSync(cache).mode & 0o777).toString(8), "700");
  const kept = () => readdirSync(cache, { recursive: true }).length;
  assert.ok(kept() > 5, "a start keeps what was compiled");
  rmSync(cache, { recursive: true });
  mkdirSync(cache);
  chmodSync(cache, 0o777);
  start();
  assert.equal(kept(), 0, "a folder that others can write to is not used");
  rmSync(cache, { recursive: true });
};

/** The same answer over HTTP and as a tool. */
const call = async (port, key) => {
  const headers = { authorization: `Bearer ${key}` };
  const response = await fetch(`http://127.0.0.1:${port}/hello?name=Ana`, { headers });
  assert.deepEqual(await response.json(), { text: "Hello Ana" });
  const client = new Client({ name: "matrix", version: "1" });
  await client.connect(new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${port}/mcp`), { requestInit: { headers } }));
  const { structuredContent } = await client.callTool({ name: "hello", arguments: { name: "Ana" } });
  assert.deepEqual(structuredContent, { text: "Hello Ana" });
  await client.close();
};

const {
  bin: { quater: bin },
} = JSON.parse(readFileSync("package.json", "utf8"));
try {
  const [{ filename }] = JSON.parse(
    run("npm", ["pack", "--silent", "--json", "--ignore-scripts", "--pack-destination", folder], { cwd: process.cwd() }),
  );
  const tarball = join(folder, filename);

  const begin = performance.now();
  run("npx", ["--yes", `--package=${tarball}`, "--", "quater", "init", "hello", "-y", "--quater", tarball]);
  run("npm", ["install", "--no-audit", "--no-fund"], { cwd: project });
  const manifest = join(project, "quater.config.ts");
  const port = await freePort();
  writeFileSync(manifest, readFileSync(manifest, "utf8").replace("port: 3000", `port: ${port}`));
  const developmentKey = readFileSync(join(project, ".quater/development-key"), "utf8").trim();
  await withServer(process.execPath, ["dev", "--no-watch"], () => call(port, developmentKey));
  assert.equal(run("npx", ["quater", "run", "hello"], { cwd: project }), '{"text":"Hello world"}\n');
  const waited = seconds(begin);
  say(`from init to an answer on each surface: ${waited} s`);
  assert.ok(waited < 60, "a newcomer waits less than 60 s");

  const key = run("npx", ["quater", "keys", "create", "--name", "matrix", "--scopes", "hello", "--no-json"], {
    cwd: project,
  }).trim();
  for (const version of versions) {
    const start = performance.now();
    const home = join(folder, `node-${version}`);
    run("npm", ["install", "--no-audit", "--no-fund", "--prefix", home, `node@${version}`]);
    const path = join(home, "node_modules/.bin");
    const node = run("node", ["--print", "process.execPath"], { path }).trim();
    const [major, minor] = run(node, ["--version"]).slice(1).split(".");
    assert.equal(`${major}.${minor}`.startsWith(version), true, `node@${version} is ${major}.${minor}`);
    const options = { cwd: project, path };
    run("quater", ["init", join(folder, `made-on-${version}`), "-y"], {
      cwd: project,
      path: `${path}${delimiter}${join(project, "node_modules/.bin")}`,
    });
    assert.equal(run("npx", ["quater", "run", "hello", "--name", "Ana"], options), '{"text":"Hello Ana"}\n');
    run("npm", ["test"], options);
    await withServer(node, ["serve"], () => call(port, key));
    if (Number(major) >= 22) keepsCompiled(() => run("npx", ["quater", "run", "hello"], options));
    say(`Node ${major}.${minor}: init, run, test, serve, HTTP and MCP in ${seconds(start)} s`);
  }

  // The one before the oldest is refused by a sentence, before a missing export can be all that is said.
  const home = join(folder, "node-18");
  run("npm", ["install", "--no-audit", "--no-fund", "--prefix", home, "node@18"]);
  assert.throws(
    () => run(join(home, "node_modules/.bin/node"), [join(project, "node_modules/quater", bin), "init"]),
    (error) => error.status === 64 && /^quater: Node 18\.\S+ is too old: Quater needs 20\.19 or later/.test(error.stderr),
  );
  say("Node 18: refused");
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
