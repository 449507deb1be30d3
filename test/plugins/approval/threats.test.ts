// The threats T1 to T8 of docs/guides/approvals.md, each with what the bad input gets.

import { authenticated, handler, resource, secret, Type } from "quater";
import { principal } from "quater/testing";
import { expect, vi } from "vitest";
import { codeOf, type Desk, idIn, onBothDialects, paid, pay, people } from "./kit.ts";

const { robot, ana, bea, cleo, dan } = people;
const votes = (desk: Desk) => desk.sql("select person from approval_vote");

onBothDialects((claim) => {
  claim("T1: a repetition of an approved call with other arguments needs a new approval request", async ({ boot }) => {
    const desk = await boot();
    const id = await desk.approved(robot, { cents: 5 });
    for (const changed of [{ cents: 6 }, { cents: 5, to: "" }, { cents: -5 }]) {
      const outcome = await desk.call(robot, changed);
      expect(codeOf(outcome)).toBe("approval_required");
      expect(idIn(outcome)).not.toBe(id);
    }
    expect((await desk.record(id)).state).toBe("approved");
    expect(paid).toEqual([]);
  });

  claim(
    "T1: other arguments with the id of an approval get 409 approval_mismatch, and the approval stays usable",
    async ({ boot }) => {
      const desk = await boot();
      const id = await desk.approved(robot, { cents: 5 });
      expect(codeOf(await desk.call(robot, { cents: 6 }, { id }))).toBe("approval_mismatch");
      expect(await desk.sql("select id from approval_request")).toHaveLength(1);
      expect(await desk.call(robot, { cents: 5 }, { id })).toMatchObject({ ok: true });
      expect(paid).toEqual([{ cents: 5 }]);
    },
  );

  claim("T1: the approval of a call without arguments does not cover a call with arguments", async ({ boot }) => {
    const given: unknown[] = [];
    const ping = handler({
      description: "Ping.",
      effect: "write",
      input: Type.Object({ to: Type.Optional(Type.String()) }),
      auth: authenticated,
      handle: (input) => void given.push(input),
    });
    const desk = await boot({ handlers: { ping } });
    await desk.approved(robot, {}, { handler: "ping" });
    expect(codeOf(await desk.call(robot, { to: "bea" }, { handler: "ping" }))).toBe("approval_required");
    expect(given).toEqual([]);
    expect(codeOf(await desk.call(robot, {}, { handler: "ping" }))).toBe("ok");
    expect(given).toEqual([{}]);
  });

  claim(
    "T2: when many identical calls race for one approval, one call runs and the others share one new approval request",
    async ({ boot, again }) => {
      const [one, two] = [await boot(), await again()];
      const id = await one.approved(robot);
      const racers = await Promise.all(Array.from({ length: 16 }, (_, index) => (index % 2 ? one : two).call(robot)));
      const losers = racers.filter(({ ok }) => !ok);
      expect(paid).toEqual([{ cents: 5 }]);
      expect(losers.map(codeOf)).toEqual(Array.from({ length: 15 }, () => "approval_required"));
      expect(new Set(losers.map(idIn)).size).toBe(1);
      expect(losers.map(idIn)).not.toContain(id);
    },
  );

  claim(
    "T2: calls with an approval id that lose the race for the approval get the call id and outcome of the winner",
    async ({ boot }) => {
      const desk = await boot();
      const id = await desk.approved(robot);
      const racers = await Promise.all(Array.from({ length: 8 }, () => desk.call(robot, { cents: 5 }, { id })));
      const [winner] = racers.filter(({ ok }) => ok);
      const losers = racers.filter(({ ok }) => !ok);
      expect(losers).toHaveLength(7);
      for (const loser of losers)
        expect(loser).toMatchObject({
          error: { code: "approval_used", details: { approval: { id, usedBy: { callId: winner?.callId } } } },
        });
      expect(paid).toHaveLength(1);
      expect(await desk.sql("select id from approval_request")).toHaveLength(1);
    },
  );

  claim("T3: a call of another principal, surface or handler with the id of an approval request gets 404", async ({ boot }) => {
    const desk = await boot({ handlers: { pay, payToo: pay } });
    const id = await desk.approved(robot);
    const twin = { ...robot, credential: "test:another" };
    const agentOfBea = { ...robot, actsFor: "bea" };
    const tries = [
      [ana, {}],
      [twin, {}],
      [agentOfBea, {}],
      [robot, { surface: "other" }],
      [robot, { handler: "payToo" }],
    ] as const;
    for (const [who, how] of tries) {
      expect(codeOf(await desk.call(who, { cents: 5 }, { ...how, id }))).toBe("approval_not_found");
      const own = await desk.call(who, { cents: 5 }, how);
      expect(codeOf(own)).toBe("approval_required");
      expect(idIn(own)).not.toBe(id);
    }
    expect((await desk.record(id)).state).toBe("approved");
    expect(paid).toEqual([]);
  });

  claim(
    "T3: an approval policy with anySurface lets the same caller repeat an approved call over another surface",
    async ({ boot }) => {
      const policies = { finance: { approvers: [{ role: "finance" }], anySurface: true } };
      const desk = await boot({ approval: { policies } });
      const id = await desk.approved(robot);
      expect(await desk.status(robot, id, "other")).toMatchObject({ status: "approved" });
      expect(await desk.call(robot, { cents: 5 }, { surface: "other" })).toMatchObject({ ok: true });
      expect(codeOf(await desk.call(ana, { cents: 5 }, { id }))).toBe("approval_not_found");
      expect(paid).toHaveLength(1);
    },
  );

  claim("T4: requesters, agents, local users and unknown people cannot vote on an approval request", async ({ boot }) => {
    const desk = await boot();
    const id = await desk.file({ ...robot, person: "rob" });
    const roles = ["finance"];
    const refused = {
      "the requester's person": principal({ subject: "rob", roles, credential: "key:of-rob" }),
      "the person it acts for": ana,
      "an agent": principal({ subject: "other", kind: "agent", roles }),
      "the same credential under another name": principal({ subject: "eve", roles, credential: robot.credential }),
      "this machine's user": principal({ issuer: "local", subject: "eve", kind: "operator", roles }),
      "nobody's credential": { ...robot, subject: "svc", kind: "service", credential: "key:svc", roles } as const,
      "somebody without the role": dan,
    };
    const { digest } = await desk.record(id);
    for (const [who, approver] of Object.entries(refused))
      for (const verdict of ["approve", "deny"] as const)
        await expect(
          desk.approvals.vote({ principal: approver, via: "api" }, { id, verdict, digest }),
          who,
        ).rejects.toMatchObject({
          code: "approver_not_eligible",
          kind: "forbidden",
        });
    expect(await votes(desk)).toEqual([]);
    expect((await desk.record(id)).state).toBe("pending");
    expect(codeOf(await desk.call({ ...robot, person: "rob" }))).toBe("approval_required");
  });

  claim("T4: the trail records a refused vote on an approval request with the person who tried to vote", async ({ boot }) => {
    const desk = await boot();
    const id = await desk.file(robot);
    const { digest } = await desk.record(id);
    const vote = { id, verdict: "approve", digest } as const;
    await expect(desk.approvals.vote({ principal: robot, via: "api" }, vote)).rejects.toThrow();
    await expect(desk.approvals.revoke({ principal: dan, via: "cli" }, { id })).rejects.toThrow();
    await expect(desk.approvals.vote({ principal: bea, via: "page" }, { ...vote, id: "\u0000" })).rejects.toThrow();
    await vi.waitFor(async () => {
      const refused = (await desk.events(id)).filter(({ type }) => type === "call.refused");
      expect(
        refused.map(({ errorCode, principal, surface, detail }) => [errorCode, principal?.credential, surface, detail]),
      ).toEqual([
        ["approver_not_eligible", robot.credential, "approvals", { via: "api" }],
        ["approver_not_eligible", dan.credential, "approvals", { via: "cli" }],
      ]);
    });
  });

  claim("T4: people who may not decide an approval request cannot see the request", async ({ boot }) => {
    const desk = await boot();
    const id = await desk.file(robot);
    const record = await desk.record(id);
    expect(desk.approvals.obstacle(ana, record)).toBe("the request was made for you");
    expect(desk.approvals.obstacle(bea, record)).toBeUndefined();
    for (const who of [dan, robot]) {
      expect(() => desk.approvals.assertApprover(who)).toThrow(expect.objectContaining({ code: "approver_not_eligible" }));
      await expect(desk.approvals.show(who, id)).rejects.toMatchObject({ code: "approver_not_eligible" });
      await expect(desk.approvals.list(who)).rejects.toMatchObject({ code: "approver_not_eligible" });
    }
    await expect(desk.approvals.show(bea, `apr_${"b".repeat(20)}`)).rejects.toMatchObject({ code: "approval_not_found" });
  });

  claim(
    "T4: under a confirm policy the person that an agent acts for may approve, but not with the agent's credential",
    async ({ boot }) => {
      const policies = { finance: { approvers: [{ person: "ana" }], kind: "confirm" as const } };
      const desk = await boot({ approval: { policies } });
      const agent = { ...robot, credential: "key:of-ana" };
      const id = await desk.file(agent);
      const { digest } = await desk.approvals.show(ana, id);
      const vote = (who: typeof ana) => desk.approvals.vote({ principal: who, via: "api" }, { id, verdict: "approve", digest });
      await expect(vote({ ...ana, credential: "key:of-ana" })).rejects.toMatchObject({ code: "approver_not_eligible" });
      expect((await vote(ana)).state).toBe("approved");
      expect(await desk.call(agent)).toMatchObject({ ok: true });
    },
  );

  claim(
    "T5: Quater refuses a call with an argument that approvers cannot read, and the error contains the path",
    async ({ boot }) => {
      const desk = await boot();
      const outcome = await desk.call(robot, { cents: 5, to: "x".repeat(17_000) });
      expect(outcome).toMatchObject({
        error: { code: "approval_unrenderable", kind: "invalid_input", errors: [{ path: "/to" }] },
      });
      expect(await desk.sql("select id from approval_request")).toEqual([]);
    },
  );

  claim("T5: Quater refuses an approval call whose preview cannot be written as text", async ({ boot }) => {
    const broken = handler({
      description: "Has half a character in its preview.",
      effect: "write",
      input: Type.Object({}),
      auth: authenticated,
      preview: () => "\ud800",
      handle: () => "ran",
    });
    const desk = await boot({ handlers: { broken } });
    const outcome = await desk.call(robot, {}, { handler: "broken" });
    expect(outcome).toMatchObject({ error: { code: "approval_unrenderable" } });
    expect(outcome.ok || outcome.error.message).toContain("preview: contains half of a surrogate pair");
  });

  claim("the store contains secrets, preview and nonce of an approval request only in encrypted form", async ({ boot }) => {
    const pin = "sesame-4711";
    const unlock = handler({
      description: "Unlock.",
      effect: "write",
      input: Type.Object({ door: Type.String(), pin: secret(Type.String()) }),
      auth: authenticated,
      preview: (input) => ({ opens: input.door, with: input.pin }),
      handle: () => "open",
    });
    const desk = await boot({ handlers: { unlock } });
    const input = { door: "north", pin };
    const id = await desk.approved(robot, input, { handler: "unlock" });
    const record = await desk.record(id);
    expect(record.args).toBe('{"door":"north","pin":"sesame-4711"}');
    const stored = JSON.stringify([
      await desk.sql("select * from approval_request"),
      await desk.sql("select meta from audit_event where type like 'approval.%'"),
    ]);
    for (const hidden of [pin, "north", record.nonce]) expect(stored).not.toContain(hidden);
    expect(await desk.call(robot, input, { handler: "unlock" })).toMatchObject({ ok: true, value: "open" });
  });

  claim(
    "T6: identical calls share one pending approval request, even when many calls arrive at the same time",
    async ({ boot, again }) => {
      const [one, two] = [await boot(), await again()];
      const outcomes = await Promise.all(Array.from({ length: 12 }, (_, index) => (index % 2 ? one : two).call(robot)));
      expect(new Set(outcomes.map(idIn)).size).toBe(1);
      expect(await one.sql("select id from approval_request")).toHaveLength(1);
      expect(await one.sql("select seq from audit_event where type = 'approval.filed'")).toHaveLength(1);
    },
  );

  claim(
    "T6: the limit of pending approval requests per principal is exact in races, and other principals can still file",
    async ({ boot }) => {
      const desk = await boot({ approval: { maxPending: 3 } });
      const outcomes = await Promise.all(Array.from({ length: 8 }, (_, cents) => desk.call(robot, { cents })));
      expect(outcomes.map(codeOf).sort()).toEqual([
        ...Array.from({ length: 5 }, () => "approval_backlog"),
        ...Array.from({ length: 3 }, () => "approval_required"),
      ]);
      // Another credential of the same principal is no way around.
      const late = await desk.call({ ...robot, credential: "key:2" }, { cents: 99 });
      expect(late).toMatchObject({ error: { code: "approval_backlog", kind: "rate_limited" } });
      expect(codeOf(await desk.call(ana))).toBe("approval_required");
      const [first] = outcomes.filter((outcome) => codeOf(outcome) === "approval_required").map(idIn);
      await desk.elapse(String(first));
      expect(codeOf(await desk.call(robot, { cents: 100 }))).toBe("approval_required");
    },
  );

  claim("T6: after the denial of an approval request, Quater refuses the same call until the cooldown ends", async ({ boot }) => {
    const desk = await boot({ approval: { cooldownMs: 60_000 } });
    const id = await desk.file(robot);
    await desk.vote(bea, id, "deny");
    for (let n = 0; n < 3; n++) expect(codeOf(await desk.call(robot))).toBe("approval_denied");
    expect(await desk.sql("select id from approval_request")).toHaveLength(1);
    expect(codeOf(await desk.call(robot, { cents: 6 }))).toBe("approval_required");
  });

  claim(
    "T7: Quater runs and rolls back the preview of a call at the filing and at the use of the approval request",
    async ({ boot }) => {
      const told: string[] = [];
      const order = resource({
        name: "order",
        scope: "call",
        open: () => void told.push("open"),
        close: (_, { failed }) => void told.push(failed ? "rolled back" : "committed"),
      });
      const refund = handler({
        description: "Refund.",
        effect: "write",
        input: Type.Object({}),
        auth: authenticated,
        use: { order },
        preview: () => {
          told.push("preview");
          return { order: "ord_1" };
        },
        handle: () => void told.push("handle"),
      });
      const desk = await boot({ handlers: { refund } });
      const given = { handler: "refund" };
      const id = await desk.file(robot, {}, given);
      expect(told.splice(0)).toEqual(["open", "preview", "rolled back"]);
      await desk.call(robot, {}, given);
      expect(told.splice(0)).toEqual([]);
      expect((await desk.record(id)).preview).toBe('{"order":"ord_1"}');
      await desk.vote(bea, id);
      expect(codeOf(await desk.call(robot, {}, given))).toBe("ok");
      expect(told).toEqual(["open", "preview", "handle", "committed"]);
    },
  );

  claim(
    "T7: an approved call gets 409 with the changed values when its preview changed, and its handler does not run",
    async ({ boot }) => {
      let stock = 3;
      const sell = handler({
        description: "Sell.",
        effect: "write",
        input: Type.Object({}),
        auth: authenticated,
        preview: () => ({ stock }),
        handle: () => void stock--,
      });
      const desk = await boot({ handlers: { sell } });
      const id = await desk.approved(robot, {}, { handler: "sell" });
      stock = 2;
      expect(await desk.call(robot, {}, { handler: "sell" })).toMatchObject({
        error: { code: "approval_stale", details: { approval: { id, changed: ["/stock"] } } },
      });
      expect(stock).toBe(2);
      const types = (await desk.events(id)).map(({ type, detail }) => [type, (detail as { cause?: string })?.cause]);
      expect(types.at(-1)).toEqual(["approval.expired", "preview"]);
    },
  );

  for (const [what, act, code] of [
    ["revoked", (desk: Desk, id: string) => desk.approvals.revoke({ principal: cleo, via: "api" }, { id }), "approval_revoked"],
    ["expired", (desk: Desk, id: string) => desk.elapse(id), "approval_expired"],
    ["cancelled", (desk: Desk, id: string) => desk.approvals.cancel(robot, "direct", id), "approval_cancelled"],
  ] as const)
    claim(`T8: the handler does not run when ${what} after every check and before the consuming statement`, async ({ boot }) => {
      let meanwhile: () => unknown = () => undefined;
      const slow = resource({ name: "slow", scope: "call", open: () => meanwhile() });
      const handled: unknown[] = [];
      const act1 = handler({
        description: "Act.",
        effect: "write",
        input: Type.Object({}),
        auth: authenticated,
        use: { slow },
        handle: () => void handled.push(1),
      });
      const desk = await boot({ handlers: { act: act1 } });
      const id = await desk.approved(robot, {}, { handler: "act" });
      // Resources open when the approve hook has had its say.
      meanwhile = () => act(desk, id);
      expect(codeOf(await desk.call(robot, {}, { handler: "act", id }))).toBe(code);
      expect(handled).toEqual([]);
      expect((await desk.events(id)).map(({ type }) => type)).not.toContain("approval.used");
    });
});
