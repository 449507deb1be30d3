// A new folder for each test of `quater init`, and what is done in it.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import { quater } from "./kit.ts";

/** Called once in a test file. Paths are under the folder of the test that runs. */
export const emptyFolder = () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "quater-init-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const inside = (...path: readonly string[]) => join(folder, ...path);
  const read = (path: string) => readFileSync(inside(path), "utf8");
  return {
    inside,
    read,
    init: (words: string, env: Readonly<Record<string, string>> = {}) =>
      quater(["init", ...words.split(" ").filter(Boolean)], { cwd: folder, env }),
    put: (path: string, text: string) => {
      mkdirSync(inside(join(path, "..")), { recursive: true });
      writeFileSync(inside(path), text);
    },
    /** Sorted, without the folders between. */
    files: (under: string) =>
      readdirSync(inside(under), { recursive: true, encoding: "utf8" })
        .filter((name) => !statSync(join(inside(under), name)).isDirectory())
        .sort(),
    json: (path: string) => JSON.parse(read(path)) as Record<string, Record<string, string>>,
  };
};
