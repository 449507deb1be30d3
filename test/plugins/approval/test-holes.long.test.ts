// The tests bite: with one check taken out of Quater, the test that is there for it fails.

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, expect, test } from "vitest";
import type { TestEnd } from "./holes/test-child.ts";
import { testHoles } from "./holes/test-holes.ts";

let ends: readonly TestEnd[] = [];
beforeAll(async () => {
  const child = fileURLToPath(new URL("./holes/test-child.ts", import.meta.url));
  // No test that is named needs PostgreSQL, so the files must not start one.
  const env = { ...process.env, NODE_OPTIONS: "", QUATER_TEST_POSTGRES_URL: "postgres://127.0.0.1:1/none" };
  const argv = ["-C", "quater-source", "--import", "tsx", child];
  const { stdout } = await promisify(execFile)(process.execPath, argv, { env });
  ends = JSON.parse(stdout) as readonly TestEnd[];
}, 300_000);

test.each(testHoles.map(({ check, test: title }) => [check, title]))(
  "%s: the test for this check fails when the check is removed from the sources",
  (check, title) => {
    const own = ends.filter((end) => end.check === check && end.title.includes(title));
    // An assertion must have failed: any other error could come from the missing text alone.
    expect(own).toEqual([expect.objectContaining({ error: expect.stringMatching(/^AssertionError: /) })]);
  },
);
