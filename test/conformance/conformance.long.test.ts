// The official conformance suites of MCP. The suites have their own lockfile in suites/ and run on Node 22. The server that the
// suites call runs on the Node of this test.

import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { installed } from "../installed.ts";
import { bootConformance } from "./app.ts";
import { type Suite, suites } from "./expected.ts";

const folder = mkdtempSync(join(tmpdir(), "quater-conformance-"));
let tools: string | undefined;
let reason = "";

beforeAll(async () => {
  try {
    tools = await installed(fileURLToPath(new URL("suites", import.meta.url)));
  } catch (error) {
    if (process.env["QUATER_TEST_REQUIRE_ALL"] === "1") throw error;
    reason = `no conformance suites: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`;
    process.stderr.write(`Skipped, ${reason}\n`);
  }
}, 300_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Check {
  readonly id: string;
  readonly status: "SUCCESS" | "FAILURE" | "WARNING" | "INFO" | "SKIPPED";
  readonly errorMessage?: string;
}

/** Runs a suite. @returns The checks of each scenario. The program exits with 1 if a check fails, which is expected here. */
const checksOf = async ({ name, program, args }: Suite, url: string, installedIn: string) => {
  const output = join(folder, name);
  const modules = join(installedIn, "node_modules");
  const argv = [join(modules, program, "dist/index.js"), "server", "--url", url, ...args, "-o", output];
  const printed = await new Promise<string>((resolve) => {
    execFile(join(modules, ".bin/node"), argv, { maxBuffer: 64 * 1024 * 1024 }, (_error, stdout, stderr) =>
      resolve(stdout + stderr),
    );
  });
  expect(printed).toContain("=== SUMMARY ===");
  return readdirSync(output).map((run) => ({
    // The name of a folder is `server-ping-2026-11-27T17-27-05-502Z`.
    scenario: run.replace(/^server-/, "").replace(/-\d{4}-\d\d-\d\dT[\d-]+Z$/, ""),
    checks: JSON.parse(readFileSync(join(output, run, "checks.json"), "utf8")) as readonly Check[],
  }));
};

test.for(suites)(
  "the MCP conformance suite $name fails only in the scenarios that the test lists",
  { timeout: 120_000 },
  async (suite, { skip }) => {
    if (tools === undefined) return skip(reason);
    await using app = await bootConformance();
    const results = await checksOf(suite, app.url, tools);
    const failures = Object.fromEntries(
      results.flatMap(({ scenario, checks }) => {
        const bad = checks.filter(({ status }) => status === "FAILURE" || status === "WARNING");
        return bad.length === 0 ? [] : [[scenario, bad.map(({ id, errorMessage }) => `${id}: ${errorMessage}`)]];
      }),
    );
    const unexpected = Object.entries(failures).filter(([scenario]) => !Object.hasOwn(suite.failing, scenario));
    expect(unexpected).toEqual([]);
    const passing = Object.keys(suite.failing).filter((scenario) => !Object.hasOwn(failures, scenario));
    expect(passing, "these scenarios pass now: remove them from expected.ts").toEqual([]);
    const passed = results.flatMap(({ checks }) => checks.filter(({ status }) => status === "SUCCESS")).length;
    expect([results.length, passed]).toEqual([suite.scenarios, suite.passed]);
  },
);
