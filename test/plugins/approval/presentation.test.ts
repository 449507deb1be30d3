import fc from "fast-check";
import { personal, Type } from "quater";
import type { Operation } from "quater/plugin-api";
import { describe, expect, test } from "vitest";
import { canonicalText } from "../../../core/schema/digest.ts";
import type { Presentation } from "../../../plugins/approval/shown/presentation.ts";
import { terminalLines } from "../../../plugins/approval/shown/terminal.ts";
import { anything, awkward, isClean, now, operationOf, readBack, recordOf, show, wellFormed } from "./shown-kit.ts";

const order = Type.Object({
  orderId: Type.String(),
  amountCents: Type.Integer(),
  email: Type.Optional(personal(Type.String())),
  lines: Type.Optional(Type.Array(Type.Object({ sku: Type.String() }))),
});

test("quater approvals show prints every part of an approval request that approvers need", async () => {
  const operation = await operationOf(order);
  const args = { orderId: "ord_1001", amountCents: 500, email: "bo@example.org", lines: [] };
  const votes = [
    {
      person: "cy",
      issuer: "keys",
      subject: "cy",
      credential: "qk_2",
      roles: ["finance"],
      verdict: "approve" as const,
      reason: "checked\u001b[0m",
      via: "page",
      at: now - 60_000,
    },
  ];
  const use = { callId: "call-0", at: now - 7_100_000, outcome: "succeeded" as const, endedAt: now - 7_099_000 };
  const before = recordOf(operation, args, { id: "apr_bbbbbbbbbbbbbbbbbbbb", state: "consumed", use, filedAt: now - 7_200_000 });
  const preview = canonicalText({ refund: { total: "5.00 €" }, steps: ["bank"] });
  const ranBefore = {
    match: "similar" as const,
    id: before.id,
    callId: "call-0",
    at: use.at,
    outcome: use.outcome,
    fields: ["lines", "email"],
  };
  const around = { operation, earlier: [before], ranBefore, environment: "serve, https://shop.example" };
  const shown = show(args, { votes, preview }, around);
  expect(terminalLines(shown).join("\n")).toBe(`Request      apr_aaaaaaaaaaaaaaaaaaaa
State        pending
Handler      refundOrder
Purpose      Refund a paid order.
App          shop
Environment  serve, https://shop.example
Filed        2026-03-01T11:58:00.000Z (2 minutes ago)
Expires      2026-03-01T12:09:59.000Z (in 9 minutes)
Digest       ${shown.digest.slice(7, 23)}

Requester
  Acts for    ana
  Subject     bot (agent)
  Issuer      keys
  Credential  qk_1
  Surface     mcp

Arguments
  /amountCents  number       500
  /email        string       bo@example.org
  /lines        empty array
  /orderId      string       ord_1001

Preview
  /refund/total  string  5.00 €
  /steps/0       string  bank

Did this already run?
  A similar call ran before, at 2026-03-01T10:01:40.000Z, and succeeded (call call-0, approval apr_bbbbbbbbbbbbbbbbbbbb). These fields differ: lines, email

Identical requests of the last 24 hours
  apr_bbbbbbbbbbbbbbbbbbbb  2026-03-01T10:00:00.000Z (2 hours ago)  used, succeeded

Policy finance
  2 different people with the role finance; not ana, for whom the requester acts
  one denial ends the request
  after the approval, the call can run once, within 10 minutes, over mcp

Votes: 1 of 2 approvals given
  cy approved over page, 2026-03-01T11:59:00.000Z (1 minute ago): checked\\u{1b}[0m [has invisible characters, shown as \\u{…}]`);
});

const values = fc.dictionary(
  wellFormed,
  fc.jsonValue({ stringUnit: fc.oneof(awkward, fc.string({ unit: "binary" })) as never }),
  {
    noNullPrototype: true,
    maxKeys: 5,
  },
);
/** JSON as it is let in. */
const asJson = (value: unknown): unknown => {
  if (typeof value === "string") return value.replaceAll(/\p{Cs}/gu, "");
  if (Array.isArray(value)) return value.map(asJson);
  if (value === null || typeof value !== "object") return Object.is(value, -0) ? 0 : value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [asJson(name), asJson(item)]));
};

/** What the rows of the full view say. */
const rebuilt = ({ rows }: Presentation["arguments"]): unknown => {
  const entries = rows.map(({ path, type, value }) => {
    const text = readBack(value.text);
    const empty: Readonly<Record<string, unknown>> = { "empty string": "", "empty array": [], "empty object": {} };
    const item = type in empty ? empty[type] : type === "string" ? text : (JSON.parse(text) as unknown);
    return { path: readBack(path.text), item };
  });
  return Object.fromEntries(entries.map(({ path, item }) => [path, item]));
};

