// The line with the first arguments of a request in `quater approvals list`.

import { expect, test } from "vitest";
import { quater } from "../cli/kit.ts";
import { till } from "./till-kit.ts";

test("T5: in quater approvals list, a text of the requester cannot look like another argument", async () => {
  using at = till();
  const run = (words: readonly string[]) => quater(words, { cwd: at.folder });
  for (const to of ["bo", "bo, /cents 1", 'bo", /cents 1, "', "empty string"])
    expect((await run(["run", "pay", "--to", to, "--cents", "9"])).code).toBe(75);
  const { out } = await run(["approvals", "list", "--key-file", at.keys.bea]);
  const shown = (JSON.parse(out) as readonly { readonly arguments: string }[]).map((each) => each.arguments);
  expect(shown.toReversed()).toEqual([
    "/cents 9, /to bo",
    '/cents 9, /to "bo, /cents 1"',
    '/cents 9, /to "bo\\", /cents 1, \\""',
    '/cents 9, /to "empty string"',
  ]);
});
