// Ways around the agreement of people that were tried from outside, and what comes of each. What the threats and the
// invariants name stands in their own files.

import { randomBytes } from "node:crypto";
import { authenticated, handler, type Principal, secret, Type } from "quater";
import { mcp } from "quater/mcp";
import { definePlugin } from "quater/plugin-api";
import { principal } from "quater/testing";
import { describe, expect, test } from "vitest";
import { readOptions } from "../../../core/schema/options.ts";
import type { NotifyOption } from "../../../plugins/approval/index.ts";
import { tellerOf } from "../../../plugins/approval/notices/deliver.ts";
import { noticeProblems } from "../../../plugins/approval/notices/problems.ts";
import { approvalOptions } from "../../../plugins/approval/options.ts";
import { isSamePerson } from "../../../plugins/approval/policy.ts";
import { optionProblems } from "../../../plugins/approval/problems.ts";
import { codeOf, onBothDialects, paid, people } from "./kit.ts";
import { operationOf, show } from "./shown-kit.ts";

const { robot, ana, bea, cleo } = people;
const notEligible = { code: "approver_not_eligible" };

describe("Quater recognizes two spellings of one person's name", () => {
  test.each([
    ["Ana@Shop.example", "ana@shop.example"],
    ["jose\u0301", "josé"],
    ["ａｎａ", "ana"],
    ["an\u200ba", "ana"],
    [" ana", "ana"],
    ["STRASSE", "straße"],
  ])("isSamePerson treats %j and %j as one person", (one, other) => {
    expect([isSamePerson(one, other), isSamePerson(other, one)]).toEqual([true, true]);
  });

  test("isSamePerson returns false for missing names of persons and for different names", () => {
    expect([isSamePerson(undefined, undefined), isSamePerson("ana", undefined), isSamePerson("ana", "anna")]).toEqual([
      false,
      false,
      false,
    ]);
  });

  test("boot refuses an approval policy that needs two spellings of one person", () => {
    const problems = optionProblems({
      ...readOptions(approvalOptions, undefined).values,
      authenticate: () => undefined,
      policies: { both: { approvers: [{ person: "ana" }, { person: "Ana" }] } },
    });
    expect(problems.map(({ cause }) => cause)).toEqual([
      'The approval policy both lists "Ana" twice, but one person can approve only once',
    ]);
  });
});

