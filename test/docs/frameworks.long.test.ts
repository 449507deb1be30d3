// The guides for moving from another framework, with the code of that framework: installed, compiled and run.

import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writePages } from "./pages.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const run = promisify(execFile);
const generated = join(root, "test/docs/.generated");
mkdirSync(generated, { recursive: true });
const folder = mkdtempSync(join(generated, "frameworks-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const pages = writePages(root, folder, true).filter(({ examples }) => examples.some(({ isApart }) => isApart));

/** Vite reads it for the decorators of Nest; the compiler reads it, too. */
const tsconfig = {
  extends: join(root, "tsconfig.json"),
  compilerOptions: { experimentalDecorators: true, emitDecoratorMetadata: true, erasableSyntaxOnly: false },
  include: pages.map((page) => page.folder),
  exclude: [],
};
const config = `import { defaultServerConditions } from "vite";
export default {
  ssr: { resolve: { conditions: ["quater-source", ...defaultServerConditions] } },
  test: { testTimeout: 60_000, maxWorkers: 1 },
};
`;

beforeAll(async () => {
  cpSync(join(root, "test/docs/frameworks"), folder, { recursive: true });
  await run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: folder });
  symlinkSync(root, join(folder, "node_modules/quater"));
  // One copy of the types, as an installed project has it.
  rmSync(join(folder, "node_modules/@types/node"), { recursive: true, force: true });
  symlinkSync(join(root, "node_modules/@types/node"), join(folder, "node_modules/@types/node"));
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(tsconfig));
  writeFileSync(join(folder, "vitest.config.mjs"), config);
}, 300_000);

test("the code examples in the guides for other frameworks compile", { timeout: 300_000 }, async () => {
  const tsc = [join(root, "node_modules/.bin/tsc"), "-p", folder, "--pretty", "false"] as const;
  const { stdout } = await run(process.execPath, tsc).catch((error: { stdout: string }) => error);
  expect(stdout).toBe("");
});

test.each(pages)(
  "the tests in $name pass, and the routes of the old framework answer like the routes of Quater",
  { timeout: 300_000 },
  async (page) => {
    const vitest = join(root, "node_modules/vitest/vitest.mjs");
    const words = ["run", "--root", folder, "--reporter", "json", "--dir", page.folder];
    const { stdout } = await run(process.execPath, [vitest, ...words]).catch((error: { stdout: string }) => error);
    const report = JSON.parse(stdout.slice(stdout.indexOf("{"))) as {
      readonly numTotalTests: number;
      readonly testResults: readonly {
        readonly message: string;
        readonly assertionResults: readonly {
          readonly status: string;
          readonly title: string;
          readonly failureMessages: string[];
        }[];
      }[];
    };
    const results = report.testResults.flatMap(({ assertionResults }) => assertionResults);
    const broken = results
      .filter(({ status }) => status !== "passed")
      .map(({ title, failureMessages }) => [title, failureMessages]);
    expect([...report.testResults.map(({ message }) => message).filter(Boolean), ...broken]).toEqual([]);
    const titles = results.map(({ title }) => title);
    expect(titles).toContainEqual(
      expect.stringMatching(/^an item gets the same response from (?:Express|Nest) and from Quater$/),
    );
  },
);
