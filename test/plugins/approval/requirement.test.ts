// Approval policy, in words: all that a policy says is in them, so that a reviewer sees every change.

import type { Operation } from "quater/plugin-api";
import { expect, test } from "vitest";
import type { ExposedApproval } from "../../../plugins/approval/exposure.ts";
import type { Policy } from "../../../plugins/approval/policy.ts";
import { requirementsBy } from "../../../plugins/approval/requests/requirement.ts";
import type { ExposureReport } from "../../../plugins/cli/exposure/exposure.ts";
import { exposureChanges } from "../../../plugins/cli/exposure/exposure-change.ts";

const usual: Policy = {
  approvers: [{ role: "finance", need: 1 }],
  kind: "dual",
  denials: 1,
  pendingForMs: 3_600_000,
  usableForMs: 600_000,
  anySurface: false,
  unattributed: false,
};
const operationWith = (approval?: ExposedApproval): Operation =>
  ({ resolved: new Map(approval === undefined ? [] : [["approval", approval]]) }) as unknown as Operation;
const wordsOf = (change: Partial<Policy>, approval: ExposedApproval = { policy: "money" }) =>
  requirementsBy(new Map([["money", { ...usual, ...change }]]))(operationWith(approval))?.words;

const changes: readonly (readonly [Partial<Policy>, string])[] = [
  [{}, "money: 1 with role finance"],
  [{ approvers: [{ role: "finance", need: 2 }] }, "money: 2 with role finance"],
  [
    {
      approvers: [
        { role: "finance", need: 1 },
        { person: "ana", need: 1 },
      ],
    },
    "money: 1 with role finance and ana",
  ],
  [{ kind: "confirm" }, "money: 1 with role finance; the person for whom the caller acts may approve"],
  [{ denials: 2 }, "money: 1 with role finance; 2 denials end the request"],
  [{ pendingForMs: 86_400_000 }, "money: 1 with role finance; a request waits 1 d for votes"],
  [{ usableForMs: 90_000 }, "money: 1 with role finance; an approval can be used for 90 s"],
  [{ usableForMs: 1_500 }, "money: 1 with role finance; an approval can be used for 1500 ms"],
  [{ anySurface: true }, "money: 1 with role finance; the caller may repeat the approved call over another surface"],
  [{ unattributed: true }, "money: 1 with role finance; the requester may be a credential without a person"],
];

test.each(changes)("quater exposure prints an approval policy with %j as %j", (change, words) => {
  expect(wordsOf(change)).toBe(words);
});

test("every change of an approval policy changes the text that quater exposure prints for the policy", () => {
  expect(new Set(changes.map(([change]) => wordsOf(change))).size).toBe(changes.length);
});

test("quater exposure prints the surfaces of an approval for some surfaces, and prints no approval for a handler without approval", () => {
  expect(wordsOf({}, { policy: "money", surfaces: ["mcp", "http"] })).toBe(
    "money: 1 with role finance; only calls over mcp, http need approval",
  );
  expect(requirementsBy(new Map())(operationWith())).toBeUndefined();
});

test("quater dev reports a changed approval policy as a change of the exposure", () => {
  const report = (approval: string | undefined): ExposureReport => ({
    handlers: [
      {
        handler: "pay",
        surfaces: { http: "POST /pay" },
        effect: "write",
        auth: "can(pay)",
        isPublic: false,
        approval: approval ?? null,
      },
    ],
    declared: [],
    outsideThePipeline: [],
  });
  const [before, after] = [wordsOf({}), wordsOf({ anySurface: true })];
  expect(exposureChanges(report(before), report(after))).toEqual([
    { isWider: true, line: `~ pay approval: ${before} -> ${after}` },
  ]);
  expect(exposureChanges(report(before), report(undefined))).toEqual([{ isWider: true, line: `~ pay approval: ${before} -> -` }]);
});
