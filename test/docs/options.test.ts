// docs/reference/options.md says of every option what its table in the code says.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as plugins from "quater/plugins";
import { expect, test } from "vitest";
import { isOmittable, tableOf, wordsOf } from "../../core/schema/options.ts";

const page = readFileSync(join(fileURLToPath(new URL("../..", import.meta.url)), "docs/reference/options.md"), "utf8");
const factories = Object.entries(plugins).filter(
  ([, value]) => typeof value === "function" && Object.keys(tableOf(value)).length > 0,
);

test.each(factories)("docs/reference/options.md lists exactly the options of %s", (name, factory) => {
  const [, section = ""] = page.split(new RegExp(`^## ${name}$`, "m"));
  const rows = [...(section.split(/^## /m)[0] ?? "").matchAll(/^\| `(\w+)` \| (.*) \| (.*) \| (.*) \|$/gm)];
  const expected = Object.entries(tableOf(factory)).map(([option, schema]) => {
    const value = (schema as { readonly default?: unknown }).default;
    const otherwise = value === undefined ? (isOmittable(schema) ? "optional" : "") : `\`${JSON.stringify(value)}\``;
    return [option, wordsOf(schema as never), otherwise];
  });
  expect(rows.map((row) => row.slice(1, 4))).toEqual(expected);
  for (const row of rows) expect(row[4], row[1]).toMatch(/^\S.{10,}\.$/);
});

test("docs/reference/options.md lists exactly the factories that take options", () => {
  const sections = [...page.matchAll(/^## (\w+)$/gm)].map(([, name]) => name);
  expect(sections.sort()).toEqual(factories.map(([name]) => name).sort());
});
