// Every cell of the table of states (docs/guides/approvals.md): what a repeated call is answered, without an id and with it.

import { authenticated, type Handler, handler, Type } from "quater";
import { expect } from "vitest";
import { codeOf, type Desk, finance, idIn, onBothDialects, paid, pay, people } from "./kit.ts";

const { robot, bea, ana } = people;
const unknownId = `apr_${"a".repeat(20)}`;

/** Ways for a request to end before it is used, and the code that names it. */
const endings: readonly (readonly [state: string, end: (desk: Desk) => Promise<string>])[] = [
  [
    "expired",
    async (desk) => {
      const id = await desk.file(robot);
      await desk.elapse(id);
      return id;
    },
  ],
  [
    "expired",
    async (desk) => {
      const id = await desk.approved(robot);
      await desk.elapse(id);
      return id;
    },
  ],
  [
    "cancelled",
    async (desk) => {
      const id = await desk.file(robot);
      await desk.approvals.cancel(robot, "direct", id);
      return id;
    },
  ],
  [
    "cancelled",
    async (desk) => {
      const id = await desk.approved(robot);
      await desk.approvals.cancel(robot, "direct", id);
      return id;
    },
  ],
  [
    "revoked",
    async (desk) => {
      const id = await desk.approved(robot);
      await desk.approvals.revoke({ principal: bea, via: "api" }, { id, reason: "second thoughts" });
      return id;
    },
  ],
];

