// S11: how many requests one person may file, and what a denial covers.

import { authenticated, handler, Type } from "quater";
import { principal } from "quater/testing";
import { expect, test } from "vitest";
import { folded } from "../../../plugins/approval/requests/fold.ts";
import { codeOf, idIn, onBothDialects, people } from "./kit.ts";

const { robot, ana, bea, dan } = people;
/** Other credentials of one person: a second agent of ana's, and ana's own key at another issuer, written in another way. */
const robot2 = Object.freeze({ ...robot, subject: "robot2", credential: "test:robot2" });
const anaElsewhere = principal({ issuer: "https://id.example", subject: "4711", person: "ANA ", credential: "jwt:4711" });

const note = handler({
  description: "Sends a note.",
  effect: "write",
  input: Type.Object({
    to: Type.String(),
    tags: Type.Optional(Type.Array(Type.String())),
    more: Type.Optional(Type.Object({ text: Type.Optional(Type.String()) })),
    count: Type.Optional(Type.Integer()),
    isUrgent: Type.Optional(Type.Boolean()),
  }),
  auth: authenticated,
  handle: () => ({ ok: true }),
});

const to = "Bo Smith-O'Neil";
const alike: readonly (readonly [what: string, input: object])[] = [
  ["a space at the end", { to: `${to} ` }],
  ["two spaces", { to: "Bo  Smith-O'Neil" }],
  ["a no-break space", { to: "Bo\u00a0Smith-O'Neil" }],
  ["an ideographic space", { to: "Bo\u3000Smith-O'Neil" }],
  ["a Braille blank", { to: "Bo\u2800Smith-O'Neil" }],
  ["a line break", { to: "Bo\nSmith-O'Neil" }],
  ["a zero-width space", { to: "Bo\u200b Smith-O'Neil" }],
  ["a zero-width space between two spaces", { to: "Bo \u200b Smith-O'Neil" }],
  ["a soft hyphen", { to: "Bo Smi\u00adth-O'Neil" }],
  ["a direction mark", { to: `${to}\u200e` }],
  ["a Hangul filler", { to: `${to}\u3164` }],
  ["full width letters", { to: "\uff22\uff4f Smith-O'Neil" }],
  ["a Cyrillic o", { to: "B\u043e Smith-O'Neil" }],
  ["a Greek capital letter beta", { to: "\u0392o Smith-O'Neil" }],
  ["a Cherokee capital letter", { to: "Bo \u13d5mith-O'Neil" }],
  ["a mathematical Greek omicron", { to: "B\u{1d6d0} Smith-O'Neil" }],
  ["a hyphen", { to: "Bo Smith\u2010O'Neil" }],
  ["a hyphen that does not break", { to: "Bo Smith\u2011O'Neil" }],
  ["an en dash", { to: "Bo Smith\u2013O'Neil" }],
  ["a minus sign", { to: "Bo Smith\u2212O'Neil" }],
  ["a curly apostrophe", { to: "Bo Smith-O\u2019Neil" }],
  ["a modifier apostrophe", { to: "Bo Smith-O\u02bcNeil" }],
  ["an acute accent", { to: "Bo Smith-O\u00b4Neil" }],
  ["an empty list", { to, tags: [] }],
  ["a list of empty texts", { to, tags: ["", " "] }],
  ["an empty object", { to, more: {} }],
  ["an empty text in an object", { to, more: { text: "" } }],
];
const different: readonly (readonly [what: string, input: object])[] = [
  ["another letter", { to: "Bo Smyth-O'Neil" }],
  ["another letter case", { to: "BO Smith-O'Neil" }],
  ["no space", { to: "BoSmith-O'Neil" }],
  ["a space in a word", { to: "Bo Smi th-O'Neil" }],
  ["no hyphen", { to: "Bo SmithO'Neil" }],
  ["a zero", { to: "B0 Smith-O'Neil" }],
  ["a count", { to, count: 0 }],
  ["a flag", { to, isUrgent: false }],
  ["a tag", { to, tags: ["x"] }],
];

test("S11: the key that finds similar calls depends on every argument that is not empty", () => {
  expect(folded({ a: 0, b: false, c: [0], d: "" })).toEqual({
    members: [
      ["a", 0],
      ["b", false],
      ["c", [0]],
    ],
  });
  expect(folded({ e: "\u0065\u0301" })).toEqual(folded({ e: "\u00e9" }));
  expect(folded({ a: "x" })).not.toEqual(folded({ b: "x" }));
  expect(folded({ a: { b: "x" } })).not.toEqual(folded({ a: ["b", "x"] }));
  expect(folded("1 2")).not.toEqual(folded("12"));
  expect(folded("abc")).not.toEqual(folded("ABC"));
  expect(folded(JSON.parse('{"__proto__":"x"}'))).toEqual({ members: [["__proto__", "x"]] });
});

