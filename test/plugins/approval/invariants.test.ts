// The invariants I1 to I8 of docs/guides/approvals.md.

import { authenticated, handler, type Principal, Type } from "quater";
import { definePlugin } from "quater/plugin-api";
import { storeRef } from "quater/store";
import { principal } from "quater/testing";
import { expect } from "vitest";
import { canonicalText } from "../../../core/schema/digest.ts";
import { approvalsRef } from "../../../plugins/approval/index.ts";
import { requesterOf } from "../../../plugins/approval/record.ts";
import { consumed, type Use } from "../../../plugins/approval/requests/changing.ts";
import { pruneEnded, sweepExpired } from "../../../plugins/approval/requests/sweeping.ts";
import { codeOf, contextOf, type Desk, idIn, onBothDialects, paid, people } from "./kit.ts";

const { robot, ana, bea, cleo } = people;
const by = (who: Principal) => ({ principal: who, via: "api" });

onBothDialects((claim) => {
  claim(
    "I1: an approved handler starts exactly as often as people approve, also in races on two instances",
    async ({ boot, again }) => {
      const desks = [await boot(), await again()] as const;
      const [one] = desks;
      const ids = await Promise.all(Array.from({ length: 5 }, (_, cents) => one.approved(robot, { cents })));
      const outcomes = await Promise.all(
        Array.from({ length: 30 }, (_, n) => desks[n % 2 === 0 ? 0 : 1].call(robot, { cents: n % 5 })),
      );
      expect(outcomes.filter(({ ok }) => ok)).toHaveLength(5);
      expect(paid.map(({ cents }) => cents).sort()).toEqual([0, 1, 2, 3, 4]);
      const used = await one.sql("select seq from audit_event where type = 'approval.used'");
      const started = await one.sql("select seq from audit_event where type = 'call.started'");
      expect([used.length, started.length]).toEqual([5, 5]);
      for (const id of ids) expect(await one.record(id)).toMatchObject({ state: "consumed", use: { outcome: "succeeded" } });
    },
  );

  claim("I1: the SQL statement that uses an approval checks every condition itself", async ({ boot }) => {
    const desk = await boot();
    const id = await desk.approved(robot);
    const { digest, callKey } = await desk.record(id);
    const open = await desk.app.services.get(storeRef).open();
    const right = {
      callId: "c",
      callKey,
      digest,
      handler: "pay",
      requesterText: canonicalText(requesterOf(robot)),
      surface: "direct",
    };
    const tryUse = (of: string, use: Use) =>
      open.apply([consumed(open, of, use)]).then(
        () => "used",
        (error: { kind: string }) => error.kind,
      );
    const wrong: Partial<Use>[] = [
      { digest: `sha256:${"0".repeat(64)}` },
      { callKey: "hmac:x:0" },
      { handler: "payToo" },
      { requesterText: canonicalText(requesterOf(ana)) },
      { surface: "other" },
    ];
    for (const part of wrong) expect([part, await tryUse(id, { ...right, ...part })]).toEqual([part, "mismatch"]);
    expect(await tryUse(`apr_${"a".repeat(20)}`, right)).toBe("mismatch");
    const { usableUntil = 0 } = await desk.record(id);
    await desk.elapse(id);
    expect(await tryUse(id, right)).toBe("mismatch");
    await desk.sql("update approval_request set usable_until = ? where id = ?", usableUntil, id);
    expect(await tryUse(id, right)).toBe("used");
    expect(await tryUse(id, right)).toBe("mismatch");
    for (const state of ["pending", "denied", "cancelled", "expired", "revoked"]) {
      await desk.sql("update approval_request set state = ? where id = ?", state, id);
      expect([state, await tryUse(id, right)]).toEqual([state, "mismatch"]);
    }
  });

  claim(
    "I2: Quater commits the events approval.used and call.started with the approval id before the handler starts",
    async ({ boot }) => {
      let seen: readonly unknown[] = [];
      let look: () => Promise<readonly unknown[]> = async () => [];
      const act = handler({
        description: "Act.",
        effect: "write",
        input: Type.Object({}),
        auth: authenticated,
        handle: async () => {
          seen = await look();
        },
      });
      const desk = await boot({ handlers: { act } });
      const id = await desk.approved(robot, {}, { handler: "act" });
      look = () => desk.events(id);
      const { callId } = await desk.call(robot, {}, { handler: "act" });
      expect(seen.slice(-2)).toMatchObject([
        { type: "approval.used", callId, principal: { subject: "robot" } },
        { type: "call.started", callId, approvalId: id },
      ]);
      expect((await desk.events(id)).at(-1)).toMatchObject({ type: "call.ended", callId, outcome: "succeeded", approvalId: id });
    },
  );

  claim("I3: the approvals page, the digest and the handler use the same text of a call", async ({ boot }) => {
    const rewrites = definePlugin(() => ({
      name: "rewrites",
      hooks: {
        around: (call, next) => {
          (call.input as { cents: number }).cents = 1_000_000;
          return next();
        },
      },
    }));
    const desk = await boot({ plugins: [rewrites()] });
    const id = await desk.approved(robot, { cents: 5 });
    expect(codeOf(await desk.call(robot, { cents: 5 }))).toBe("internal");
    expect(paid).toEqual([]);
    expect((await desk.record(id)).args).toBe('{"cents":5}');
    expect((await desk.record(id)).state).toBe("approved");
  });

  claim("I3: an approval request whose row was changed accepts no votes, and no call uses the request", async ({ boot }) => {
    const desk = await boot();
    const pending = await desk.file(robot, { cents: 1 });
    await desk.sql("update approval_request set args = ? where id = ?", '{"cents":0}', pending);
    await expect(desk.vote(bea, pending)).rejects.toMatchObject({ code: "approval_digest_changed" });
    const given = await desk.approved(robot, { cents: 2 });
    await desk.sql("update approval_request set nonce = ? where id = ?", "0", given);
    expect(codeOf(await desk.call(robot, { cents: 2 }))).toBe("approval_mismatch");
    expect(paid).toEqual([]);
  });

  claim(
    "I4: when the revocation and the use of one approval race, only one of the two is acknowledged",
    async ({ boot, again }) => {
      const [one, two] = [await boot(), await again()];
      for (let cents = 0; cents < 6; cents++) {
        const id = await one.approved(robot, { cents });
        const [revocation, use] = await Promise.all([
          two.approvals.revoke(by(cleo), { id }).then(
            () => "revoked",
            (error: { code: string }) => error.code,
          ),
          one.call(robot, { cents }),
        ]);
        expect([revocation, use.ok]).toEqual(use.ok ? ["approval_used", true] : ["revoked", false]);
        expect(paid.filter((each) => each.cents === cents)).toHaveLength(use.ok ? 1 : 0);
      }
    },
  );

  claim("I4: after a recorded denial, revocation or expiry, no call can use the approval request", async ({ boot }) => {
    const desk = await boot();
    const ends = [
      async (id: string) => desk.vote(bea, id, "deny"),
      async (id: string) => {
        await desk.vote(bea, id);
        await desk.approvals.revoke(by(bea), { id });
      },
      async (id: string) => {
        await desk.vote(bea, id);
        await desk.elapse(id);
      },
    ];
    for (const [cents, end] of ends.entries()) {
      const id = await desk.file(robot, { cents });
      await end(id);
      expect((await desk.call(robot, { cents })).ok).toBe(false);
      expect((await desk.call(robot, { cents }, { id })).ok).toBe(false);
    }
    expect(paid).toEqual([]);
  });

  claim(
    "I5: under an approval policy of the kind dual, votes of the requester's person and of agents never count",
    async ({ boot }) => {
      const desk = await boot();
      const id = await desk.file(ana);
      const { digest } = await desk.record(id);
      const vote = (who: Principal) => desk.approvals.vote(by(who), { id, verdict: "approve", digest });
      const otherKeyOfAna = principal({
        issuer: "keys",
        subject: "ana-laptop",
        person: "ana",
        roles: ["finance"],
        credential: "key:9",
      });
      for (const who of [ana, otherKeyOfAna, { ...robot, person: "bea", roles: ["finance"] }])
        await expect(vote(who)).rejects.toMatchObject({ code: "approver_not_eligible" });
      expect((await desk.record(id)).votes).toEqual([]);
      expect((await vote(bea)).state).toBe("approved");
    },
  );

  claim("I6: the final state of an approval request does not change, and Quater approves no request twice", async ({ boot }) => {
    const desk = await boot();
    const reach: Record<string, (id: string) => Promise<unknown>> = {
      denied: (id) => desk.vote(bea, id, "deny"),
      cancelled: (id) => desk.approvals.cancel(robot, "direct", id),
      expired: (id) => desk.elapse(id),
      revoked: async (id) => {
        await desk.vote(bea, id);
        await desk.approvals.revoke(by(bea), { id });
      },
      consumed: async (id) => {
        await desk.vote(bea, id);
        await desk.call(robot, { cents: 4 });
      },
    };
    for (const [cents, [state, get]] of Object.entries(reach).entries()) {
      const id = await desk.file(robot, { cents });
      await get(id);
      expect((await desk.record(id)).state).toBe(state);
      const tries = [desk.vote(cleo, id), desk.vote(cleo, id, "deny")];
      // What is so already is said again, and is no change.
      if (state !== "revoked") tries.push(desk.approvals.revoke(by(cleo), { id }));
      if (state !== "cancelled") tries.push(desk.approvals.cancel(robot, "direct", id).then(() => desk.record(id)));
      for (const attempt of await Promise.allSettled(tries)) expect([state, attempt.status]).toEqual([state, "rejected"]);
      expect((await desk.record(id)).state).toBe(state);
    }
    expect(await desk.sql("select id from approval_vote where person = 'cleo'")).toEqual([]);
  });

  claim(
    "I7: every change of the state of an approval request has exactly one event with person and surface",
    async ({ boot }) => {
      const desk = await boot({ approval: { policies: { finance: { approvers: [{ role: "finance", need: 2 }] } } } });
      const id = await desk.file(robot);
      await desk.vote(bea, id, "approve", "fine by me");
      await desk.vote(cleo, id);
      const { callId } = await desk.call(robot);
      expect((await desk.events(id)).map(({ type, principal: who }) => [type, who?.subject])).toEqual([
        ["approval.filed", "robot"],
        ["approval.voted", "bea"],
        ["approval.voted", "cleo"],
        ["approval.approved", undefined],
        ["approval.used", "robot"],
        ["call.started", "robot"],
        ["call.ended", "robot"],
      ]);
      const bodies = (await desk.sql("select body from audit_event where type = 'approval.voted' order by seq")) as {
        body: string;
      }[];
      expect(bodies.map(({ body }) => body)).toEqual(['{"reason":"fine by me"}', null]);
      expect((await desk.events(id)).at(-1)).toMatchObject({ callId });
      const denied = await desk.file(robot, { cents: 6 });
      await desk.vote(bea, denied, "deny");
      const cancelled = await desk.file(robot, { cents: 7 });
      await desk.approvals.cancel(robot, "direct", cancelled);
      const types = async (of: string) => (await desk.events(of)).map(({ type }) => type);
      expect(await types(denied)).toEqual(["approval.filed", "approval.voted", "approval.denied"]);
      expect(await types(cancelled)).toEqual(["approval.filed", "approval.cancelled"]);
    },
  );

  claim(
    "I7: Quater records the expiry of an approval request once, even while other processes file requests",
    async ({ boot, again }) => {
      const short = { finance: { approvers: [{ role: "finance" }], pendingForMs: 3_000, usableForMs: 1_000 } };
      // A process that ends soon does not sweep by itself.
      const given = { approval: { policies: short }, mode: "run" } as const;
      const [one, two] = [await boot(given), await again(given)];
      const pending = await one.file(robot, { cents: 1 });
      const approved = await one.approved(robot, { cents: 2 });
      // The trail's own time has to run out, by the store's clock.
      const isOver = async (id: string) => (await one.record(id)).state === "expired";
      while (!((await isOver(pending)) && (await isOver(approved)))) await new Promise((done) => setTimeout(done, 20));
      const [first, second, outcome] = await Promise.all([
        sweepExpired(contextOf(one)),
        sweepExpired(contextOf(two)),
        two.call(robot, { cents: 1 }),
      ]);
      expect(codeOf(outcome)).toBe("approval_required");
      expect(idIn(outcome)).not.toBe(pending);
      // What neither sweeper wrote was written by the filing, for the one that stood in its way.
      expect([1, 2]).toContain(first + second);
      for (const [id, was] of [
        [pending, "pending"],
        [approved, "approved"],
      ] as const) {
        const expiries = (await one.events(id)).filter(({ type }) => type === "approval.expired");
        expect(expiries).toMatchObject([{ detail: { was } }]);
      }
      expect(await one.sql("select id from approval_request where state = 'expired'")).toHaveLength(2);
      expect([await sweepExpired(contextOf(one)), await sweepExpired(contextOf(two))]).toEqual([0, 0]);
    },
  );

  claim(
    "the regular maintenance deletes old ended approval requests with their votes, and keeps other requests",
    async ({ boot }) => {
      const desk = await boot();
      const denied = await desk.file(robot, { cents: 1 });
      await desk.vote(bea, denied, "deny");
      const used = await desk.approved(robot, { cents: 2 });
      await desk.call(robot, { cents: 2 });
      const running = await desk.approved(robot, { cents: 3 });
      await desk.call(robot, { cents: 3 });
      await desk.sql("update approval_request set outcome = 'running' where id = ?", running);
      const approved = await desk.approved(robot, { cents: 4 });
      const pending = await desk.file(robot, { cents: 5 });
      const left = async () =>
        (await desk.sql("select id from approval_request")).map((row) => (row as { id: string }).id).sort();
      const older = (columns: readonly string[]) =>
        desk.sql(`update approval_request set ${columns.map((at) => `${at} = ${at} - 604800001`).join(", ")}`);
      expect(await pruneEnded(contextOf(desk), 1)).toBe(0);
      // Filed long ago and decided just now: the denial holds, and a caller who repeats the call learns that it ran.
      await older(["filed_at", "pending_until"]);
      expect(await pruneEnded(contextOf(desk), 1)).toBe(0);
      await older(["decided_at", "usable_until", "used_at", "ended_at"]);
      const recent = await desk.file(robot, { cents: 6 });
      await desk.vote(bea, recent, "deny");
      expect(await pruneEnded(contextOf(desk), 1)).toBe(2);
      expect(await left()).toEqual([running, approved, pending, recent].sort());
      const voted = await desk.sql("select distinct id from approval_vote");
      expect(voted.map((row) => (row as { id: string }).id).sort()).toEqual([running, approved, recent].sort());
      // What is gone is as if it had never been asked, and the trail still says what happened.
      expect(codeOf(await desk.call(robot, { cents: 2 }, { id: used }))).toBe("approval_not_found");
      expect(idIn(await desk.call(robot, { cents: 2 }))).not.toBe(used);
      expect((await desk.events(used)).map(({ type }) => type)).toContain("approval.used");
    },
  );

  claim(
    "I8: a repeated vote on an approval request changes nothing, before and after the decision, and a different vote gets 409",
    async ({ boot }) => {
      const desk = await boot({ approval: { policies: { finance: { approvers: [{ role: "finance", need: 2 }] } } } });
      const id = await desk.file(robot);
      expect((await desk.vote(bea, id)).votes).toHaveLength(1);
      expect((await desk.vote(bea, id)).votes).toHaveLength(1);
      expect((await desk.vote(bea, id)).state).toBe("pending");
      await expect(desk.vote(bea, id, "deny")).rejects.toMatchObject({ code: "approval_vote_differs", kind: "conflict" });
      expect((await desk.vote(cleo, id)).state).toBe("approved");
      expect((await desk.vote(cleo, id)).state).toBe("approved");
      await expect(desk.vote(cleo, id, "deny")).rejects.toMatchObject({ code: "approval_vote_differs" });
      expect((await desk.events(id)).filter(({ type }) => type === "approval.voted")).toHaveLength(2);
    },
  );

  claim("I8: when a person votes in two browser windows on one approval request, one vote counts", async ({ boot, again }) => {
    const [one, two] = [await boot(), await again()];
    const same = await one.file(robot, { cents: 1 });
    await Promise.all([one.vote(bea, same), two.vote(bea, same), one.vote(bea, same)]);
    expect((await one.record(same)).votes).toHaveLength(1);
    const mixed = await one.file(robot, { cents: 2 });
    const settled = await Promise.allSettled([one.vote(bea, mixed), two.vote(bea, mixed, "deny")]);
    expect(settled.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    expect((await one.record(mixed)).votes).toHaveLength(1);
  });

  claim(
    "all votes on an approval request that arrive at two instances count, and Quater decides the request once",
    async ({ boot, again }) => {
      const policies = { finance: { approvers: [{ role: "finance", need: 8 }] } };
      const desks = [await boot({ approval: { policies } }), await again({ approval: { policies } })] as const;
      const [one] = desks;
      const id = await one.file(robot);
      const voters = Array.from({ length: 8 }, (_, n) => principal({ subject: `p${n}`, roles: ["finance"] }));
      await Promise.all(voters.map((who, n) => desks[n % 2 === 0 ? 0 : 1].vote(who, id)));
      expect(await one.record(id)).toMatchObject({ state: "approved", votes: { length: 8 } });
      expect((await one.events(id)).filter(({ type }) => type === "approval.approved")).toHaveLength(1);
    },
  );

  claim("Quater refuses a vote with a digest that differs from the digest of the approval request", async ({ boot }) => {
    const desk: Desk = await boot();
    const id = await desk.file(robot);
    const { digest: ofAnother } = await desk.record(await desk.file(robot, { cents: 6 }));
    const vote = (digest: string) => desk.app.services.get(approvalsRef).vote(by(bea), { id, verdict: "approve", digest });
    for (const digest of [ofAnother, "", "sha256:"])
      await expect(vote(digest)).rejects.toMatchObject({ code: "approval_digest_changed" });
    expect((await desk.record(id)).state).toBe("pending");
  });
});
