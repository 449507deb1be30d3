// M10: what a caller reads that repeats a call that already ran, or that names the approval of another call.

import { authenticated, handler, Type } from "quater";
import { expect, test } from "vitest";
import { tempFolder } from "../audit/kit.ts";
import { quater } from "../cli/kit.ts";
import { codeOf, type Desk, onBothDialects, people } from "./kit.ts";
import { bootCounter, till } from "./surface-kit.ts";

const { robot, bea, dan } = people;
const approvalIn = async (desk: Desk, ...[who, input, given]: Parameters<Desk["call"]>) => {
  const outcome = await desk.call(who, input, given);
  if (outcome.ok) throw new Error("The call ran");
  const { code, message, details } = outcome.error;
  return { code, message, approval: Object(details?.["approval"]) as Record<string, unknown> };
};

const payOrFail = handler({
  description: "Pay, or fail for 13 cents.",
  effect: "write",
  input: Type.Object({ cents: Type.Integer() }),
  auth: authenticated,
  handle: ({ cents }) => {
    if (cents === 13) throw new Error("unlucky");
    return {};
  },
});

onBothDialects((claim) => {
  claim(
    "M10: a repeated call under an approval policy shows when and how the first call ended, and needs a new approval",
    async ({ boot }) => {
      const desk = await boot({ handlers: { pay: payOrFail } });
      for (const [cents, outcome] of [
        [5, "succeeded"],
        [13, "failed"],
      ] as const) {
        const id = await desk.approved(robot, { cents });
        const { callId } = await desk.call(robot, { cents });
        const ended = (await desk.events(id)).find(({ type }) => type === "call.ended");
        const endedAt = new Date(ended?.at ?? 0).toISOString();
        const { code, message, approval } = await approvalIn(desk, robot, { cents });
        expect(code).toBe("approval_required");
        expect(approval).toMatchObject({ status: "pending", earlier: { match: "identical", id, callId, outcome, endedAt } });
        expect(approval["id"]).not.toBe(id);
        expect(message).toContain(`and ${outcome} at ${endedAt} (call ${callId}, approval ${id})`);
        const used = await approvalIn(desk, robot, { cents }, { id });
        expect(used).toMatchObject({ code: "approval_used", approval: { usedBy: { callId, outcome } } });
        const { usedBy } = await desk.status(robot, id);
        expect(used.approval["usedBy"]).toEqual(usedBy);
        expect(used.message).toContain(`the call ${callId} ran and ${outcome} at ${usedBy?.endedAt}`);
        expect((await approvalIn(desk, dan, { cents })).approval["earlier"]).toBeUndefined();
        expect((await approvalIn(desk, robot, { cents: cents + 100 })).approval["earlier"]).toBeUndefined();
      }
    },
  );

  claim(
    "M10: a repeated call shows the end of the earlier call from the trail and not from the row of the request",
    async ({ boot }) => {
      const desk = await boot();
      const id = await desk.approved(robot);
      expect(codeOf(await desk.call(robot))).toBe("ok");
      const ended = (await desk.events(id)).find(({ type }) => type === "call.ended");
      await desk.sql("update approval_request set ended_at = 1 where id = ?", id);
      const { approval } = await approvalIn(desk, robot);
      expect(approval["earlier"]).toMatchObject({ id, endedAt: new Date(ended?.at ?? 0).toISOString() });
    },
  );

  claim("M10: a call with the approval id of another call gets the state of this approval", async ({ boot }) => {
    const desk = await boot();
    const id = await desk.file(robot);
    const mismatch = () => approvalIn(desk, robot, { cents: 6 }, { id });
    const start = `The approval ${id} is for a call with other arguments.`;
    const code = "approval_mismatch";
    expect(await mismatch()).toEqual({
      code,
      message: `${start} People have not decided the approval request yet. Send this call without the approval id`,
      approval: { id, status: "pending" },
    });
    await desk.vote(bea, id);
    expect(await mismatch()).toEqual({
      code,
      message: `${start} The approval is still valid. Repeat the approved call, or send this call without the approval id`,
      approval: { id, status: "approved" },
    });
    const { callId } = await desk.call(robot);
    const { usedBy } = await desk.status(robot, id);
    expect(await mismatch()).toEqual({
      code,
      message: `${start} The approved call ran and succeeded at ${usedBy?.endedAt} (call ${callId}). Send this call without the approval id`,
      approval: { id, status: "consumed", usedBy },
    });
    const denied = await desk.file(robot, { cents: 7 });
    await desk.vote(bea, denied, "deny", "no");
    expect(await approvalIn(desk, robot, { cents: 8 }, { id: denied })).toMatchObject({
      code,
      message: `The approval ${denied} is for a call with other arguments. Send this call without the approval id`,
      approval: { id: denied, status: "denied" },
    });
  });
});

