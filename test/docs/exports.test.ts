// docs/reference/exports.md lists the names that each entry of the package exports, and no others.

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const read = (path: string) => readFileSync(join(root, path), "utf8");

const { exports } = JSON.parse(read("package.json")) as { exports: Record<string, { "quater-source"?: string } | string> };
const entries = Object.entries(exports).flatMap(([key, entry]) => {
  const source = typeof entry === "string" ? undefined : entry["quater-source"];
  return source === undefined ? [] : [{ name: `quater${key.slice(1)}`, source }];
});

/** The names in the export lines of a file, as `name` or `type name`. */
const namesIn = (path: string): string[] => {
  const text = read(path);
  const lists = [...text.matchAll(/^export( type)? \{([^}]*)\}/gm)].flatMap(([, isType, list = ""]) =>
    list
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== "")
      .map((name) => (isType !== undefined && !name.startsWith("type ") ? `type ${name}` : name)),
  );
  const own = [...text.matchAll(/^export (const|function|class|interface|type) (\w+)/gm)].map(([, kind = "", name = ""]) =>
    ["interface", "type"].includes(kind) ? `type ${name}` : name,
  );
  const all = [...text.matchAll(/^export \* from "([^"]+)"/gm)].flatMap(([, from = ""]) => namesIn(join(dirname(path), from)));
  return [...lists, ...own, ...all];
};

const page = new Map(
  read("docs/reference/exports.md")
    .split(/^## /m)
    .slice(1)
    .map((section) => [
      section.slice(0, section.indexOf("\n")),
      [...section.matchAll(/^\| `(\w+)` \| (type|value) \|/gm)].map(([, name, kind]) =>
        kind === "type" ? `type ${name}` : `${name}`,
      ),
    ]),
);

test("docs/reference/exports.md lists every entry point of the package", () => {
  expect([...page.keys()]).toEqual(entries.map(({ name }) => name));
});

test.each(entries)("docs/reference/exports.md lists exactly the names that $name exports", ({ name, source }) => {
  expect(page.get(name)?.toSorted()).toEqual(namesIn(source).toSorted());
});

test("docs/reference/exports.md describes each exported name", () => {
  expect(read("docs/reference/exports.md")).not.toMatch(/^\| `\w+` \| (?:type|value) \| +\|$/m);
});
