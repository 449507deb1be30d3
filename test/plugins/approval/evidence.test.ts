// S3: an approval needs its evidence. An attacker who can write to the store, and has no keys, cannot make a call run: not
// by setting states, not by putting back older copies of rows, not by forging votes, and not by changing the trail.

import { join } from "node:path";
import { storeRef } from "quater/store";
import { expect } from "vitest";
import { storeSource } from "../../../plugins/audit/verify/source.ts";
import { verifySource } from "../../../plugins/audit/verify/verify-source.ts";
import { codeOf, type Desk, onBothDialects, paid, people } from "./kit.ts";

const { robot, ana, bea, cleo } = people;
const two = { policies: { finance: { approvers: [{ role: "finance", need: 2 }] } } } as const;

type Row = Readonly<Record<string, unknown>>;

const rowOf = async (desk: Desk, id: string): Promise<Row> =>
  (await desk.sql("select * from approval_request where id = ?", id))[0] as Row;

const set = async (desk: Desk, id: string, cells: Row): Promise<void> => {
  const names = Object.keys(cells);
  await desk.sql(
    `update approval_request set ${names.map((name) => `${name} = ?`).join(", ")} where id = ?`,
    ...Object.values(cells),
    id,
  );
};

const forged = { state: "approved", decided_at: 1, usable_until: 9_000_000_000_000 };

const verified = async (desk: Desk, root: string) => {
  const store = await desk.app.services.get(storeRef).open();
  const report = await verifySource(storeSource(store), { keyFile: join(root, ".quater/trail-keys.json") });
  return report?.damage ?? [];
};

/** The trail's clock passes this time. */
const passed = async (desk: Desk, at: number): Promise<void> => {
  const store = await desk.app.services.get(storeRef).open();
  while ((await store.now()) <= at) await new Promise((done) => setTimeout(done, 20));
};

