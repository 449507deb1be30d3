import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const folder = new URL("../../app/", import.meta.url);
const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
const texts = new Map(files.map((name) => [name, readFileSync(new URL(name, folder), "utf8")]));

const importsOf = (text: string): string[] =>
  [...text.matchAll(/(?:\bfrom |\bimport |\bimport\()"([^"\n]+)"/g)].map((match) => match[1] as string);

test("no file of the sample app names http, mcp or another surface", () => {
  expect(files.length).toBeGreaterThan(5);
  for (const [name, text] of texts) {
    expect([name, text.match(/http|mcp|argv|stdout|\b(?:cli|koa|route|tool)s?\b/gi)]).toEqual([name, null]);
  }
});

test("handlers of the sample app import only quater and their own files, and one file imports the driver and node:fs", () => {
  for (const [name, text] of texts) {
    const foreign = importsOf(text).filter((from) => from !== "quater" && !/^\.\/[a-z-]+\.ts$/.test(from));
    expect([name, foreign]).toEqual([name, name === "database.ts" ? ["node:fs", "node:path", "libsql"] : []]);
  }
});
