// Every TypeScript example in README.md and docs/ is compiled, and those that can run are run.

import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { bootTest, principal } from "quater/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadManifest } from "../../core/boot/load.ts";
import { type Example, type Page, writePages } from "./pages.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const generated = join(root, "test/docs/.generated");
mkdirSync(generated, { recursive: true });
const folder = mkdtempSync(join(generated, "run-")); // several runs may share a checkout
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const all = writePages(root, folder);

/** First-party plugins that this checkout does without: pages that show them have nothing to stand on. */
const gone = ["http", "mcp", "cli", "store", "audit"].filter((name) => !existsSync(join(root, "plugins", name)));
const shows = ({ examples }: Page, name: string) => examples.some(({ code }) => new RegExp(`\\b${name}\\(`).test(code));
const pages = all.filter((page) => !gone.some((name) => shows(page, name)));
if (gone.length > 0) process.stderr.write(`Pages that show ${gone.join(", ")} are skipped: not in plugins/\n`);

interface Complaint {
  readonly line: number;
  readonly code: string;
  readonly message: string;
}

/** One run over all pages. @returns By file, under the root. */
const compiled = async (): Promise<ReadonlyMap<string, readonly Complaint[]>> => {
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ extends: join(root, "tsconfig.json"), include: ["**/*.ts"] }));
  const text = await new Promise<string>((resolve) =>
    execFile(join(root, "node_modules/.bin/tsc"), ["-p", folder, "--pretty", "false"], { cwd: root }, (_, out) => resolve(out)),
  );
  const found = new Map<string, Complaint[]>();
  for (const [, file = "", line, code = "", message = ""] of text.matchAll(/^(\S+)\((\d+),\d+\): error (TS\d+): (.*)$/gm))
    found.set(file, [...(found.get(file) ?? []), { line: Number(line), code, message }]);
  if (text.trim() !== "" && found.size === 0) throw new Error(text);
  return found;
};

const complaintsAbout = (page: Page, example: Example): string[] => {
  const found = complaints.get(relative(root, join(page.folder, example.file))) ?? [];
  if (example.error !== undefined && !found.some(({ code }) => code === example.error))
    return [
      `${page.name}:${example.line}: must be refused with ${example.error}; found ${found.map(({ code }) => code).join(", ") || "nothing"}`,
    ];
  return found
    .filter(({ code }) => code !== example.error)
    .map(({ line, code, message }) => `${page.name}:${example.line + line - 1}: ${code} ${message}`);
};

let complaints: Awaited<ReturnType<typeof compiled>>;
beforeAll(async () => {
  complaints = await compiled();
}, 120_000);

describe.each(pages.filter(({ examples }) => examples.length > 0))("$name", async (page) => {
  test("every example on a documentation page compiles, or gives the compiler error that the page shows", () => {
    expect(page.examples.flatMap((example) => complaintsAbout(page, example))).toEqual([]);
  });

  const hasManifest = page.examples.some(({ file }) => file === "quater.config.ts");
  if (hasManifest) {
    test("the manifest on a documentation page boots, and the example calls on the page succeed", async () => {
      expect(page.calls).not.toEqual([]);
      const { manifest } = await loadManifest(page.folder, "quater.config.ts");
      await using app = await bootTest(manifest, { root: page.folder, start: false });
      const policies = app.catalog.operations.map(({ policy }) => policy);
      const everybody = principal({
        scopes: policies.flatMap(({ scopes }) => scopes),
        roles: policies.flatMap(({ roles }) => roles),
      });
      for (const { handler, input } of page.calls)
        expect(await app.as(everybody).call(handler, input), handler).toMatchObject({ ok: true });
    });
  }

  for (const { file, line, isRun } of page.examples) {
    const path = join(page.folder, file);
    if (isRun) test(`the documentation example at line ${line} runs`, async () => void (await import(/* @vite-ignore */ path)));
    if (file.endsWith(".test.ts")) await import(/* @vite-ignore */ path); // its tests join this suite
  }
});
