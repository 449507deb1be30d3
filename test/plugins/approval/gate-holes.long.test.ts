// The gate suite bites: with one check taken out of the gate it goes red, and says which.

import { expect, test } from "vitest";
import { holes } from "./holes/holes.ts";
import { suiteWith } from "./holes/patched.ts";

/** Each is a process of its own, and two of them fill a small machine. */
const lanes: Promise<unknown>[] = [Promise.resolve(), Promise.resolve()];
let next = 0;
const inLane = <Answer>(act: () => Promise<Answer>): Promise<Answer> => {
  const lane = next++ % lanes.length;
  const answer = (lanes[lane] as Promise<unknown>).then(act);
  lanes[lane] = answer.catch(() => {});
  return answer;
};

const timeout = 300_000;

test.concurrent(
  "the gate suite finds no hole in an unchanged copy of the sources",
  async ({ expect }) => {
    expect(await inLane(() => suiteWith([], ["refundOrder", "listOwnOrders"]))).toEqual({ isGreen: true, holes: [] });
  },
  timeout,
);

test.concurrent.each(holes.map((hole) => [hole.check, hole] as const))(
  "%s: the gate suite reports a hole when this check is removed from the sources",
  async (_, { edits, only, named }) => {
    const verdict = await inLane(() => suiteWith(edits, [only]));
    expect(verdict.isGreen).toBe(false);
    expect(verdict.holes).toContainEqual(expect.stringMatching(named));
  },
  timeout,
);

test("the list of checks that are removed to test the gate suite has at least ten entries", () => {
  expect(holes.length).toBeGreaterThanOrEqual(10);
});
