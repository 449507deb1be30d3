// S18: "Did this already run?" The answer survives deploys, changes of policy and rotations of the keys.

import { join } from "node:path";
import { authenticated, type Handler, handler, resource, secret, Type, unavailable } from "quater";
import type { Outcome } from "quater/plugin-api";
import { expect } from "vitest";
import { fillKeys } from "../../../plugins/approval/requests/filling.ts";
import { rotateKeys } from "../../../plugins/audit/log/keys.ts";
import { codeOf, contextOf, type Desk, idIn, onBothDialects, paid, people } from "./kit.ts";

const { robot, ana, bea, dan } = people;
const robot2 = Object.freeze({ ...robot, subject: "robot2", credential: "test:robot2" });

const withInput = (input: Parameters<typeof Type.Object>[0]): Handler =>
  handler({
    description: "Pay somebody.",
    effect: "write",
    input: Type.Object(input),
    auth: authenticated,
    handle: (given) => {
      paid.push(given as never);
      return {};
    },
  });

const before = withInput({ orderId: Type.String(), cents: Type.Integer() });
const withDefault = withInput({ orderId: Type.String(), cents: Type.Integer(), currency: Type.String({ default: "EUR" }) });
const order = { orderId: "ord_7", cents: 500 };

/** Files, lets `bea` agree, and runs. */
const ran = async (desk: Desk, who: Parameters<Desk["call"]>[0], input: object): Promise<{ id: string; callId: string }> => {
  const id = await desk.approved(who, input);
  const outcome = await desk.call(who, input);
  expect(codeOf(outcome)).toBe("ok");
  return { id, callId: outcome.callId };
};

const earlierIn = (outcome: Outcome): unknown =>
  (Object(outcome.ok ? undefined : outcome.error.details?.["approval"]) as { readonly earlier?: unknown }).earlier;
const at = expect.stringMatching(/^\d{4}-\d\d-\d\dT/) as string;