onBothDialects((claim) => {
  claim(
    "a call without an approval request gets 428 with id, expiry and status of a new request, and does not run",
    async ({ boot }) => {
      const desk = await boot();
      const outcome = await desk.call(robot);
      expect(outcome).toMatchObject({
        ok: false,
        error: {
          code: "approval_required",
          kind: "approval_required",
          details: { approval: { id: expect.stringMatching(/^apr_[a-z2-7]{20}$/), status: "pending" } },
        },
      });
      const record = await desk.record(idIn(outcome));
      expect(record).toMatchObject({ state: "pending", handler: "pay", args: '{"cents":5}', callId: outcome.callId });
      expect(outcome).toMatchObject({
        error: { details: { approval: { expiresAt: new Date(record.pendingUntil).toISOString() } } },
      });
      expect(record.pendingUntil - record.filedAt).toBe(3_600_000);
      expect(paid).toEqual([]);
    },
  );

  claim("a repeated call without an approval id gets 428 with the id of the pending approval request", async ({ boot }) => {
    const desk = await boot();
    const id = await desk.file(robot);
    const again = await desk.call(robot);
    expect([codeOf(again), idIn(again)]).toEqual(["approval_required", id]);
    expect(await desk.events(id)).toHaveLength(1);
  });

  claim("a repeated call with the id of its pending approval request gets 428 with this id", async ({ boot }) => {
    const desk = await boot();
    const id = await desk.file(robot);
    const again = await desk.call(robot, { cents: 5 }, { id });
    expect([codeOf(again), idIn(again)]).toEqual(["approval_required", id]);
  });

  claim("a repeated call without an approval id runs after people have approved its approval request", async ({ boot }) => {
    const desk = await boot();
    const id = await desk.approved(robot);
    const outcome = await desk.call(robot);
    expect(outcome).toMatchObject({ ok: true, value: { paid: 5 } });
    expect(paid).toEqual([{ cents: 5 }]);
    expect(await desk.record(id)).toMatchObject({
      state: "consumed",
      use: { callId: outcome.callId, outcome: "succeeded", endedAt: expect.any(Number) },
    });
  });

  claim("a repeated call with the id of its approval request runs after the approval", async ({ boot }) => {
    const desk = await boot();
    const id = await desk.approved(robot);
    expect(await desk.call(robot, { cents: 5 }, { id })).toMatchObject({ ok: true });
    expect(paid).toHaveLength(1);
  });

  claim(
    "a repeated call without an approval id gets 403 until the cooldown after the denial ends, then 428",
    async ({ boot }) => {
      const desk = await boot();
      const id = await desk.file(robot);
      await desk.vote(bea, id, "deny", "not this month");
      const outcome = await desk.call(robot);
      expect(outcome).toMatchObject({
        error: {
          code: "approval_denied",
          kind: "approval_refused",
          message: `The approval request ${id} was denied: not this month`,
          details: { approval: { id, status: "denied", reason: "not this month" } },
        },
      });
      const { retryAfterSeconds = 0 } = outcome.ok ? {} : outcome.error;
      expect(retryAfterSeconds).toBeGreaterThan(590);
      expect(retryAfterSeconds).toBeLessThanOrEqual(600);
      await desk.sql("update approval_request set decided_at = decided_at - 600000 where id = ?", id);
      const after = await desk.call(robot);
      expect(codeOf(after)).toBe("approval_required");
      expect(idIn(after)).not.toBe(id);
      expect(paid).toEqual([]);
    },
  );

  claim("a repeated call with the id of its denied approval request gets 403, also after the cooldown", async ({ boot }) => {
    const desk = await boot();
    const id = await desk.file(robot);
    await desk.vote(bea, id, "deny");
    expect(codeOf(await desk.call(robot, { cents: 5 }, { id }))).toBe("approval_denied");
    await desk.sql("update approval_request set decided_at = decided_at - 600000 where id = ?", id);
    expect(codeOf(await desk.call(robot, { cents: 5 }, { id }))).toBe("approval_denied");
    expect(await desk.sql("select id from approval_request")).toHaveLength(1);
  });

  claim(
    "a repeated call without an approval id gets a new request after an expired, cancelled or revoked request",
    async ({ boot }) => {
      const desk = await boot();
      for (const [state, end] of endings) {
        const id = await end(desk);
        expect((await desk.record(id)).state).toBe(state);
        const outcome = await desk.call(robot);
        expect([state, codeOf(outcome)]).toEqual([state, "approval_required"]);
        expect(idIn(outcome)).not.toBe(id);
        expect((await desk.record(id)).state).toBe(state);
        await desk.approvals.cancel(robot, "direct", idIn(outcome));
      }
      expect(paid).toEqual([]);
    },
  );

  claim(
    "a repeated call with the id of an expired, cancelled or revoked approval request gets 409 with this state",
    async ({ boot }) => {
      const desk = await boot();
      for (const [state, end] of endings) {
        const id = await end(desk);
        const before = await desk.sql("select id from approval_request");
        const outcome = await desk.call(robot, { cents: 5 }, { id });
        expect(outcome).toMatchObject({ error: { code: `approval_${state}`, kind: "approval_refused" } });
        expect(await desk.sql("select id from approval_request")).toHaveLength(before.length);
      }
      expect(paid).toEqual([]);
    },
  );

  claim("a repeated call without an approval id gets a new request that shows how the earlier call ended", async ({ boot }) => {
    const desk = await boot();
    const first = await desk.approved(robot);
    const { callId } = await desk.call(robot);
    const outcome = await desk.call(robot);
    const id = idIn(outcome);
    expect(id).not.toBe(first);
    const earlier = { id: first, callId, outcome: "succeeded" };
    expect(outcome).toMatchObject({ error: { code: "approval_required", details: { approval: { id, earlier } } } });
    // A caller that polls gets the same answer.
    expect(await desk.call(robot)).toMatchObject({ error: { details: { approval: { id, earlier } } } });
    const [shown] = await desk.approvals.earlier(await desk.record(id));
    expect(shown).toMatchObject({ id: first, use: { callId, outcome: "succeeded" } });
    expect(paid).toHaveLength(1);
  });

  claim(
    "a repeated call with the id of a used approval request gets 409 approval_used with the outcome of the use",
    async ({ boot }) => {
      const desk = await boot();
      const id = await desk.approved(robot);
      const { callId } = await desk.call(robot);
      expect(await desk.call(robot, { cents: 5 }, { id })).toMatchObject({
        error: { code: "approval_used", details: { approval: { id, usedBy: { callId, outcome: "succeeded" } } } },
      });
      expect(paid).toHaveLength(1);
    },
  );

  for (const isNamed of [false, true]) {
    const how = isNamed ? "with that id" : "without an id";

    claim(
      `an approved call whose preview changed, ${how}, gets 409 with the changed values, and the next repeat files a new request`,
      async ({ boot }) => {
        let balance = 100;
        const desk = await boot({ handlers: { pay: withPreview(() => ({ balance, fees: [1, 2], "a/b": { "~": balance } })) } });
        const id = await desk.approved(robot);
        balance = 99;
        const given = isNamed ? { id } : {};
        expect(await desk.call(robot, { cents: 5 }, given)).toMatchObject({
          error: { code: "approval_stale", details: { approval: { id, changed: ["/a~1b/~0", "/balance"] } } },
        });
        expect(await desk.record(id)).toMatchObject({ state: "expired", reason: "the preview has changed: /a~1b/~0, /balance" });
        const next = await desk.call(robot);
        expect(codeOf(next)).toBe("approval_required");
        expect(idIn(next)).not.toBe(id);
        expect(paid).toEqual([]);
      },
    );

    claim(
      `an approved call whose policy changed, ${how}, gets 409, and the next repeat files a new request`,
      async ({ boot, again }) => {
        const before = await boot();
        const id = await before.approved(robot);
        await before.app.stop();
        const desk = await again({ approval: { policies: { finance: { approvers: [{ role: "finance", need: 2 }] } } } });
        const given = isNamed ? { id } : {};
        expect(codeOf(await desk.call(robot, { cents: 5 }, given))).toBe("approval_policy_changed");
        expect(await desk.record(id)).toMatchObject({ state: "expired" });
        const next = await desk.call(robot);
        expect(codeOf(next)).toBe("approval_required");
        expect(idIn(next)).not.toBe(id);
        expect(paid).toEqual([]);
      },
    );

    claim(
      `an approved call whose input schema changed, ${how}, gets 409, and the next repeat files a new request`,
      async ({ boot, again }) => {
        const before = await boot();
        const id = await before.approved(robot);
        await before.app.stop();
        const input = Type.Object({
          cents: Type.Integer({ description: "In tenths of a cent" }),
          to: Type.Optional(Type.String()),
        });
        const desk = await again({ handlers: { pay: { ...pay, input } as Handler } });
        const given = isNamed ? { id } : {};
        expect(codeOf(await desk.call(robot, { cents: 5 }, given))).toBe("approval_schema_changed");
        const next = await desk.call(robot);
        expect(codeOf(next)).toBe("approval_required");
        expect(idIn(next)).not.toBe(id);
        expect(paid).toEqual([]);
      },
    );
  }

  claim("a call gets the same 404 for an unknown approval id and for the approval id of another requester", async ({ boot }) => {
    const desk = await boot();
    const id = await desk.file(ana);
    const answers = [];
    for (const named of [id, unknownId, "apr_1", "'; drop table approval_request; --", "\u0000"])
      answers.push(await desk.call(robot, { cents: 5 }, { id: named }));
    const errors = answers.map((outcome) => (outcome.ok ? undefined : { ...outcome.error, message: outcome.error.message }));
    expect(errors[0]).toMatchObject({ code: "approval_not_found", kind: "not_found" });
    for (const error of errors) expect(error).toEqual(errors[0]);
    await expect(desk.status(robot, id)).rejects.toMatchObject({ code: "approval_not_found" });
    await expect(desk.approvals.cancel(robot, "direct", id)).rejects.toMatchObject({ code: "approval_not_found" });
  });

  claim("a requester can read the state of an approval request that the requester made", async ({ boot }) => {
    const desk = await boot();
    const id = await desk.file(robot);
    expect(await desk.status(robot, id)).toEqual({ id, status: "pending", expiresAt: expect.stringMatching(/Z$/) });
    await desk.vote(bea, id);
    const { usableUntil = 0 } = await desk.record(id);
    expect(await desk.status(robot, id)).toMatchObject({ status: "approved", expiresAt: new Date(usableUntil).toISOString() });
    const { callId } = await desk.call(robot);
    expect(await desk.status(robot, id)).toMatchObject({ status: "consumed", usedBy: { callId, outcome: "succeeded" } });
    await expect(desk.approvals.cancel(robot, "direct", id)).rejects.toMatchObject({ code: "approval_used" });
  });

  claim("the pages of the list of approval requests contain only requests that the person may decide", async ({ boot }) => {
    const policies = { finance: finance.finance, legal: { approvers: [{ person: "dan" }] } };
    const desk = await boot({
      approval: { policies },
      handlers: { pay, sue: pay },
      expose: { pay: { direct: true, other: true, approval: "finance" }, sue: { direct: true, approval: "legal" } },
    });
    const ids: string[] = [];
    for (let cents = 0; cents < 5; cents++) {
      ids.unshift(await desk.file(robot, { cents }));
      await desk.file(robot, { cents }, { handler: "sue" });
    }
    const { approvals } = desk;
    expect((await approvals.list(bea)).map(({ id }) => id)).toEqual(ids);
    const [first = "", second = ""] = (await approvals.list(bea, { limit: 2 })).map(({ id }) => id);
    expect([first, second]).toEqual(ids.slice(0, 2));
    expect((await approvals.list(bea, { limit: 2, before: second })).map(({ id }) => id)).toEqual(ids.slice(2, 4));
    await desk.vote(bea, first);
    await desk.elapse(second);
    const inState = async (...states: ("pending" | "approved" | "expired")[]) =>
      (await approvals.list(bea, { states })).map(({ id }) => id);
    expect(await inState("approved")).toEqual([first]);
    expect(await inState("expired")).toEqual([second]);
    expect(await inState("pending", "approved")).toEqual([first, ...ids.slice(2)]);
    expect((await approvals.list(people.dan)).map(({ handler }) => handler)).toEqual(Array.from({ length: 5 }, () => "sue"));
    await expect(approvals.show(bea, (await approvals.list(people.dan))[0]?.id ?? "")).rejects.toMatchObject({
      code: "approver_not_eligible",
    });
  });

  claim(
    "a dry run of a call returns the approvers and the id of the newest request, and files no approval request",
    async ({ boot }) => {
      const desk = await boot();
      const dry = () => desk.call(robot, { cents: 5 }, { dryRun: true });
      const said = { required: true, policy: "finance", kind: "dual", approvers: [{ role: "finance", need: 1 }] };
      expect(await dry()).toMatchObject({ ok: true, value: { approval: said } });
      expect(await desk.sql("select id from approval_request")).toEqual([]);
      const id = await desk.approved(robot);
      expect(await dry()).toMatchObject({ value: { approval: { ...said, newest: { id, status: "approved" } } } });
      expect((await desk.record(id)).state).toBe("approved");
      const foreign = await desk.call(ana, { cents: 5 }, { dryRun: true });
      expect(foreign.ok && (foreign.value as { approval: object }).approval).not.toHaveProperty("newest");
    },
  );
});

const withPreview = (preview: () => unknown): Handler =>
  handler({
    description: "Pay somebody.",
    effect: "write",
    input: Type.Object({ cents: Type.Integer() }),
    auth: authenticated,
    preview,
    handle: (input) => {
      paid.push(input);
      return { paid: input.cents };
    },
  });