const toBo = { to: "Bo", cents: 5 };
const at = String.raw`\d{4}-[0-9T:.-]+Z`;

test("M10: the answer to a repeated call over MCP says that the call ran, and that the model must report the earlier outcome", async () => {
  using folder = tempFolder();
  await using counter = await bootCounter({ root: folder.root });
  const id = String((await counter.tool(toBo)).result?._meta["quater/approval"]?.["id"]);
  await counter.vote("bea", id);
  expect((await counter.tool(toBo)).result).toMatchObject({ structuredContent: { paid: 5 } });

  const repeated = (await counter.tool(toBo)).result;
  const text = repeated?.content[0]?.text ?? "";
  expect(text).toMatch(new RegExp(`An identical call ran before, at ${at}, and succeeded at ${at} \\(call`));
  expect(text).toContain("report its outcome and do not repeat the call");
  expect(text).not.toContain("Nothing has been done yet");
  expect(repeated?._meta["quater/approval"]).toMatchObject({ earlier: { endedAt: expect.stringMatching(at) as string } });

  const used = (await counter.tool(toBo, { "quater/approval": { id } })).result?.content[0]?.text ?? "";
  expect(used).toMatch(new RegExp(`as call [0-9a-f-]{36}, with the outcome succeeded at ${at}`));
  const other = (await counter.tool({ ...toBo, cents: 6 }, { "quater/approval": { id } })).result?.content[0]?.text ?? "";
  expect(other).toMatch(new RegExp(`The approved call ran and succeeded at ${at} `));
  expect(other).toContain("send this call without an approval id to make a new approval request");
  expect(other).not.toContain("valid");
});

test("M10: the 428 and 409 responses to a repeated HTTP call say how and when the first call ended", async () => {
  using folder = tempFolder();
  await using counter = await bootCounter({ root: folder.root });
  const id = String((await counter.post(toBo)).body.approval?.["id"]);
  await counter.vote("bea", id);
  expect((await counter.post(toBo)).response.status).toBe(200);
  const end = { outcome: "succeeded", endedAt: expect.stringMatching(at) as string };
  const repeated = await counter.post(toBo);
  expect([repeated.response.status, repeated.body.approval]).toMatchObject([428, { earlier: end }]);
  const used = await counter.post(toBo, { "quater-approval": id });
  expect([used.response.status, used.body.approval]).toMatchObject([409, { usedBy: end }]);
  const other = await counter.post({ ...toBo, cents: 6 }, { "quater-approval": id });
  expect([other.response.status, other.body.approval]).toMatchObject([409, { status: "consumed", usedBy: end }]);
});

test("M10: the terminal shows the caller and the approver of a repeated call the end of the first call", async () => {
  using desk = till();
  const typed = (...argv: readonly string[]) => quater(argv, { cwd: desk.folder, env: { QUATER_LOG: "silent" } });
  const run = ["run", "pay", "--to", "Bo", "--cents", "5"];
  const idOf = (text: string) => /apr_[a-z2-7]{20}/.exec(text)?.[0] ?? "";
  const id = idOf((await typed(...run)).err);
  const shown = await typed("approvals", "show", id, "--key-file", desk.keys.bea, "--json");
  const { digest } = JSON.parse(shown.out) as { digest: string };
  expect((await typed("approvals", "approve", id, "--key-file", desk.keys.bea, "--digest", digest)).code).toBe(0);
  expect((await typed(...run)).code).toBe(0);
  const waited = await typed("approvals", "wait", id);
  expect(JSON.parse(waited.out)).toMatchObject({ status: "consumed", outcome: "succeeded", endedAt: expect.stringMatching(at) });
  const repeated = await typed(...run, "--no-json");
  expect(repeated.err).toMatch(new RegExp(`An identical call ran before, at ${at}, and succeeded at ${at} `));
  const pending = /The approval request (apr_[a-z2-7]{20}) is pending/.exec(repeated.err)?.[1] ?? "";
  const seen = await typed("approvals", "show", pending, "--key-file", desk.keys.bea, "--json");
  expect(JSON.parse(seen.out)).toMatchObject({ ranBefore: { id, outcome: "succeeded", endedAt: expect.any(Number) } });
});
