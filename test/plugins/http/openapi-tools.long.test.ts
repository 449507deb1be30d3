// The OpenAPI document of the sample shop as the tools of others read it: linters find nothing, and generated clients compile and
// call the running shop. The tools have a lockfile of their own in openapi-tools/ and run on Node 22.

import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { http, httpRef } from "quater/http";
import { bootTest, principal, tokens } from "quater/testing";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import manifest from "../../../quater.config.ts";
import { installed } from "../../installed.ts";
import { quater } from "../cli/kit.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const sources = join(root, "test/plugins/http/openapi-tools");
const run = promisify(execFile);

let tools: string | undefined;
let reason = "";
let folder = "";

beforeAll(async () => {
  try {
    tools = await installed(sources);
    folder = mkdtempSync(join(tools, "run-"));
    expect(await quater(["openapi", "--output", join(folder, "api.json")], { cwd: root })).toMatchObject({ code: 0 });
  } catch (error) {
    if (process.env["QUATER_TEST_REQUIRE_ALL"] === "1" || tools !== undefined) throw error;
    reason = `no tools for OpenAPI: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`;
    process.stderr.write(`Skipped, ${reason}\n`);
  }
}, 300_000);

afterAll(() => {
  vi.unstubAllEnvs();
  if (folder !== "") rmSync(folder, { recursive: true, force: true });
});

/** Runs a tool on the Node of npm's `node` package. @returns What it said; what it said and its exit code when it failed. */
const tool = async (name: string, ...argv: readonly string[]): Promise<string> => {
  const bin = join(tools ?? "", "node_modules/.bin");
  const env = { ...process.env, PATH: [bin, process.env["PATH"]].join(delimiter), NO_COLOR: "1", FORCE_COLOR: "0", CI: "1" };
  try {
    const { stdout, stderr } = await run(join(bin, name), argv, { cwd: folder, env });
    return stdout + stderr;
  } catch (error) {
    const { code, stdout = "", stderr = "" } = error as { code?: number; stdout?: string; stderr?: string };
    return `${name} ended with ${code}\n${stdout}${stderr}`;
  }
};

test("H14: swagger-parser, redocly and spectral accept the OpenAPI document of the sample shop", async ({ skip }) => {
  if (tools === undefined) return skip(reason);
  const validate = `import("@apidevtools/swagger-parser").then(({ default: parser }) => parser.validate("api.json")).then(() => console.log("valid"))`;
  expect(await tool("node", "--input-type=module", "--eval", validate)).toBe("valid\n");
  const redocly = await tool("redocly", "lint", "api.json", "--extends", "recommended", "--format", "json");
  expect(JSON.parse(/\{.*\}/s.exec(redocly)?.[0] ?? "{}")).toMatchObject({ totals: { errors: 0, warnings: 0, ignored: 0 } });
  writeFileSync(join(folder, ".spectral.json"), '{ "extends": ["spectral:oas"] }');
  const spectral = await tool("spectral", "lint", "api.json", "--ruleset", ".spectral.json", "--fail-severity", "hint");
  expect(spectral.trim()).toBe("No results with a severity of 'hint' or higher found!");
});

test("H14: clients that openapi-typescript, orval and other generators make compile, and call the sample shop", async ({
  skip,
}) => {
  if (tools === undefined) return skip(reason);
  vi.stubEnv("SHOP_DB", join(folder, "shop.db"));
  const scopes = ["orders:read", "orders:write", "orders:refund", "customers:read", "reports:read"];
  const desk = http({ port: 0, authenticate: tokens({ desk: principal({ subject: "desk", scopes }) }) });
  await using app = await bootTest(
    { ...manifest, plugins: manifest.plugins.map((plugin) => (plugin.name === "http" ? desk : plugin)) },
    { isolated: true },
  );
  const baseUrl = app.services.get(httpRef).baseUrl ?? "";
  const orval = { shop: { input: "./api.json", output: { target: "./made/orval.ts", client: "fetch", baseUrl } } };
  writeFileSync(join(folder, "orval.config.mjs"), `export default ${JSON.stringify(orval)};\n`);
  mkdirSync(join(folder, "made"));
  const made = await Promise.all([
    tool("openapi-typescript", "api.json", "-o", "made/schema.ts"),
    tool("openapi-zod-client", "api.json", "-o", "made/zod.ts"),
    tool("orval", "--config", "orval.config.mjs"),
    tool("openapi-ts", "-i", "api.json", "-o", "made/hey"),
  ]);
  expect(made.filter((said) => / ended with /.test(said))).toEqual([]);
  cpSync(sources, folder, { recursive: true, filter: (path) => !/package(?:-lock)?\.json$/.test(path) });
  expect(await tool("tsc", "-p", ".", "--pretty", "false")).toBe("");
  const tsx = join(root, "node_modules/tsx/dist/esm/index.mjs");
  const { stdout } = await run(process.execPath, ["--import", tsx, "run.ts"], {
    cwd: folder,
    env: { ...process.env, BASE_URL: baseUrl, TOKEN: "desk" },
  });
  const called = {
    orders: 2,
    created: { status: "paid", items: 1, traceId: "t1" },
    absent: "not_found",
    wrong: ["/limit"],
    asked: "pending",
    isOpen: true,
  };
  expect(JSON.parse(stdout)).toEqual({
    byOpenApiFetch: { ...called, exported: expect.any(Number) },
    byZodios: called,
    byOrval: { ...called, exported: expect.any(Number) },
    byHeyApi: { ...called, exported: expect.any(Number) },
  });
}, 120_000);
