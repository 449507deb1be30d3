// S11: how many requests one person may file, and what a denial covers.

import { authenticated, handler, Type } from "quater";
import { principal } from "quater/testing";
import { expect, test } from "vitest";
import { folded } from "../../../plugins/approval/likeness.ts";
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

const to = "Bo Smith";
const alike: readonly (readonly [what: string, input: object])[] = [
  ["a space at the end", { to: "Bo Smith " }],
  ["two spaces", { to: "Bo  Smith" }],
  ["no space", { to: "BoSmith" }],
  ["a no-break space", { to: "Bo\u00a0Smith" }],
  ["an ideographic space", { to: "Bo\u3000Smith" }],
  ["a Braille blank", { to: "Bo\u2800Smith" }],
  ["a line break", { to: "Bo\nSmith" }],
  ["a zero-width space", { to: "Bo\u200b Smith" }],
  ["a soft hyphen", { to: "Bo Smi\u00adth" }],
  ["a direction mark", { to: "Bo Smith\u200e" }],
  ["a Hangul filler", { to: "Bo Smith\u3164" }],
  ["letter case", { to: "BO smith" }],
  ["full width letters", { to: "\uff22\uff4f Smith" }],
  ["an empty list", { to, tags: [] }],
  ["a list of empty texts", { to, tags: ["", " "] }],
  ["an empty object", { to, more: {} }],
  ["an empty text in an object", { to, more: { text: "" } }],
];

test("S11: what is not empty is not folded away", () => {
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
  expect(folded(JSON.parse('{"__proto__":"x"}'))).toEqual({ members: [["__proto__", "x"]] });
});

onBothDialects((claim) => {
  claim(
    "S11: one person files at most so many requests an hour, cancelled ones and all credentials included",
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

  claim("S11: a request that is pending is found again when the limit is reached", async ({ boot }) => {
    const desk = await boot({ approval: { maxFiledPerHour: 1 } });
    const id = await desk.file(robot);
    expect(idIn(await desk.call(robot))).toBe(id);
    await desk.vote(bea, id);
    expect(codeOf(await desk.call(robot))).toBe("ok");
  });

  claim("S11: two instances that file at once keep the limit together", async ({ boot, again }) => {
    const [one, other] = [await boot({ approval: { maxFiledPerHour: 5 } }), await again({ approval: { maxFiledPerHour: 5 } })];
    const outcomes = await Promise.all(
      Array.from({ length: 24 }, (_, n) => (n % 2 === 0 ? one : other).call(n % 3 === 0 ? robot2 : robot, { cents: n })),
    );
    const codes = outcomes.map(codeOf);
    expect(codes.filter((code) => code === "approval_required")).toHaveLength(5);
    expect(codes.filter((code) => code === "approval_filing_limit")).toHaveLength(19);
    expect(await one.sql("select id from approval_request")).toHaveLength(5);
  });

  claim("S11: after a denial a call that looks the same is refused for every credential of the person", async ({ boot }) => {
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
    for (const input of [{ to: "Bo Smyth" }, { to, count: 0 }, { to, isUrgent: false }, { to, tags: ["x"] }])
      expect(codeOf(await desk.call(robot, input, { handler: "note" }))).toBe("approval_required");
    expect(codeOf(await desk.call(dan, { to }, { handler: "note" }))).toBe("approval_required");
  });

  claim("S11: the cooldown ends, and covers each handler by itself", async ({ boot }) => {
    const desk = await boot({ handlers: { note, letter: note } });
    const id = await desk.file(robot, { to }, { handler: "note" });
    await desk.vote(bea, id, "deny");
    expect(codeOf(await desk.call(robot, { to: `${to} ` }, { handler: "letter" }))).toBe("approval_required");
    expect(codeOf(await desk.call(robot, { to: `${to} ` }, { handler: "note" }))).toBe("approval_denied");
    await desk.sql("update approval_request set decided_at = decided_at - 600001 where id = ?", id);
    expect(codeOf(await desk.call(robot, { to: `${to} ` }, { handler: "note" }))).toBe("approval_required");
  });
});
