// S18: "Did this already run?" is answered by the trail. A person who writes to the store can neither invent an earlier call nor hide one.

import { authenticated, handler, Type } from "quater";

import type { Outcome } from "quater/plugin-api";
import { expect } from "vitest";
import { codeOf, type Desk, onBothDialects, people } from "./kit.ts";

const { robot, ana, bea, dan } = people;
const input = { cents: 7, to: "Bo" };

const earlierIn = (outcome: Outcome): unknown =>
  (Object(outcome.ok ? undefined : outcome.error.details?.["approval"]) as { readonly earlier?: unknown }).earlier;
const asked = async (desk: Desk, given: object = input, who: Parameters<Desk["call"]>[0] = robot) =>
  earlierIn(await desk.call(who, given));

const ran = async (desk: Desk, given: object = input): Promise<{ id: string; callId: string }> => {
  const id = await desk.approved(robot, given);
  const outcome = await desk.call(robot, given);
  expect(codeOf(outcome)).toBe("ok");
  return { id, callId: outcome.callId };
};

const unproven = { match: "cannot_tell", reason: "the store has an earlier call that the trail does not prove" };
const damaged = { match: "cannot_tell", reason: "an event about an earlier call does not verify. Run `quater audit verify`" };
const hidden = (callId: string) => ({
  match: "cannot_tell",
  reason: expect.stringMatching(
    new RegExp(
      `^the trail proves that a similar call ran, at [0-9TZ:.-]+ \\(call ${callId}\\), but its approval request was deleted or changed`,
    ),
  ) as string,
});

const withCurrency = handler({
  description: "Pay somebody.",
  effect: "write",
  input: Type.Object({ cents: Type.Integer(), to: Type.String(), currency: Type.String({ default: "EUR" }) }),
  auth: authenticated,
  handle: () => ({}),
});

