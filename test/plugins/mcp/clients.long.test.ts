// Clients of other projects call a running app over HTTP and stdio. The clients have a lockfile of their own in clients/ and run
// on Node 22. One row per client says what the client gets for each action.

import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { builtProgram } from "../../built.ts";
import { installed } from "../../installed.ts";
import { builtProject, type Project, type Started, start } from "../cli/kit.ts";

const sources = fileURLToPath(new URL("clients", import.meta.url));
const run = promisify(execFile);

let tools: string | undefined;
let reason = "";
let folder = "";
let app: Project;
let server: Started;
let origin = "";

beforeAll(async () => {
  try {
    tools = await installed(sources);
  } catch (error) {
    if (process.env["QUATER_TEST_REQUIRE_ALL"] === "1") throw error;
    reason = `no MCP clients: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`;
    process.stderr.write(`Skipped, ${reason}\n`);
    return;
  }
  folder = mkdtempSync(join(tools, "run-"));
  const entryPoints = [join(sources, "driver.ts")];
  await build({
    entryPoints,
    bundle: true,
    packages: "external",
    format: "esm",
    platform: "node",
    outfile: join(folder, "driver.mjs"),
  });
  const names = ["handlers.mjs", "quater.config.mjs"];
  app = builtProject(Object.fromEntries(names.map((name) => [name, readFileSync(join(sources, "app", name), "utf8")])));
  server = start(["serve"], { cwd: app.folder });
  const listening = /"url":"(http:\/\/127\.0\.0\.1:\d+)"/;
  origin = listening.exec(await server.said(listening))?.[1] ?? "";
}, 600_000);

afterAll(async () => {
  if (tools === undefined) return;
  server.process.kill();
  await server.ended;
  app.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a client in a process of its own. @returns What it got, by action. */
const seenBy = async (client: string, over: string, actions: readonly string[]): Promise<unknown> => {
  const job = {
    client,
    over,
    actions,
    url: `${origin}/mcp`,
    token: "agent",
    command: process.execPath,
    args: [builtProgram(), "mcp"],
    cwd: app.folder,
    approvals: `${origin}/approvals/api/requests`,
    approver: "bea",
  };
  const bin = join(tools ?? "", "node_modules/.bin");
  const env = {
    ...process.env,
    PATH: [bin, process.env["PATH"]].join(delimiter),
    NO_COLOR: "1",
    MCP_USE_ANONYMIZED_TELEMETRY: "false",
  };
  const { stdout } = await run(join(bin, "node"), [join(folder, "driver.mjs"), JSON.stringify(job)], { cwd: folder, env });
  return JSON.parse(stdout);
};

const results = {
  list: "add keep outline steps count pay wait give until",
  call: '{"sum":3}',
  write: '{"kept":"milk"}',
  wrong: "tool error: /text must be at most 20 characters long",
  union: '{"length":6}',
  steps: '{"done":true}',
  items: '{"result":[{"n":1},{"n":2}]}',
  approval: ["A human must approve this exact call", expect.stringMatching(/^\{"paid":\d+\}$/)],
};
/** The progress in the order in which the client got it, each item before the handler went on, and then the result. */
const progress = {
  progress: [{ progress: 0.5, total: 1, message: "half" }, { progress: 1, total: 1, message: "whole" }, '{"done":true}'],
  stream: [{ progress: 1, message: '{"n":1}' }, { progress: 2, message: '{"n":2}' }, '{"result":[{"n":1},{"n":2}]}'],
};
/** The handler saw the abort. */
const aborts = { cancel: '{"given":true}', timeOut: '{"given":true}' };
/**
 * @langchain/mcp-adapters checks arguments itself, with schemas that it has simplified: it merges the objects of a union, so that
 * the last one wins, and refuses a valid rectangle.
 */
const refused = "thrown: Received tool input did not match expected schema";

const checkedByMastra: unknown = expect.stringContaining("text: must NOT have more than 20 characters");

const clients: readonly (readonly [client: string, over: string, got: Readonly<Record<string, unknown>>])[] = [
  ["SDK v1", "http", { ...results, ...progress, ...aborts }],
  ["SDK v1", "stdio", { ...results, ...progress, ...aborts, watch: true }],
  ["SDK v2", "http", { ...results, ...progress, ...aborts }],
  ["SDK v2", "stdio", { ...results, ...progress, ...aborts, watch: true }],
  ["SDK v2 auto", "http", { ...results, ...progress, ...aborts, watch: true }],
  ["SDK v2 auto", "stdio", { ...results, ...progress, ...aborts, watch: true }],
  ["SDK v2 pinned", "http", { ...results, ...progress, ...aborts, watch: true }],
  ["SDK v2 pinned", "stdio", { ...results, ...progress, ...aborts, watch: true }],
  // This client starts one process per request, so the client can neither cancel calls nor receive progress.
  ["Inspector", "http", { ...results, strict: "ok" }],
  ["Inspector", "stdio", { ...results, strict: "ok" }],
  // The tools of this client have no callback for progress. An aborted call closes the HTTP connection, and sends nothing over
  // stdio.
  ["@ai-sdk/mcp", "http", { ...results, ...aborts }],
  ["@ai-sdk/mcp", "stdio", results],
  ["@openai/agents", "http", { ...results, ...aborts }], // no callback for progress
  ["@openai/agents", "stdio", { ...results, ...aborts }],
  ["mcp-use", "http", { ...results, ...progress, ...aborts }],
  ["mcp-use", "stdio", { ...results, ...progress, ...aborts }],
  ["@langchain/mcp-adapters", "http", { ...results, ...progress, ...aborts, wrong: refused, union: refused }],
  ["@langchain/mcp-adapters", "stdio", { ...results, ...progress, ...aborts, wrong: refused, union: refused }],
  // This client checks arguments itself. It has one callback for the progress of all calls, which the driver does not use.
  ["@mastra/mcp", "http", { ...results, ...aborts, wrong: checkedByMastra }],
  ["@mastra/mcp", "stdio", { ...results, ...aborts, wrong: checkedByMastra, watch: true }],
];

test.for(clients)(
  "the client %s over %s lists and calls tools, and reads errors, progress and approvals that it supports",
  { timeout: 120_000 },
  async ([client, over, got], { skip }) => {
    if (tools === undefined) return skip(reason);
    expect(await seenBy(client, over, Object.keys(got))).toEqual(got);
  },
);
