// Each file of core has a test of its own name, or a line in covered.ts.

import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { covered } from "./covered.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const files = readdirSync(join(root, "core"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts"))
  .map((name) => join("core", name));
const hasOwnTest = (file: string): boolean => existsSync(join(root, "test/core", `${basename(file, ".ts")}.test.ts`));

test("each source file in core has a test file of the same name in test/core, or a line in covered.ts", () => {
  expect(files.length).toBeGreaterThan(60);
  expect(files.filter((file) => !hasOwnTest(file) && !Object.hasOwn(covered, file))).toEqual([]);
});

test("each line of test/core/covered.ts names a source file of core that exists", () => {
  expect(Object.keys(covered).filter((file) => !files.includes(file))).toEqual([]);
});

test("each test file that test/core/covered.ts names exists", () => {
  expect(Object.values(covered).filter((file) => !existsSync(join(root, file)))).toEqual([]);
});