onBothDialects((claim) => {
  claim("S18: Quater does not show an approval request row that was set to used as an earlier call", async ({ boot, again }) => {
    const desk = await boot();
    const id = await desk.approved(robot, input);
    await desk.sql(
      "update approval_request set state = 'consumed', used_call = 'x', used_at = 1, outcome = 'succeeded' where id = ?",
      id,
    );
    expect(await asked(desk)).toEqual(unproven);
    expect(await asked(await again())).toEqual(unproven);
    // Nor does the call of another request.
    const other = await ran(desk, { cents: 8 });
    await desk.sql("update approval_request set used_call = ? where id = ?", other.callId, id);
    expect(await asked(desk)).toEqual(unproven);
    expect(await asked(desk, { cents: 8 })).toMatchObject({ match: "identical", id: other.id });
  });

  claim("S18: a repeated call shows time and outcome of the earlier call from the trail", async ({ boot }) => {
    const failing = handler({
      description: "Fails.",
      effect: "write",
      input: Type.Object({ cents: Type.Integer() }),
      auth: authenticated,
      handle: () => {
        throw new Error("no");
      },
    });
    const desk = await boot({ handlers: { pay: failing } });
    const id = await desk.approved(robot, { cents: 1 });
    expect((await desk.call(robot, { cents: 1 })).ok).toBe(false);
    const used = (await desk.events(id)).find(({ type }) => type === "approval.used");
    await desk.sql("update approval_request set used_at = 1 where id = ?", id);
    const at = new Date(used?.at ?? 0).toISOString();
    expect(await asked(desk, { cents: 1 })).toMatchObject({ match: "identical", id, outcome: "failed", at });
    await desk.sql("update approval_request set outcome = 'running' where id = ?", id);
    expect(await asked(desk, { cents: 1 })).toMatchObject({ match: "identical", id, outcome: "failed" });
    await desk.sql("update approval_request set outcome = 'succeeded' where id = ?", id);
    expect(await asked(desk, { cents: 1 })).toMatchObject({ match: "cannot_tell" });
  });

  claim(
    "S18: a repeated call shows the earlier call even after the row of its approval request was deleted or changed",
    async ({ boot, again }) => {
      const desk = await boot();
      const changes: readonly (readonly [what: string, text: string])[] = [
        ["deleted", "delete from approval_request where id = ?"],
        ["set back", "update approval_request set state = 'expired' where id = ?"],
        [
          "of another person",
          "update approval_request set person_key = person_key || '0', like_key = like_key || '0' where id = ?",
        ],
        ["of another handler", "update approval_request set handler = 'other' where id = ?"],
      ];
      for (const [cents, [what, text]] of changes.entries()) {
        const given = { ...input, cents };
        const { id, callId } = await ran(desk, given);
        expect(await asked(desk, given)).toMatchObject({ match: "identical", id });
        await desk.sql(text, id);
        expect([what, await asked(desk, given)]).toEqual([what, hidden(callId)]);
        expect([what, await asked(await again(), given, ana)]).toEqual([what, hidden(callId)]);
        expect(await asked(desk, { ...given, to: "Cy" })).toBeUndefined();
        expect(await asked(desk, given, dan)).toBeUndefined();
      }
    },
  );

  claim(
    "S18: an approval request row with other arguments under the same id does not hide the earlier call",
    async ({ boot }) => {
      const desk = await boot();
      const { id, callId } = await ran(desk);
      const other = await ran(desk, { cents: 9 });
      await desk.sql(
        "update approval_request set args = (select o.args from approval_request o where o.id = ?), nonce = (select o.nonce from approval_request o where o.id = ?), digest = (select o.digest from approval_request o where o.id = ?), preview = (select o.preview from approval_request o where o.id = ?) where id = ?",
        ...[other.id, other.id, other.id, other.id, id],
      );
      expect(await asked(desk)).toEqual(hidden(callId));
    },
  );

  claim(
    "S18: after a change of the input schema, Quater cannot compare a call with a request whose row was deleted",
    async ({ boot, again }) => {
      const first = await boot();
      const { id } = await ran(first);
      await ran(first, { cents: 8 });
      const desk = await again({ handlers: { pay: withCurrency } });
      expect(await asked(desk)).toMatchObject({ match: "similar", id, fields: ["currency"] });
      await desk.sql("delete from approval_request where id = ?", id);
      const reason = "an earlier call ran with another input schema, and its approval request is not in the store";
      expect(await asked(desk)).toEqual({ match: "cannot_tell", reason });
      expect(await asked(desk, input, dan)).toBeUndefined();
    },
  );

  claim(
    "S18: a repeated call gets the match cannot_tell when the events of an earlier call were changed",
    async ({ boot, again }) => {
      const desk = await boot();
      const { callId } = await ran(desk);
      await desk.sql(
        "update audit_event set meta = replace(meta, '\"robot\"', '\"rob0t\"') where type = 'approval.used' and call_id = ?",
        callId,
      );
      expect(await asked(desk)).toMatchObject({ match: "cannot_tell" });
      const fresh = await again();
      expect(await asked(fresh)).toMatchObject({ match: "cannot_tell" });
      expect(await asked(fresh, { cents: 1 })).toEqual(damaged);
    },
  );

  claim("S18: approvers see earlier calls that equal the call of an approval request", async ({ boot }) => {
    const desk = await boot();
    const first = await ran(desk);
    const second = await ran(desk);
    expect(await desk.approvals.ranBefore(await desk.record(second.id))).toMatchObject({ match: "identical", id: first.id });
    expect(await desk.approvals.ranBefore(await desk.record(first.id))).toBeUndefined();
    await desk.sql("delete from approval_request where id = ?", first.id);
    expect(await desk.approvals.ranBefore(await desk.record(second.id))).toEqual(hidden(first.callId));
  });

  claim("S18: a changed type column of the event approval.used does not hide the earlier call", async ({ boot, again }) => {
    const desk = await boot();
    const { id, callId } = await ran(desk);
    const other = await desk.approved(robot, { cents: 8 });
    await desk.sql("delete from approval_request where id = ?", id);
    await desk.sql("update audit_event set type = 'call.ended' where type = 'approval.used'");
    // A process that read the event before knows the use.
    expect(await asked(desk)).toEqual(hidden(callId));
    const fresh = await again();
    expect(await asked(fresh)).toEqual(damaged);
    await desk.sql("update audit_event set type = 'approval.used' where call_id = ? and meta like '%approval.used%'", callId);
    expect(await asked(fresh)).toEqual(hidden(callId));
    // The same for a process that has read the trail, and not this event.
    expect(codeOf(await desk.call(robot, { cents: 8 }, { id: other }))).toBe("ok");
    await desk.sql("update audit_event set type = 'call.ended' where type = 'approval.used' and meta like ?", `%${other}%`);
    expect(await asked(fresh, { cents: 10 })).toEqual(damaged);
  });

  claim(
    "S18: an approval request row that is marked as erased counts as erased only if an event records the erasure",
    async ({ boot }) => {
      const desk = await boot();
      const { id, callId } = await ran(desk);
      await desk.sql("update approval_request set nonce = 'erased', like_key = null where id = ?", id);
      expect(await asked(desk)).toEqual(hidden(callId));
    },
  );

  claim("S18: a denial that is only in the row of an approval request does not hide that the call ran", async ({ boot }) => {
    const desk = await boot();
    const denied =
      "update approval_request set state = 'denied', reason = 'bea says no', decided_at = 9000000000000 where id = ?";
    const approved = await desk.approved(robot, { cents: 3 });
    await desk.sql(denied, approved);
    expect(codeOf(await desk.call(robot, { cents: 3 }))).toBe("approval_unproven");
    expect((await desk.events(approved)).at(-1)).toMatchObject({ type: "approval.voided", detail: { was: "denied" } });
    expect(codeOf(await desk.call(robot, { cents: 3 }))).toBe("approval_required");
    const used = await ran(desk);
    await desk.sql(denied, used.id);
    const events = (await desk.events(used.id)).length;
    expect(codeOf(await desk.call(robot, input, { id: used.id }))).toBe("approval_unproven");
    expect(await asked(desk)).toEqual(hidden(used.callId));
    expect(await desk.events(used.id)).toHaveLength(events);
    // Of another credential of the same person: denials cover calls that look the same.
    const third = await ran(desk, { cents: 4 });
    await desk.sql(denied, third.id);
    expect(codeOf(await desk.call(ana, { cents: 4 }))).toBe("approval_unproven");
    expect(await asked(desk, { cents: 4 }, ana)).toEqual(hidden(third.callId));
    const real = await desk.file(robot, { cents: 6 });
    await desk.vote(bea, real, "deny", "no");
    expect(codeOf(await desk.call(robot, { cents: 6 }))).toBe("approval_denied");
    expect(codeOf(await desk.call(ana, { cents: 6 }))).toBe("approval_denied");
  });
});