onBothDialects((claim) => {
  claim("a person cannot approve their own approval request under another spelling of their name", async ({ boot }) => {
    const desk = await boot();
    const spelt = (person: string): Principal => ({ ...ana, person, subject: "sso", credential: `sso:${person}` });
    for (const who of [robot, ana]) {
      const id = await desk.file(who);
      for (const person of ["Ana", "ANA", "ａｎａ", "ana "])
        await expect(desk.vote(spelt(person), id)).rejects.toMatchObject(notEligible);
      expect((await desk.record(id)).votes).toEqual([]);
    }
  });

  claim("votes of one person on an approval request under two spellings of the name count once", async ({ boot }) => {
    const desk = await boot({ approval: { policies: { finance: { approvers: [{ role: "finance", need: 2 }] } } } });
    const id = await desk.file(robot);
    await desk.vote(bea, id);
    expect((await desk.vote({ ...bea, person: "Bea", credential: "sso:Bea" }, id)).votes).toHaveLength(1);
    await expect(desk.vote({ ...bea, person: "Bea" }, id, "deny")).rejects.toMatchObject({ code: "approval_vote_differs" });
    expect((await desk.vote(cleo, id)).state).toBe("approved");
  });

  claim("a credential that acts for another person cannot vote on approval requests", async ({ boot }) => {
    const desk = await boot();
    const id = await desk.file(ana);
    for (const kind of ["service", "user", "operator"] as const)
      await expect(desk.vote({ ...bea, kind, actsFor: "ana" }, id)).rejects.toMatchObject(notEligible);
    expect((await desk.vote({ ...bea, actsFor: "bea" }, id)).state).toBe("approved");
  });

  claim(
    "Quater refuses a person whose name the database cannot store, without effect on other approval requests",
    async ({ boot }) => {
      const desk = await boot();
      const id = await desk.file(robot);
      const long = randomBytes(6_000).toString("base64"); // does not compress into the 2,704 bytes of an index
      for (const odd of [{ subject: "be\0a" }, { credential: "\0" }, { issuer: "\0" }, { person: long }, { subject: long }])
        await expect(desk.vote({ ...bea, ...odd }, id)).rejects.toMatchObject(notEligible);
      expect(codeOf(await desk.call({ ...robot, subject: long }))).toBe("approval_required");
      expect(codeOf(await desk.call({ ...robot, subject: "a\0b" }))).toBe("approval_required");
      expect((await desk.vote(bea, id)).state).toBe("approved");
      expect(codeOf(await desk.call(robot))).toBe("ok");
    },
  );

  claim(
    "a change of an approval request that the database refuses has no effect on other requests and does not fence the store",
    async ({ boot }) => {
      const desk = await boot();
      const id = await desk.file(robot);
      await desk.sql("alter table approval_vote rename column via to via_before");
      await expect(desk.vote(bea, id)).rejects.toMatchObject({ code: "approval_unavailable" });
      expect((await desk.record(id)).state).toBe("pending");
      await desk.sql("alter table approval_vote rename column via_before to via");
      expect((await desk.vote(bea, id)).state).toBe("approved");
      expect(codeOf(await desk.call(robot))).toBe("ok");
    },
  );

  claim("a list of approval requests is empty when no approval request matches the filters of the list", async ({ boot }) => {
    const desk = await boot();
    await desk.file(robot);
    for (const given of [{ handler: "\0" }, { before: "\0" }, { before: "' or 1=1 --" }, { handler: "none" }])
      expect(await desk.approvals.list(bea, given)).toEqual([]);
  });

  claim("Quater shortens a long reason of a vote between two characters and never inside a character", async ({ boot }) => {
    const desk = await boot();
    const id = await desk.file(robot);
    const { reason = "" } = await desk.vote(bea, id, "deny", `a\n${"😀".repeat(499)}`);
    expect([reason.slice(0, 6), [...reason].length, /\p{Cs}/u.test(reason)]).toEqual(["a\\u{a}", 500, false]);
  });

  claim(
    "Quater stores a preview that repeats a secret argument neither on the trail nor in the approval request",
    async ({ boot }) => {
      const login = handler({
        description: "Sign in.",
        effect: "write",
        input: Type.Object({ user: Type.String(), pin: secret(Type.String()) }),
        auth: authenticated,
        preview: ({ user, pin }) => ({ says: `${user} with ${pin}` }),
        handle: () => ({}),
      });
      const desk = await boot({ handlers: { login } });
      const id = await desk.approved(robot, { user: "ana", pin: "7391-xyzzy" }, { handler: "login" });
      expect(codeOf(await desk.call(robot, { user: "ana", pin: "7391-xyzzy" }, { handler: "login" }))).toBe("ok");
      const rows = [await desk.sql("select * from audit_event"), await desk.sql("select * from approval_request")];
      expect(JSON.stringify(rows)).not.toContain("xyzzy");
      expect((await desk.record(id)).preview).toContain("xyzzy");
    },
  );

  claim("quater approvals prints the paths of the changes in a preview without control characters", async ({ boot }) => {
    let times = 0;
    const erase = handler({
      description: "Erase.",
      effect: "write",
      input: Type.Object({}),
      auth: authenticated,
      preview: () => ({ [`\u001b[2J${times++}`]: 1 }),
      handle: () => ({}),
    });
    const desk = await boot({ handlers: { erase } });
    await desk.approved(robot, {}, { handler: "erase" });
    const outcome = await desk.call(robot, {}, { handler: "erase" });
    expect(outcome).toMatchObject({ ok: false, error: { code: "approval_stale" } });
    const said = outcome.ok ? "" : `${outcome.error.message}${JSON.stringify(outcome.error.details)}`;
    expect(said).toContain("/\\u{1b}[2J0");
    expect(said).not.toContain("\u001b");
  });

  claim("when a plugin's around hook answers before the handler, the handler does not run later", async ({ boot }) => {
    let held: Promise<unknown> = Promise.resolve();
    const early = definePlugin(() => ({
      name: "early",
      hooks: {
        around: async (_call: unknown, next: () => Promise<unknown>) => {
          held = next().catch((error: unknown) => error);
          return { paid: 0 };
        },
      },
    }));
    const desk = await boot({ plugins: [early()] });
    const id = await desk.approved(robot);
    expect(codeOf(await desk.call(robot))).toBe("ok");
    expect(String(await held)).toMatch(
      /already got an answer before the start of the call was recorded|is not pending, so it cannot be recorded/,
    );
    expect(paid).toEqual([]);
    await expect.poll(async () => (await desk.record(id)).use?.outcome).not.toBe("running");
    expect(codeOf(await desk.call(robot))).not.toBe("approval_unavailable");
    expect(paid).toEqual([]);
  });
});

test("neither the caller of an MCP call nor the person for whom the caller acts can approve the call", () => {
  const adopt = mcp({ authenticate: () => undefined }).surface?.adopt ?? ((same: Principal) => same);
  const { person, actsFor, kind } = adopt(principal({ subject: "ana", kind: "user", actsFor: "bob" }));
  expect([kind, person, actsFor]).toEqual(["agent", "ana", "bob"]);
  const plain = adopt(principal({ subject: "ana", kind: "user" }));
  expect([plain.kind, plain.person, plain.actsFor]).toEqual(["agent", undefined, "ana"]);
});

test("the preview of an approval request hides a secret argument that is a number", async () => {
  const input = Type.Object({ pin: secret(Type.Integer()) });
  const operation = await operationOf(input);
  const shown = show({ pin: 739_155 }, { preview: '{"says":"pin 739155","pin":739155}' }, { operation, view: "full" });
  expect(JSON.stringify(shown)).not.toContain("739155");
});

describe("Quater sends notices about approval requests", () => {
  test("boot refuses a webhook URL with a password, because Quater logs failed deliveries", () => {
    const notify: NotifyOption = {
      webhook: { url: "https://hook:geheim@hooks.example/a", secret: `whsec_${Buffer.alloc(24).toString("base64")}` },
    };
    const problems = noticeProblems(notify);
    expect(problems).toMatchObject([
      { cause: "The webhook of approval() at https://hooks.example has a user name or a password in its URL" },
    ]);
    expect(JSON.stringify(problems)).not.toContain("geheim");
  });

  test("a notify function of approval() that throws an unprintable value does not end the process", async () => {
    const lines: unknown[] = [];
    const log = { info: () => {}, warn: (...line: unknown[]) => void lines.push(line), error: () => {} };
    const teller = tellerOf(() => Promise.reject(Object.create(null)), log);
    teller.tell({ type: "approval.filed", id: "apr_x", app: "shop", handler: "pay", policy: "finance" });
    await teller.stop();
    expect(lines).toMatchObject([["A notice about an approval could not be delivered", { reason: "object" }]]);
  });
});
