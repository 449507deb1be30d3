// S3, at random: an attacker with the store and without keys changes rows of requests and votes, several at once. A call runs
// only if people approved it and nobody ended it, and at most once. On a third of the rounds Quater sweeps expired requests in
// between. Quater never writes that a request expired before its expiry time, and the trail stays complete.

import { join } from "node:path";
import fc from "fast-check";
import { storeRef } from "quater/store";
import { expect } from "vitest";
import { sweepExpired } from "../../../plugins/approval/requests/sweeping.ts";
import { storeSource } from "../../../plugins/audit/verify/source.ts";
import { verifySource } from "../../../plugins/audit/verify/verify-source.ts";
import { codeOf, contextOf, type Desk, onBothDialects, paid, people } from "./kit.ts";

const rounds = Math.ceil(Number(process.env["QUATER_SOAK_ATTACKS"] ?? 500) / 10);
const { robot, bea, cleo } = people;
const policies = { finance: { approvers: [{ role: "finance", need: 2 }] } } as const;
const far = 9_000_000_000_000;

type Row = Readonly<Record<string, unknown>>;

interface Attacked {
  readonly desk: Desk;
  readonly id: string;
  /** Copies of the row and of its votes, made after each step. */
  readonly copies: readonly { readonly row: Row; readonly votes: readonly Row[] }[];
  /** An id of another request, approved and used. */
  readonly other: string;
  readonly pick: (below: number) => number;
}

const copyOf = async (desk: Desk, id: string) => ({
  row: (await desk.sql("select * from approval_request where id = ?", id))[0] as Row,
  votes: (await desk.sql("select * from approval_vote where id = ?", id)) as readonly Row[],
});

const put = async (desk: Desk, id: string, cells: Row): Promise<void> => {
  const set = Object.keys(cells).map((name) => `${name} = ?`);
  await desk.sql(`update approval_request set ${set.join(", ")} where id = ?`, ...Object.values(cells), id);
};

const insert = async (desk: Desk, vote: Row): Promise<void> => {
  const names = Object.keys(vote);
  await desk.sql("delete from approval_vote where id = ? and person = ?", vote["id"], vote["person"]);
  const marks = names.map(() => "?").join(", ");
  await desk.sql(`insert into approval_vote (${names.join(", ")}) values (${marks})`, ...Object.values(vote));
};

const attacks: readonly ((given: Attacked) => Promise<unknown>)[] = [
  ({ desk, id }) => put(desk, id, { state: "approved", decided_at: 1, usable_until: far }),
  ({ desk, id }) => put(desk, id, { state: "pending", pending_until: far }),
  ({ desk, id, pick }) => put(desk, id, { version: pick(5) }),
  ({ desk, id }) => put(desk, id, { usable_until: far, pending_until: far }),
  ({ desk, id, copies, pick }) => put(desk, id, copies[pick(copies.length)]?.row ?? {}),
  async ({ desk, id, copies, pick }) => {
    const votes = copies[pick(copies.length)]?.votes ?? [];
    await desk.sql("delete from approval_vote where id = ?", id);
    for (const vote of votes) await insert(desk, vote);
  },
  ({ desk, id }) => desk.sql("delete from approval_vote where id = ?", id),
  async ({ desk, id, other }) => {
    for (const vote of (await copyOf(desk, other)).votes) await insert(desk, { ...vote, id });
  },
  ({ desk, id }) => desk.sql("update approval_vote set verdict = 'approve' where id = ?", id),
  async ({ desk, id, other }) => {
    const { digest, nonce, policy } = (await copyOf(desk, other)).row;
    await put(desk, id, { digest, nonce, policy });
  },
  ({ desk, id }) => put(desk, id, { pending_until: 1, usable_until: 1 }),
  ({ desk, id, pick }) => put(desk, id, [{ requester: "{" }, { policy: "[]" }, { args: "" }][pick(3)] ?? {}),
];

onBothDialects((claim) => {
  claim(
    `S3: ${rounds} rounds of random changes to stored requests and votes make no call run that people did not approve`,
    async ({ boot, root }) => {
      const desk = await boot({ approval: { policies, maxPending: 10_000, cooldownMs: 0 } });
      const other = await desk.file(robot, { cents: 1 });
      for (const person of [bea, cleo]) await desk.vote(person, other);
      expect(codeOf(await desk.call(robot, { cents: 1 }))).toBe("ok");
      let cents = 1;
      let ran = 0;
      const attempt = async (steps: number, chosen: readonly number[], numbers: Iterator<number>): Promise<void> => {
        const input = { cents: ++cents };
        const pick = (below: number) => (numbers.next().value as number) % Math.max(1, below);
        // Another one each time: filings per person are limited.
        const caller = { ...robot, subject: `robot-${cents}`, actsFor: `person-${cents}` };
        const id = await desk.file(caller, input);
        const copies = [await copyOf(desk, id)];
        // 0: filed; 1: one vote of two; 2: approved; 3: used; 4: revoked; 5: denied.
        if (steps === 5) await desk.vote(bea, id, "deny");
        else if (steps >= 1) await desk.vote(bea, id);
        copies.push(await copyOf(desk, id));
        if (steps >= 2 && steps <= 4) await desk.vote(cleo, id);
        copies.push(await copyOf(desk, id));
        if (steps === 3) expect(codeOf(await desk.call(caller, input))).toBe("ok");
        if (steps === 4) await desk.approvals.revoke({ principal: bea, via: "api" }, { id });
        paid.length = 0;
        for (const which of chosen) await attacks[which]?.({ desk, id, copies, other, pick });
        if (pick(3) === 0) await sweepExpired(contextOf(desk));
        for (const name of [undefined, id, undefined]) await desk.call(caller, input, name === undefined ? {} : { id: name });
        const isAllowed = steps === 2;
        expect(paid.length, `after step ${steps}, attacks ${chosen.join(", ")}`).toBeLessThanOrEqual(isAllowed ? 1 : 0);
        ran += paid.length;
      };
      await fc.assert(
        fc.asyncProperty(
          fc.nat({ max: 5 }),
          fc.array(fc.nat({ max: attacks.length - 1 }), { maxLength: 4 }),
          fc.infiniteStream(fc.nat()),
          attempt,
        ),
        { numRuns: rounds, ...(rounds > 100 ? {} : { seed: 3 }) },
      );
      // Some changes have no effect on an approval that people gave.
      expect(ran).toBeGreaterThan(0);
      expect(await desk.sql("select seq from audit_event where type = 'approval.expired'")).toEqual([]);
      expect(await desk.sql("select seq from audit_event where type = 'approval.voided'")).not.toEqual([]);
      const store = await desk.app.services.get(storeRef).open();
      const report = await verifySource(storeSource(store), { keyFile: join(root, ".quater/trail-keys.json") });
      expect(report?.damage).toEqual([]);
    },
  );
});