onBothDialects((claim) => {
  claim(
    "S3: Quater voids a pending approval request whose row was set to approved, and the call does not run",
    async ({ boot, root }) => {
      const desk = await boot();
      const id = await desk.file(robot);
      await set(desk, id, forged);
      expect(codeOf(await desk.call(robot))).toBe("approval_unproven");
      expect(paid).toEqual([]);
      expect(await desk.record(id)).toMatchObject({ state: "expired", reason: "the trail does not prove this approval request" });
      expect((await desk.events(id)).map(({ type }) => type)).toEqual(["approval.filed", "approval.voided"]);
      const next = await desk.approved(robot);
      expect(next).not.toBe(id);
      expect(codeOf(await desk.call(robot))).toBe("ok");
      expect(await verified(desk, root)).toEqual([]);
    },
  );

  claim(
    "S3: a call with the id of an approval request whose row was set to approved does not run, not even in a new process",
    async ({ boot, again }) => {
      const first = await boot();
      const id = await first.file(robot);
      await set(first, id, forged);
      const second = await again();
      expect(codeOf(await second.call(robot, undefined, { id }))).toBe("approval_unproven");
      expect(codeOf(await second.call(robot, undefined, { id }))).toBe("approval_expired");
      expect(paid).toEqual([]);
    },
  );

  claim(
    "S3: the call of a used, revoked or cancelled approval request does not run after its older row was put back",
    async ({ boot, again, root }) => {
      const desk = await boot();
      const ends: readonly ((id: string, input: { cents: number }) => Promise<unknown>)[] = [
        (_, input) => desk.call(robot, input),
        (id) => desk.approvals.revoke({ principal: bea, via: "api" }, { id }),
        (id) => desk.approvals.cancel(robot, "direct", id),
      ];
      for (const [index, end] of ends.entries()) {
        for (const isFresh of [false, true]) {
          const input = { cents: 100 + index * 2 + Number(isFresh) };
          const id = await desk.approved(robot, input);
          const copy = await rowOf(desk, id);
          await end(id, input);
          paid.length = 0;
          await set(desk, id, copy);
          const caller = isFresh ? await again() : desk;
          expect(codeOf(await caller.call(robot, input)), `end ${index}, fresh ${isFresh}`).toBe("approval_unproven");
          expect(paid).toEqual([]);
        }
      }
      expect(await verified(desk, root)).toEqual([]);
    },
  );

  claim(
    "S3: a denied approval request accepts no vote after its row was set to pending and its denial was deleted",
    async ({ boot }) => {
      const desk = await boot();
      const id = await desk.file(robot);
      const copy = await rowOf(desk, id);
      await desk.vote(bea, id, "deny");
      await set(desk, id, copy);
      await desk.sql("delete from approval_vote where id = ?", id);
      await expect(desk.vote(cleo, id)).rejects.toMatchObject({ code: "approval_unproven" });
      expect(codeOf(await desk.call(robot, undefined, { id }))).toBe("approval_expired");
      expect(paid).toEqual([]);
    },
  );

  claim(
    "S3: Quater does not trust a revocation or denial that is only in the row of an approval request",
    async ({ boot, root }) => {
      const desk = await boot();
      const approved = await desk.approved(robot);
      await set(desk, approved, { state: "revoked" });
      const revoking = desk.approvals.revoke({ principal: bea, via: "api" }, { id: approved });
      await expect(revoking).rejects.toMatchObject({ code: "approval_unproven" });
      await set(desk, approved, { state: "approved" });
      expect(codeOf(await desk.call(robot))).toBe("approval_unproven");
      const pending = await desk.file(robot, { cents: 9 });
      await desk.sql(
        "insert into approval_vote (id, person, issuer, subject, credential, roles, verdict, via, at) values (?, 'cleo', 'x', 'cleo', 'x', '[]', 'deny', 'api', 1)",
        pending,
      );
      await set(desk, pending, { state: "denied", decided_at: 1 });
      await expect(desk.vote(cleo, pending, "deny")).rejects.toMatchObject({ code: "approval_unproven" });
      await desk.sql("delete from approval_vote where id = ?", pending);
      await set(desk, pending, { state: "pending", decided_at: null });
      await expect(desk.vote(bea, pending)).rejects.toMatchObject({ code: "approval_unproven" });
      expect(paid).toEqual([]);
      expect(await verified(desk, root)).toEqual([]);
    },
  );

  claim(
    "S3: a forged vote row on an approval request does not count, and a vote whose row was deleted still counts",
    async ({ boot, root }) => {
      const desk = await boot({ approval: two });
      const id = await desk.file(robot);
      await desk.vote(bea, id);
      await desk.sql("update approval_vote set person = 'cleo', subject = 'cleo' where id = ?", id);
      // `bea` has voted, although the rows say otherwise.
      expect(await desk.vote(bea, id)).toMatchObject({ state: "pending" });
      await desk.sql("delete from approval_vote where id = ?", id);
      expect(codeOf(await desk.call(robot))).toBe("approval_required");
      // The vote of `cleo` is counted with that of `bea`, which only the trail still has.
      await desk.sql(
        "insert into approval_vote (id, person, issuer, subject, credential, roles, verdict, via, at) values (?, 'cleo', 'x', 'cleo', 'x', '[\"finance\"]', 'deny', 'api', 1)",
        id,
      );
      expect(await desk.vote(cleo, id)).toMatchObject({ state: "approved" });
      expect(codeOf(await desk.call(robot))).toBe("ok");
      expect(await verified(desk, root)).toEqual([]);
    },
  );

  claim(
    "S3: on an approval request, a forged vote row of one person does not count beside the vote of another person",
    async ({ boot }) => {
      const desk = await boot({ approval: two });
      const id = await desk.file(robot);
      await desk.sql(
        "insert into approval_vote (id, person, issuer, subject, credential, roles, verdict, via, at) values (?, 'cleo', 'x', 'cleo', 'x', '[\"finance\"]', 'approve', 'api', 1)",
        id,
      );
      expect(await desk.vote(bea, id)).toMatchObject({ state: "pending" });
      expect(codeOf(await desk.call(robot))).toBe("approval_required");
      expect(paid).toEqual([]);
    },
  );

  claim(
    "S3: the call of an expired approval request does not run after the time in its row was changed to a later time",
    async ({ boot }) => {
      const policies = { finance: { approvers: [{ role: "finance" }], usableForMs: 1_000, pendingForMs: 3_000 } } as const;
      const desk = await boot({ approval: { policies } });
      const id = await desk.approved(robot);
      const { usableUntil } = await desk.record(id);
      await set(desk, id, { usable_until: 9_000_000_000_000 });
      const other = await desk.file(robot, { cents: 6 });
      await set(desk, other, { pending_until: 9_000_000_000_000 });
      await passed(desk, usableUntil ?? 0);
      expect(codeOf(await desk.call(robot, undefined, { id }))).toBe("approval_expired");
      const filed = (await desk.events(other))[0]?.detail as { pendingUntil: number };
      await passed(desk, filed.pendingUntil);
      await expect(desk.vote(bea, other)).rejects.toMatchObject({ code: "approval_decided" });
      expect(paid).toEqual([]);
    },
  );

  claim(
    "S3: audit verify reports approval events that were changed, deleted or moved from another approval request",
    async ({ boot, again, root }) => {
      const attacks: readonly ((desk: Desk, genuine: string, mine: string) => Promise<unknown>)[] = [
        (desk, genuine, mine) =>
          desk.sql(
            "update audit_event set meta = replace(meta, ?, ?) where type in ('approval.voted', 'approval.approved')",
            genuine,
            mine,
          ),
        (desk, genuine) => desk.sql(`delete from audit_event where type = 'approval.approved' and meta like '%${genuine}%'`),
        (desk) => desk.sql("update audit_event set type = 'call.ended' where type = 'approval.approved'"),
        (desk) => desk.sql("update audit_event set hash = replace(hash, 'a', 'b') where type = 'approval.approved'"),
      ];
      const desk = await boot();
      const mine = await desk.file(robot, { cents: 1 });
      const genuine = await desk.approved(robot, { cents: 2 });
      // The newest event that the desk has seen is not one of the attacked events, so the desk goes on.
      await desk.file(robot, { cents: 3 });
      await set(desk, mine, forged);
      const rows = (await desk.sql("select * from audit_event")) as Row[];
      for (const [index, attack] of attacks.entries()) {
        await attack(desk, genuine, mine);
        const kinds = (await verified(desk, root)).map(({ kind }) => kind);
        expect(kinds.length, `attack ${index}`).toBeGreaterThan(0);
        const fresh = await again();
        expect(codeOf(await fresh.call(robot, { cents: 1 })), `attack ${index}`).toBe("approval_unproven");
        await fresh.app.stop();
        expect(paid).toEqual([]);
        await set(desk, mine, { ...forged });
        for (const row of rows)
          await desk.sql(
            "update audit_event set type = ?, meta = ?, hash = ? where seq = ?",
            row["type"],
            row["meta"],
            row["hash"],
            row["seq"],
          );
      }
    },
  );

  claim(
    "S3: an approved call does not run again after the event of its use was deleted and its older row was put back",
    async ({ boot, again, root }) => {
      const desk = await boot();
      const id = await desk.approved(robot);
      const copy = await rowOf(desk, id);
      expect(codeOf(await desk.call(robot))).toBe("ok");
      paid.length = 0;
      await desk.sql("delete from audit_event where type = 'approval.used'");
      await set(desk, id, copy);
      const fresh = await again();
      expect(codeOf(await fresh.call(robot))).toBe("approval_unproven");
      await set(desk, id, copy);
      expect(codeOf(await desk.call(robot))).toBe("approval_unproven");
      expect(paid).toEqual([]);
      expect((await verified(desk, root)).map(({ kind }) => kind)).toContain("missing");
    },
  );

  claim(
    "S3: an instance is fenced when the newest events were deleted and an older row audit_head was put back",
    async ({ boot }) => {
      const desk = await boot();
      const id = await desk.approved(robot);
      const copy = await rowOf(desk, id);
      const [head] = (await desk.sql("select * from audit_head")) as Row[];
      expect(codeOf(await desk.call(robot))).toBe("ok");
      paid.length = 0;
      const names = Object.keys(head as Row);
      await desk.sql("delete from audit_event where seq > ?", (head as Row)["seq"]);
      await desk.sql(`update audit_head set ${names.map((name) => `${name} = ?`).join(", ")}`, ...Object.values(head as Row));
      await set(desk, id, copy);
      expect(codeOf(await desk.call(robot))).toMatch(/^(audit_unavailable|approval_unproven|approval_unavailable)$/);
      expect(paid).toEqual([]);
    },
  );

  claim(
    "S3: the first start on a store from before format 2 voids open approval requests and keeps finished ones",
    async ({ boot, again }) => {
      const desk = await boot();
      const pending = await desk.file(ana, { cents: 1 });
      const approved = await desk.approved(robot, { cents: 2 });
      const used = await desk.approved(robot, { cents: 3 });
      expect(codeOf(await desk.call(robot, { cents: 3 }))).toBe("ok");
      const denied = await desk.file(robot, { cents: 4 });
      await desk.vote(bea, denied, "deny");
      await desk.app.stop();
      paid.length = 0;
      const old = await again({ mode: "run" });
      await old.sql("update approval_request set format = 1");
      await old.app.stop();
      const next = await again();
      for (const [id, state] of [
        [pending, "expired"],
        [approved, "expired"],
        [used, "consumed"],
        [denied, "denied"],
      ] as const)
        expect((await next.record(id)).state).toBe(state);
      expect((await next.events(approved)).at(-1)).toMatchObject({
        type: "approval.voided",
        // The row says format 1, and the trail has the request in format 2.
        detail: { cause: "unproven", was: "approved" },
      });
      expect(codeOf(await next.call(robot, { cents: 2 }))).toBe("approval_required");
      expect(paid).toEqual([]);
    },
  );
});