/** The same straight from the value: every pointer with what stands there. */
const pointed = (value: unknown, path = ""): readonly (readonly [string, unknown])[] => {
  const inside = value === null || typeof value !== "object" ? [] : Object.entries(value);
  if (inside.length === 0) return [[path, value]];
  return inside.flatMap(([name, item]) => pointed(item, `${path}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`));
};

test("the text of an approval request for approvers contains every argument and no forbidden character", () => {
  fc.assert(
    fc.property(values, wellFormed, wellFormed, (given, name, reason) => {
      const args = asJson(given);
      const requester = { issuer: name, subject: name, kind: "agent", person: name, actsFor: reason, credential: name } as const;
      const policy = {
        ...recordOf(anything, {}).policy,
        approvers: [
          { role: name, need: 1 },
          { person: reason, need: 1 },
        ],
      };
      const more = {
        requester,
        policy,
        policyName: name,
        surface: name,
        app: name,
        handler: name,
        reason,
        state: "denied",
      } as const;
      for (const view of ["short", "full"] as const) {
        const shown = show(args, { ...more, preview: canonicalText(args) }, { view, environment: reason });
        expect(terminalLines(shown).filter((line) => !isClean(line))).toEqual([]);
        if (shown.isComplete) expect(rebuilt(shown.arguments)).toEqual(Object.fromEntries(pointed(args)));
        if (view === "full") expect(shown).toMatchObject({ isComplete: true, needsFullView: false });
      }
    }),
    { numRuns: 150 },
  );
});

test("the text of an approval request without a paint function has no colours", () => {
  const shown = show({ note: "a\u200b" });
  expect(terminalLines(shown).join("")).not.toContain("<");
  expect(terminalLines(shown, (style, text) => `<${style}>${text}</>`).join("")).toContain("<yellow>[has invisible characters");
});

describe("approvers see an approval policy in words", () => {
  const base = recordOf({ input: {} } as Operation, {}).policy;
  const words = (policy: object, requester: object = {}) =>
    show(
      {},
      {
        policy: { ...base, ...policy },
        requester: { issuer: "keys", subject: "s", kind: "user", credential: "c", ...requester } as never,
      },
    ).policy;

  test.each<[object, object, string]>([
    [{}, { person: "ana" }, "2 different people with the role finance; not ana, who made the request"],
    [{}, { person: "ana", actsFor: "ana" }, "2 different people with the role finance; not ana, for whom the requester acts"],
    [{ approvers: [{ person: "bo", need: 1 }] }, {}, "bo"],
    [
      {
        approvers: [
          { role: "finance", need: 1 },
          { person: "bo", need: 1 },
        ],
      },
      { person: "ana" },
      "1 person with the role finance and bo, each person counts once; not ana, who made the request",
    ],
    [
      { approvers: [{ role: "owner", need: 1 }], kind: "confirm" },
      { actsFor: "ana" },
      "1 person with the role owner; ana, for whom the requester acts, may be one of the approvers, with another credential",
    ],
    [
      {},
      { person: "ana, who asks; nobody" },
      '2 different people with the role finance; not "ana, who asks; nobody", who made the request',
    ],
    [{}, { person: 'a"b' }, '2 different people with the role finance; not "a\\"b", who made the request'],
  ])("approvers see the approval policy %j for the requester %j in words", (policy, requester, expected) =>
    expect(words(policy, requester)[0]).toBe(expected),
  );

  test("approvers see how many denials end a request, how long the approval lasts and over which surface", () => {
    expect(words({ denials: 2, usableForMs: 5_400_000, anySurface: true }).slice(1)).toEqual([
      "2 denials end the request",
      "after the approval, the call can run once, within 1.5 hours, over any surface",
    ]);
  });
});

test.each<[number, string]>([
  [599_999, "in 9 minutes"],
  [-599_999, "9 minutes ago"],
  [59_999, "in 59 seconds"],
  [3_600_000, "in 1 hour"],
  [7 * 86_400_000, "in 7 days"],
  [0, "in 0 seconds"],
])('approvers see a time that is %i ms away as "%s"', (distance, words) =>
  expect(show({}, { pendingUntil: now + distance }).expires).toEqual({
    iso: new Date(now + distance).toISOString(),
    relative: words,
  }),
);

test("approvers see the end of validity of an approved request, and see no such time of a denied request", () => {
  const approved = { state: "approved", decidedAt: now - 1_000, usableUntil: now + 60_000 } as const;
  expect(show({}, approved).expires?.relative).toBe("in 1 minute");
  expect(show({}, { state: "denied", decidedAt: now - 1_000, reason: "no" })).toMatchObject({
    expires: undefined,
    reason: { text: "no" },
  });
});

test.each([
  ["running", "used, still running"],
  ["succeeded", "used, succeeded"],
  ["failed", "used, failed"],
  ["unknown", "used, outcome unknown"],
] as const)('approvers see a used approval request whose call is %s as "%s"', (outcome, words) => {
  const use = { callId: "c", at: now, outcome, endedAt: undefined };
  expect(show({}, { state: "consumed", use }).stateInWords).toBe(words);
});
