// Words and shapes that readers could not understand, and that must not come back.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const banned = /\b(?:who|what)ever\b|\bmend(?:s|ed|ing)?\b|\bis none\b|\b(?:that|which) is no\b|\bso that none\b/gi;

const texts = [
  ...["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "quater.config.ts"],
  ...["core", "plugins", "app", "docs", "test"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => /\.(?:m?ts|md|mjs)$/.test(name) && !/(?:^|\/)(?:node_modules|\.generated)\//.test(name))
      .map((name) => join(folder, name)),
  ),
].filter((path) => path !== "test/docs/words.test.ts");

test("the search for banned words finds a banned word", () => {
  expect("Whoever mends a value that is no text, so that none is lost".match(banned)).toHaveLength(4);
  expect("there is nothing wrong".match(banned)).toBeNull();
});

test("no source file and no documentation page of Quater contains a banned word", () => {
  expect(texts.length).toBeGreaterThan(500);
  const found = texts.flatMap((path) =>
    readFileSync(join(root, path), "utf8")
      .split("\n")
      .flatMap((line, index) => (line.match(banned) === null ? [] : [`${path}:${index + 1} ${line.trim()}`])),
  );
  expect(found).toEqual([]);
});
