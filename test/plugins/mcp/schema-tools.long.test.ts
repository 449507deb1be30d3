// The tools of other projects accept the published schemas: the Inspector's --strict finds no problem, and @openai/agents
// converts the schemas for OpenAI's strict mode. The tools have a lockfile of their own in schema-tools/ and run on Node 22.

import { execFile } from "node:child_process";
import { cpSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { anyone, handler } from "quater";
import { beforeAll, expect, test } from "vitest";
import { installed } from "../../installed.ts";
import { samples } from "./schema-samples.ts";
import { boot, post, urlOf } from "./shop.ts";

const sources = fileURLToPath(new URL("schema-tools", import.meta.url));
const run = promisify(execFile);

let tools: string | undefined;
let reason = "";

beforeAll(async () => {
  try {
    tools = await installed(sources);
    cpSync(join(sources, "strict.mjs"), join(tools, "strict.mjs"));
  } catch (error) {
    if (process.env["QUATER_TEST_REQUIRE_ALL"] === "1") throw error;
    reason = `no tools for schemas: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`;
    process.stderr.write(`Skipped, ${reason}\n`);
  }
}, 300_000);

/** Runs a program of the tools on the Node of npm's `node` package. */
const program = (argv: readonly string[], input = "") => {
  const bin = join(tools ?? "", "node_modules/.bin");
  const env = { ...process.env, PATH: [bin, process.env["PATH"]].join(delimiter), NO_COLOR: "1" };
  const running = run(join(bin, "node"), argv, { cwd: tools, env, maxBuffer: 50_000_000 });
  running.child.stdin?.end(input);
  return running.then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({ code, stdout, stderr }),
  );
};

const handlers = Object.fromEntries(
  Object.entries(samples).map(([name, sample]) => [
    name,
    handler({ description: "A sample.", effect: "read", input: sample, output: sample, auth: anyone, handle: (value) => value }),
  ]),
);

test("M8: the MCP Inspector with --strict reports nothing about the tools of all sample schemas", async ({ skip }) => {
  if (tools === undefined) return skip(reason);
  await using app = await boot({ handlers });
  const inspector = join(tools, "node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js");
  const argv = ["--cli", urlOf(app), "--method", "tools/list", "--strict", "--header", "Authorization: Bearer ana"];
  const { code, stdout, stderr } = await program([inspector, ...argv]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const listed = JSON.parse(stdout) as { tools: { name: string }[] };
  expect(listed.tools.map(({ name }) => name)).toEqual(Object.keys(samples));
}, 120_000);

/** Samples that accept fields of any name. A strict schema names all fields. */
const openObjects = ["records", "lists", "anything", "zod"];
/** Samples with optional fields in a branch of a union. @openai/agents does not find the branch in which null means an absent field. */
const optionalInUnions = ["unions", "intersections", "recursive"];

test("M8: @openai/agents converts MCP tool schemas to strict mode, except open objects and some unions", async ({ skip }) => {
  if (tools === undefined) return skip(reason);
  await using app = await boot({ handlers });
  const { rpc } = await post(app, '{"jsonrpc":"2.0","id":1,"method":"tools/list"}');
  const { code, stdout } = await program(["strict.mjs"], JSON.stringify(rpc.result));
  expect(code).toBe(0);
  const loose = new Set([...openObjects, ...optionalInUnions]);
  expect(JSON.parse(stdout)).toEqual(Object.fromEntries(Object.keys(samples).map((name) => [name, !loose.has(name)])));
}, 120_000);
