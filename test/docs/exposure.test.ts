// The workflow files in docs/guides/exposure.md: their check runs, with the variables of the two services.

import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { builtProgram } from "../built.ts";
import { builtProject } from "../plugins/cli/kit.ts";

const page = readFileSync(fileURLToPath(new URL("../../docs/guides/exposure.md", import.meta.url)), "utf8");
const workflows = [...page.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, yaml = ""]) => yaml);
const checkIn = (yaml: string): string => /- (?:run: )?npx quater (exposure .*)$/m.exec(yaml)?.[1] ?? "";

const manifest = (exposure: string) => `
  import { can, defineConfig, expose, handler, Type } from "quater";
  import { apiKeys, cli, mcp } from "quater/plugins";
  const refund = handler({ description: "Refund.", effect: "write", input: Type.Object({}), auth: can("refund"), handle: () => 1 });
  export default defineConfig({
    name: "shop", handlers: [expose(async () => ({ refund }), { refund: { ${exposure} } })],
    plugins: [mcp({ authenticate: apiKeys() }), cli({ authenticate: apiKeys() })],
  });
`;

test("docs/guides/exposure.md has a workflow for GitHub and a workflow for GitLab", () => {
  expect(workflows.map((yaml) => yaml.split("\n")[0])).toEqual(["name: exposure", "exposure:"]);
  for (const yaml of workflows) expect(checkIn(yaml)).toContain("--check --base");
});

test.each([
  ["GitHub", workflows[0] ?? "", { BASE: "main", GITHUB_STEP_SUMMARY: "exposure.md" }],
  ["GitLab", workflows[1] ?? "", { CI_MERGE_REQUEST_DIFF_BASE_SHA: "origin/main" }],
])("the workflow for %s in the docs fails for a pull request with a wider exposure, and writes the table", (_, yaml, env) => {
  const { folder, remove } = builtProject({ "package.json": "{}", "quater.config.mjs": manifest("cli: true") });
  const git = (...words: readonly string[]) =>
    execFileSync("git", ["-c", "user.name=ana", "-c", "user.email=ana@shop.example", ...words], { cwd: folder, stdio: "pipe" });
  const quater = (line: string) =>
    spawnSync("sh", ["-c", `"${process.execPath}" "${builtProgram()}" ${line}`], {
      cwd: folder,
      env: { ...process.env, NODE_OPTIONS: "", ...env },
      encoding: "utf8",
    });
  try {
    expect(quater("exposure --write").status).toBe(0);
    git("init", "-q", "-b", "main");
    git("add", "quater.exposure.json");
    git("commit", "-qm", "the exposure");
    git("update-ref", "refs/remotes/origin/main", "HEAD");
    writeFileSync(join(folder, "quater.config.mjs"), manifest("cli: true, mcp: true"));
    expect(quater("exposure --write").status).toBe(0);
    const { status, stderr } = quater(checkIn(yaml));
    expect([status, stderr]).toEqual([1, ""]);
    expect(readFileSync(join(folder, "exposure.md"), "utf8")).toContain("| **widened** | <code>refund</code> |");
  } finally {
    remove();
  }
});
