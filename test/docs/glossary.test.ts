// One word per idea: the synonyms that docs/explanation/glossary.md rules out stand in no exported name, heading or error.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const read = (path: string) => readFileSync(join(root, path), "utf8");
const filesIn = (folder: string, ending: string) =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name));

const rows = [...read("docs/explanation/glossary.md").matchAll(/^\| ([^|]+) \| ([^|]+) \| ([^|]*)\|$/gm)]
  .map(([, word = "", , not = ""]) => ({ word: word.trim(), not: not.trim() }))
  .filter(({ word }) => word !== "word" && !word.startsWith("---"));
const synonyms = rows.flatMap(({ not }) => not.split(", ").filter((synonym) => synonym !== ""));

/** `OpenStore` and `openStore` as `open store`. */
const wordsOf = (name: string) => name.replace(/([a-z0-9])([A-Z])/g, "$1 $2").toLowerCase();
const has = (text: string, synonym: string) => new RegExp(`\\b${synonym}s?\\b`, "i").test(text);

const entries = ["core/index.ts", "core/plugin-api.ts", "plugins/testing.ts", ...filesIn("plugins", "/index.ts")];
const exported = entries.flatMap((path) =>
  [...read(path).matchAll(/^export (?:type )?\{([^}]*)\}|^export (?:const|type|interface|class|function) (\w+)/gm)].flatMap(
    ([, list, one]) => (one === undefined ? (list ?? "").split(",") : [one]).map((name) => name.replace(/^\s*type /, "").trim()),
  ),
);
const headings = filesIn("docs", ".md").flatMap((path) =>
  [...read(path).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => heading),
);
/** Texts of more than one word after a key that holds a sentence for people, and what functions of errors are given. */
const sentences = [...filesIn("core", ".ts"), ...filesIn("plugins", ".ts")].flatMap((path) =>
  [
    ...read(path).matchAll(
      /\b(?:message|cause|remedy|hint|reason|title)(?::|\s*=)\s*(["'`])((?:\\.|(?!\1).)*\s(?:\\.|(?!\1).)*)\1/g,
    ),
  ].map(([, , text = ""]) => text),
);

test("the glossary test can read the table of docs/explanation/glossary.md", () => {
  expect(rows.length).toBeGreaterThan(50);
  expect(synonyms.length).toBeGreaterThan(15);
  expect(new Set(rows.map(({ word }) => word)).size).toBe(rows.length);
  expect(exported.length).toBeGreaterThan(100);
  expect(headings.length).toBeGreaterThan(100);
  expect(sentences.length).toBeGreaterThan(100);
});

describe.each(synonyms)("the project does not use the replaced word %s", (synonym) => {
  test.each([
    ["exported names", exported.map(wordsOf)],
    ["headings", headings],
    ["errors", sentences],
  ])("no word that the glossary replaces is in %s", (_where, texts) => {
    expect(texts.filter((text) => has(text, synonym))).toEqual([]);
  });
});
