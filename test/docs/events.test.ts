// docs/reference/events.md and the types of events check each other.

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const page = read("docs/reference/events.md");
const source = read("plugins/audit/log/event.ts");

test("docs/reference/events.md lists exactly the types of events, each once", () => {
  const union = source.slice(
    source.indexOf("export type EventType ="),
    source.indexOf(";", source.indexOf("export type EventType =")),
  );
  const types = [...union.matchAll(/"([a-z]+\.[a-z]+)"/g)].map(([, type]) => type);
  expect(types.length).toBeGreaterThan(20);
  const listed = page
    .slice(page.indexOf("## Types"))
    .split("\n")
    .flatMap((line) => [...(/^\| (`[^|]+) \|/.exec(line)?.[1]?.matchAll(/`([a-z]+\.[a-z]+)`/g) ?? [])])
    .map((match) => match[1]);
  expect(listed.toSorted()).toEqual(types.toSorted());
});

test("docs/reference/events.md lists every field of an event of the trail", () => {
  const fields = source.slice(
    source.indexOf("const names = ["),
    source.indexOf("] as const satisfies readonly (keyof EventMeta)"),
  );
  const names = [...fields.matchAll(/"(\w+)"/g)].map(([, name]) => name ?? "");
  expect(names.length).toBeGreaterThan(20);
  expect([...names, "v"].filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});