onBothDialects((claim) => {
  claim(
    "S11: a person can file a limited number of approval requests per hour with all credentials together",
    async ({ boot }) => {
      const desk = await boot({ approval: { maxFiledPerHour: 4 } });
      for (const [n, who] of [robot, robot2, ana, anaElsewhere].entries()) {
        const id = await desk.file(who, { cents: n });
        await desk.approvals.cancel(who, "direct", id);
      }
      for (const who of [robot, robot2, ana, anaElsewhere]) {
        const outcome = await desk.call(who, { cents: 99 });
        expect(outcome).toMatchObject({ ok: false, error: { code: "approval_filing_limit", kind: "rate_limited" } });
        const wait = outcome.ok ? 0 : (outcome.error.retryAfterSeconds ?? 0);
        expect(wait).toBeGreaterThan(3_500);
        expect(wait).toBeLessThanOrEqual(3_600);
      }
      expect(codeOf(await desk.call(dan, { cents: 99 }))).toBe("approval_required");
      await desk.sql(
        "update approval_request set filed_at = filed_at - 3600001 where id in (select min(id) from approval_request where state = 'cancelled')",
      );
      expect(codeOf(await desk.call(robot, { cents: 99 }))).toBe("approval_required");
      expect(codeOf(await desk.call(robot, { cents: 98 }))).toBe("approval_filing_limit");
    },
  );

  claim(
    "S11: a repeated call finds its pending approval request even when the person has reached the filing limit",
    async ({ boot }) => {
      const desk = await boot({ approval: { maxFiledPerHour: 1 } });
      const id = await desk.file(robot);
      expect(idIn(await desk.call(robot))).toBe(id);
      await desk.vote(bea, id);
      expect(codeOf(await desk.call(robot))).toBe("ok");
    },
  );

  claim(
    "S11: two instances that file approval requests at the same time apply one filing limit together",
    async ({ boot, again }) => {
      const [one, other] = [await boot({ approval: { maxFiledPerHour: 5 } }), await again({ approval: { maxFiledPerHour: 5 } })];
      const outcomes = await Promise.all(
        Array.from({ length: 24 }, (_, n) => (n % 2 === 0 ? one : other).call(n % 3 === 0 ? robot2 : robot, { cents: n })),
      );
      const codes = outcomes.map(codeOf);
      expect(codes.filter((code) => code === "approval_required")).toHaveLength(5);
      expect(codes.filter((code) => code === "approval_filing_limit")).toHaveLength(19);
      expect(await one.sql("select id from approval_request")).toHaveLength(5);
    },
  );

  claim(
    "S11: after the denial of an approval request, Quater refuses a similar call with every credential of the person",
    async ({ boot }) => {
      const desk = await boot({ handlers: { note } });
      const id = await desk.file(robot, { to }, { handler: "note" });
      await desk.vote(bea, id, "deny", "no notes");
      for (const [what, input] of alike)
        for (const [who, surface] of [
          [robot, "direct"],
          [robot2, "direct"],
          [robot, "other"],
          [anaElsewhere, "direct"],
        ] as const) {
          const outcome = await desk.call(who, input, { handler: "note", surface });
          expect({ what, who: who.subject, code: codeOf(outcome) }).toEqual({ what, who: who.subject, code: "approval_denied" });
          expect(outcome).toMatchObject({ error: { details: { approval: { id, reason: "no notes" } } } });
          if (!outcome.ok) expect(outcome.error.retryAfterSeconds).toBeGreaterThan(500);
        }
      for (const [what, input] of different)
        expect({ what, code: codeOf(await desk.call(robot, input, { handler: "note" })) }).toEqual({
          what,
          code: "approval_required",
        });
      expect(codeOf(await desk.call(dan, { to }, { handler: "note" }))).toBe("approval_required");
    },
  );

  claim(
    "S11: the cooldown after the denial of an approval request ends, and covers each handler separately",
    async ({ boot }) => {
      const desk = await boot({ handlers: { note, letter: note } });
      const id = await desk.file(robot, { to }, { handler: "note" });
      await desk.vote(bea, id, "deny");
      expect(codeOf(await desk.call(robot, { to: `${to} ` }, { handler: "letter" }))).toBe("approval_required");
      expect(codeOf(await desk.call(robot, { to: `${to} ` }, { handler: "note" }))).toBe("approval_denied");
      await desk.sql("update approval_request set decided_at = decided_at - 600001 where id = ?", id);
      expect(codeOf(await desk.call(robot, { to: `${to} ` }, { handler: "note" }))).toBe("approval_required");
    },
  );
});
