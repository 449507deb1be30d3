// The holes are made by changing texts of the sources. This test takes a second and reports each hole whose text is no longer in
// the sources. The tests that make the holes take minutes.

import { expect, test } from "vitest";
import { holes } from "./holes/holes.ts";
import { textsWith } from "./holes/patched.ts";
import { testHoles } from "./holes/test-holes.ts";

test.each([...holes, ...testHoles].map(({ check, edits }) => [check, edits] as const))(
  "%s: the source text that the edit for this check replaces still exists",
  (_, edits) => {
    expect(textsWith(edits).size).toBeGreaterThan(0);
  },
);
