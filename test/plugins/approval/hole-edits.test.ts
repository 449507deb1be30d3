// The holes are made by changing texts of the sources. This test takes a second and says which hole a change of the sources
// has moved; the tests that make the holes take minutes.

import { expect, test } from "vitest";
import { holes } from "./holes/holes.ts";
import { textsWith } from "./holes/patched.ts";
import { testHoles } from "./holes/test-holes.ts";

test.each([...holes, ...testHoles].map(({ check, edits }) => [check, edits] as const))(
  "%s: the edit that removes this check still fits the sources",
  (_, edits) => {
    expect(textsWith(edits).size).toBeGreaterThan(0);
  },
);
