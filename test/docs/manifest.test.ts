// The table of what boot refuses, in docs/reference/manifest.md, speaks with the code's own words.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const code = ["core", "plugins"].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => readFileSync(join(root, folder, name), "utf8")),
);

test("every boot problem on docs/reference/manifest.md is in the source code", () => {
  const [, section = ""] = readFileSync(join(root, "docs/reference/manifest.md"), "utf8").split("## What boot refuses");
  const causes = [...section.matchAll(/^\| (`[^|]*`) \|/gm)].flatMap(([, cell = ""]) => [...cell.matchAll(/`([^`]+)`/g)]);
  expect(causes.length).toBeGreaterThan(25);
  for (const [, cause = ""] of causes)
    expect(
      code.some((text) => text.includes(cause)),
      cause,
    ).toBe(true);
});