onBothDialects((claim) => {
  claim(
    "M12: an approved call whose result cannot be sent uses its approval, and a repeated call shows the success",
    async ({ boot }) => {
      const large = handler({
        description: "Pay somebody.",
        effect: "write",
        input: Type.Object({ cents: Type.Integer() }),
        auth: authenticated,
        output: Type.Object({ paid: Type.Integer() }),
        handle: (input) => {
          paid.push(input);
          return { paid: "all of it" } as never;
        },
      });
      const desk = await boot({ handlers: { pay: large } });
      const id = await desk.approved(robot, { cents: 5 });
      const outcome = await desk.call(robot, { cents: 5 });
      expect(outcome).toMatchObject({ ok: false, error: { code: "output_undelivered", kind: "outcome_unknown" } });
      expect(await desk.record(id)).toMatchObject({ state: "consumed", use: { callId: outcome.callId, outcome: "succeeded" } });
      const repeated = await desk.call(robot, { cents: 5 });
      expect(codeOf(repeated)).toBe("approval_required");
      expect(earlierIn(repeated)).toMatchObject({ match: "identical", id, callId: outcome.callId, at, outcome: "succeeded" });
      expect(codeOf(await desk.call(robot, { cents: 5 }, { id }))).toBe("approval_used");
      expect(paid).toHaveLength(1);
    },
  );

  claim("M12: an approved call whose resource fails to close uses its approval with the outcome unknown", async ({ boot }) => {
    const search = resource({ name: "search", scope: "call", open: () => 1, close: () => unavailable("The index is down") });
    const indexed = handler({
      description: "Pay somebody.",
      effect: "write",
      input: Type.Object({ cents: Type.Integer() }),
      auth: authenticated,
      use: { search },
      handle: (input) => {
        paid.push(input);
        return {};
      },
    });
    const desk = await boot({ handlers: { pay: indexed } });
    const id = await desk.approved(robot, { cents: 5 });
    const outcome = await desk.call(robot, { cents: 5 });
    expect(outcome).toMatchObject({ ok: false, error: { code: "outcome_unknown" } });
    expect(await desk.record(id)).toMatchObject({ state: "consumed", use: { callId: outcome.callId, outcome: "unknown" } });
    expect(paid).toHaveLength(1);
  });

  claim(
    "S18: after a deploy that adds a field with a default, a repeated call shows that the call ran before",
    async ({ boot, again }) => {
      const { id, callId } = await ran(await boot({ handlers: { pay: before } }), robot, order);
      const desk = await again({ handlers: { pay: withDefault } });
      const outcome = await desk.call(robot, order);
      expect(earlierIn(outcome)).toEqual({
        match: "similar",
        id,
        callId,
        at,
        outcome: "succeeded",
        endedAt: at,
        fields: ["currency"],
      });
      expect(outcome.ok ? "" : outcome.error.message).toMatch(
        new RegExp(
          `\\. A similar call ran before, at [0-9TZ:.-]+, and succeeded at [0-9TZ:.-]+ \\(call ${callId}, approval ${id}\\). These fields differ: currency$`,
        ),
      );
      // Asked again, and by another credential of the same person over another surface.
      expect(earlierIn(await desk.call(robot, order))).toMatchObject({ match: "similar", id });
      expect(earlierIn(await desk.call(robot2, order, { surface: "other" }))).toMatchObject({ match: "similar", id });
      expect(earlierIn(await desk.call(ana, order))).toMatchObject({ match: "similar", id });
      expect(earlierIn(await desk.call(dan, order))).toBeUndefined();
      expect(earlierIn(await desk.call(robot, { ...order, cents: 501 }))).toBeUndefined();
      // Approvers and dry runs see the same.
      const shown = await desk.approvals.ranBefore(await desk.record(idIn(outcome)));
      expect(shown).toMatchObject({ match: "similar", id, callId, fields: ["currency"] });
      const rehearsed = await desk.call(robot, order, { dryRun: true });
      expect(rehearsed).toMatchObject({ ok: true, value: { approval: { earlier: { match: "similar", id, callId, at } } } });
    },
  );

  claim(
    "S18: the comparison of a call with an earlier call lists changed, removed and renamed fields",
    async ({ boot, again }) => {
      const { id } = await ran(await boot({ handlers: { pay: before } }), robot, order);
      const asText = await again({ handlers: { pay: withInput({ orderId: Type.String(), cents: Type.String() }) } });
      expect(earlierIn(await asText.call(robot, { orderId: "ord_7", cents: "500" }))).toMatchObject({ id, fields: ["cents"] });
      const renamed = await again({ handlers: { pay: withInput({ orderId: Type.String(), amount: Type.Integer() }) } });
      const said = earlierIn(await renamed.call(robot, { orderId: "ord_7", amount: 500 })) as { fields: string[] };
      expect([...said.fields].sort()).toEqual(["amount", "cents"]);
      const fewer = await again({ handlers: { pay: withInput({ orderId: Type.String() }) } });
      expect(earlierIn(await fewer.call(robot, { orderId: "ord_7" }))).toMatchObject({ match: "similar", fields: ["cents"] });
      const all = await again({ handlers: { pay: withInput({ order: Type.String() }) } });
      expect(earlierIn(await all.call(robot, { order: "ord_7" }))).toEqual({
        match: "cannot_tell",
        reason: "an earlier call has no argument in common with this call",
      });
    },
  );

  claim(
    "S18: the comparison of a call with an earlier call lists a new field inside an object or a list element",
    async ({ boot, again }) => {
      const nested = (line: Parameters<typeof Type.Object>[0]) =>
        withInput({ to: Type.Object({ name: Type.String() }), lines: Type.Array(Type.Object({ sku: Type.String(), ...line })) });
      const input = { to: { name: "Bo" }, lines: [{ sku: "a" }, { sku: "b" }] };
      const { id, callId } = await ran(await boot({ handlers: { pay: nested({}) } }), robot, input);
      const desk = await again({ handlers: { pay: nested({ count: Type.Integer({ default: 1 }) }) } });
      expect(earlierIn(await desk.call(robot, input))).toEqual({
        match: "similar",
        id,
        callId,
        at,
        outcome: "succeeded",
        endedAt: at,
        fields: ["/lines/0/count", "/lines/1/count"],
      });
      const other = { ...input, lines: [{ sku: "a" }, { sku: "c" }] };
      expect(earlierIn(await desk.call(robot, other))).toBeUndefined();
      expect(earlierIn(await desk.call(robot, { ...input, lines: [{ sku: "a" }] }))).toBeUndefined();
      const renamed = withInput({ to: Type.Object({ person: Type.String() }), lines: Type.Optional(Type.Array(Type.String())) });
      const last = await again({ handlers: { pay: renamed } });
      expect(earlierIn(await last.call(robot, { to: { person: "Bo" } }))).toEqual({
        match: "cannot_tell",
        reason: "an earlier call has no argument in common with this call",
      });
    },
  );

  claim(
    "S18: a repeated call finds identical and similar earlier calls over other surfaces, with other credentials and after policy changes",
    async ({ boot, again }) => {
      const { id, callId } = await ran(await boot({ handlers: { pay: before } }), robot, order);
      const two = { finance: { approvers: [{ role: "finance", need: 2 }] } };
      const desk = await again({ handlers: { pay: before }, approval: { policies: two } });
      for (const [who, surface] of [
        [robot, "direct"],
        [robot2, "direct"],
        [ana, "other"],
      ] as const)
        expect(earlierIn(await desk.call(who, order, { surface }))).toEqual({
          match: "identical",
          id,
          callId,
          at,
          outcome: "succeeded",
          endedAt: at,
          fields: [],
        });
      const spaced = { ...order, orderId: "\u043erd_7\u200b " };
      expect(earlierIn(await desk.call(robot, spaced))).toMatchObject({ match: "similar", id, fields: ["orderId"] });
      for (const orderId of ["ORD_7", "ord _7"]) expect(earlierIn(await desk.call(robot, { ...order, orderId }))).toBeUndefined();
    },
  );

  claim(
    "S18: after a rotation of the trail keys, a pending approval request can be approved, run and found again",
    async ({ boot, again, root }) => {
      const secrets = withInput({ orderId: Type.String(), pin: secret(Type.String()) });
      const input = { orderId: "ord_7", pin: "1234" };
      const handlers = { pay: secrets };
      const one = await boot({ handlers });
      const used = await ran(one, robot, input);
      const pending = await one.file(robot, { ...input, orderId: "ord_8" });
      const approved = await one.approved(robot, { ...input, orderId: "ord_9" });
      await one.app.stop();
      rotateKeys(join(root, ".quater/trail-keys.json"));
      const desk = await again({ handlers });
      expect(earlierIn(await desk.call(robot, input))).toMatchObject({ match: "identical", id: used.id, callId: used.callId });
      expect(codeOf(await desk.call(robot, { ...input, orderId: "ord_9" }))).toBe("ok");
      expect((await desk.record(approved)).state).toBe("consumed");
      expect(idIn(await desk.call(robot, { ...input, orderId: "ord_8" }))).toBe(pending);
      await desk.vote(bea, pending);
      expect(codeOf(await desk.call(robot, { ...input, orderId: "ord_8" }))).toBe("ok");
      expect(earlierIn(await desk.call(robot, { ...input, orderId: "ord_8" }))).toMatchObject({
        match: "identical",
        id: pending,
      });
    },
  );

  claim(
    "S18: a repeated call gets the match cannot_tell when the person of an earlier approval request is unknown",
    async ({ boot }) => {
      const one = await boot({ handlers: { pay: before } });
      const { id } = await ran(one, robot, order);
      await one.sql("update approval_request set like_key = null, nonce = 'erased', args = '{}' where id = ?", id);
      // Only the trail says that a request was erased. This row was changed in the store.
      const changed = {
        match: "cannot_tell",
        reason: expect.stringContaining("its approval request was deleted or changed in the store"),
      };
      expect(earlierIn(await one.call(robot, order))).toEqual(changed);
      expect(earlierIn(await one.call(dan, order))).toBeUndefined();
      await one.sql("update approval_request set person_key = 'unknown' where id = ?", id);
      const unknown = "the person of an earlier request is not known, because it was erased or its keys are missing";
      expect(earlierIn(await one.call(robot, { ...order, cents: 6 }))).toEqual({ match: "cannot_tell", reason: unknown });
      await one.sql("update approval_request set person_key = 'hmac:gone:00' where id = ?", id);
      expect(earlierIn(await one.call(robot, { ...order, cents: 7 }))).toEqual({ match: "cannot_tell", reason: unknown });
    },
  );

  claim(
    "S18: Quater migrates the approval tables of an older version, and compares calls with the migrated requests",
    async ({ boot, again }) => {
      const one = await boot({ handlers: { pay: before } });
      const { id } = await ran(one, robot, order);
      const denied = await one.file(robot, { ...order, cents: 6 });
      await one.vote(bea, denied, "deny");
      for (const name of ["person", "like", "by_state", "by_handler", "by_handler_state"])
        await one.sql(`drop index approval_request_${name}`);
      for (const name of ["person_key", "like_key"]) await one.sql(`alter table approval_request drop column ${name}`);
      await one.sql("delete from quater_migration where plugin = 'approval' and version in (2, 4)");
      await one.app.stop();
      const desk = await again({ handlers: { pay: before } });
      while (!(await fillKeys(contextOf(desk))));
      expect(earlierIn(await desk.call(robot2, order))).toMatchObject({ match: "identical", id });
      expect(await desk.call(robot2, { ...order, cents: 6 })).toMatchObject({ error: { code: "approval_denied" } });
    },
  );

  claim("S18: Quater compares calls with approval requests of an older folding rule", async ({ boot }) => {
    const desk = await boot({ handlers: { pay: before } });
    const { id } = await ran(desk, robot, order);
    const [keys] = (await desk.sql("select person_key, like_key from approval_request where id = ?", id)) as object[];
    await desk.sql("update approval_request set like_key = 'hmac:older:00'");
    const spaced = { ...order, orderId: "ord_7 " };
    expect(earlierIn(await desk.call(robot, spaced))).toMatchObject({ match: "similar", id });
    while (!(await fillKeys(contextOf(desk))));
    expect(await desk.sql("select person_key, like_key from approval_request where id = ?", id)).toEqual([keys]);
    expect(earlierIn(await desk.call(robot, order))).toMatchObject({ match: "identical", id });
    // A request that cannot be read any more keeps its person.
    await desk.sql("update approval_request set like_key = 'hmac:older:00', args = '{}' where id = ?", id);
    while (!(await fillKeys(contextOf(desk))));
    expect(await desk.sql("select person_key, like_key from approval_request where id = ?", id)).toEqual([
      { ...keys, like_key: null },
    ]);
  });

  claim(
    "S18: approval requests of an older version of Quater get comparison keys, and Quater compares calls with them",
    async ({ boot }) => {
      const desk = await boot({ handlers: { pay: before } });
      const { id } = await ran(desk, robot, order);
      const other = await ran(desk, dan, order);
      await desk.sql("update approval_request set person_key = null, like_key = null");
      await desk.sql("update approval_request set nonce = 'erased' where id = ?", other.id);
      expect(earlierIn(await desk.call(robot, order))).toMatchObject({ match: "cannot_tell" });
      const context = contextOf(desk);
      while (!(await fillKeys(context)));
      expect(earlierIn(await desk.call(robot, order))).toMatchObject({ match: "identical", id });
      const keys = (await desk.sql("select person_key, like_key from approval_request where id = ?", other.id)) as object[];
      expect(keys).toEqual([{ person_key: "unknown", like_key: null }]);
    },
  );
});
