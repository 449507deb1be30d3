// S3: an attacker who can write to the store and has no keys plants requests, changes rows and damages them. Quater writes no
// event about a request that was never filed, and a damaged row stops nothing that is done with the others.

import { join } from "node:path";
import { auditRef } from "quater/audit";
import { storeRef } from "quater/store";
import { expect } from "vitest";
import { voidOfFormat1 } from "../../../plugins/approval/requests/proving.ts";
import { voidingOf } from "../../../plugins/approval/requests/restored.ts";
import { sweepExpired } from "../../../plugins/approval/requests/sweeping.ts";
import { storeSource } from "../../../plugins/audit/verify/source.ts";
import { verifySource } from "../../../plugins/audit/verify/verify-source.ts";
import { codeOf, contextOf, type Desk, idIn, onBothDialects, people } from "./kit.ts";

const { robot, ana, bea } = people;
const planted = `apr_${"a".repeat(20)}`;

type Row = Readonly<Record<string, unknown>>;

const rowOf = async (desk: Desk, id: string) => (await desk.sql("select * from approval_request where id = ?", id))[0] as Row;

const set = (desk: Desk, id: string, cells: Row) =>
  desk.sql(
    `update approval_request set ${Object.keys(cells)
      .map((name) => `${name} = ?`)
      .join(", ")} where id = ?`,
    ...Object.values(cells),
    id,
  );

/** A copy of a request under another id and call key, so that every index takes it. */
const plant = async (desk: Desk, id: string, cells: Row = {}): Promise<void> => {
  const row = { ...(await rowOf(desk, id)), id: planted, call_key: "x", ...cells };
  const names = Object.keys(row);
  const marks = names.map(() => "?").join(", ");
  await desk.sql(`insert into approval_request (${names.join(", ")}) values (${marks})`, ...Object.values(row));
};

const voided = async (desk: Desk) => {
  const open = await desk.app.services.get(storeRef).open();
  return voidingOf(contextOf(desk), open, []);
};

const damageOf = async (desk: Desk, root: string) => {
  const store = await desk.app.services.get(storeRef).open();
  return (await verifySource(storeSource(store), { keyFile: join(root, ".quater/trail-keys.json") }))?.damage;
};

const stateOf = async (desk: Desk, id: string) => (await rowOf(desk, id))["state"];

onBothDialects((claim, dialect) => {
  claim("S3: Quater writes no event about an approval request that an attacker planted in the store", async ({ boot, root }) => {
    const desk = await boot();
    const id = await desk.file(robot);
    const ends: readonly (readonly [string, Row, () => Promise<unknown>])[] = [
      ["sweep", { pending_until: 1 }, () => sweepExpired(contextOf(desk))],
      ["sweep of an approved one", { state: "approved", usable_until: 1 }, () => sweepExpired(contextOf(desk))],
      ["cancel", {}, () => desk.approvals.cancel(robot, "direct", planted).catch(codeIn)],
      [
        "revoke",
        { state: "approved", usable_until: 9_000_000_000_000 },
        () => desk.approvals.revoke({ principal: bea, via: "api" }, { id: planted }).catch(codeIn),
      ],
      ["vote", {}, () => desk.vote(bea, planted).catch(codeIn)],
      ["use", { state: "approved", usable_until: 9_000_000_000_000 }, () => desk.call(robot, undefined, { id: planted })],
      ["void", { format: 1 }, () => voidOfFormat1(contextOf(desk))],
    ];
    for (const [name, cells, end] of ends) {
      await plant(desk, id, cells);
      await end();
      // Attempts that were refused are events of their own.
      const written = (await desk.events(planted)).filter(({ type }) => type.startsWith("approval."));
      expect(written, name).toEqual([]);
      // A call with another call key is refused before the trail is asked.
      expect(await stateOf(desk, planted), name).toBe(name === "use" ? "approved" : "expired");
      await desk.sql("delete from approval_request where id = ?", planted);
    }
    await plant(desk, id);
    const { events } = await voided(desk);
    expect(events.map(namedBy)).toEqual([id]);
    expect(await damageOf(desk, root)).toEqual([]);
  });

  claim(
    "S3: an approval event copies the fields of its approval request from the event of the filing, not from the row",
    async ({ boot }) => {
      const policies = { finance: { approvers: [{ role: "finance" }], pendingForMs: 1_000 } };
      const desk = await boot({ approval: { policies }, mode: "run" });
      const id = await desk.file(robot);
      const { handler, surface, schema } = await desk.record(id);
      await set(desk, id, { handler: "dropAll", surface: "mcp", schema: "sha256:0" });
      // The trail's own time has to run out, so this waits for the store's clock.
      const open = await desk.app.services.get(storeRef).open();
      while (((await rowOf(desk, id))["pending_until"] as number) > (await open.now()))
        await new Promise((done) => setTimeout(done, 20));
      expect(await sweepExpired(contextOf(desk))).toBe(1);
      expect((await desk.events(id)).at(-1)).toMatchObject({ type: "approval.expired", handler, surface, schema });
    },
  );

  claim("S3: a changed time in the row of an approval request causes no event about an expiry", async ({ boot, root }) => {
    const desk = await boot();
    const pending = await desk.file(robot, { cents: 1 });
    const used = await desk.approved(robot, { cents: 2 });
    expect(codeOf(await desk.call(robot, { cents: 2 }))).toBe("ok");
    const before = await desk.events(used);
    await set(desk, pending, { pending_until: 1 });
    await set(desk, used, { state: "approved", usable_until: 1, used_call: null, used_at: null, outcome: null });
    expect(await sweepExpired(contextOf(desk))).toBe(1);
    const why = "the request has expired in the row, but not on the trail";
    expect((await desk.events(pending)).slice(1)).toMatchObject([
      { type: "approval.voided", detail: { cause: "unproven", why, was: "pending" } },
    ]);
    expect(await desk.events(used)).toEqual(before);
    expect([await stateOf(desk, pending), await stateOf(desk, used)]).toEqual(["expired", "expired"]);
    expect(await damageOf(desk, root)).toEqual([]);
  });

  claim("S3: audit verify reports an event about an approval request that was never filed", async ({ boot, root }) => {
    const desk = await boot();
    await desk.file(robot);
    const audit = desk.app.services.get(auditRef);
    for (const type of ["approval.expired", "approval.cancelled", "approval.voted"] as const)
      await audit.commit([{ fields: { type, approvalId: planted, handler: "pay" } }], []);
    expect(await damageOf(desk, root)).toMatchObject(
      ["approval.expired", "approval.cancelled", "approval.voted"].map(() => ({
        kind: "unproven",
        what: expect.stringContaining(
          `is about the approval ${planted}, which was never requested or had already ended`,
        ) as string,
      })),
    );
  });

  const damages: readonly Row[] = [
    { requester: "{" },
    { requester: "null" },
    { requester: '{"issuer":{}}' },
    { policy: "[" },
    { policy: '{"approvers":[null]}' },
    { args: '{"cents":' },
    { args: '"\\ud800"' },
    { preview: "{" },
    { state: "odd" },
    { pending_until: 9_000_000_000_000_000 },
    ...(dialect === "sqlite"
      ? [{ requester: Buffer.from([0xff]) }, { pending_until: "soon" }, { version: "x" }, { nth: 1.5 }]
      : []),
  ];

  claim(
    "S3: lists of approval requests omit a damaged request row, and the row stops no call, maintenance or restore",
    async ({ boot }) => {
      const desk = await boot({ approval: { maxPending: 1_000 } });
      for (const [index, cells] of damages.entries()) {
        const input = { cents: 100 + index };
        const whole = await desk.file(ana, { cents: 10_000 + index });
        const damaged = await desk.file(robot, input);
        await set(desk, damaged, cells);
        const said = JSON.stringify(cells);
        const listed = (await desk.approvals.list(bea, { limit: 200 })).map(({ id }) => id);
        expect(listed, said).toContain(whole);
        expect(listed, said).not.toContain(damaged);
        await expect(desk.approvals.show(bea, damaged), said).rejects.toMatchObject({ code: "approver_not_eligible" });
        const voiding = await voided(desk);
        expect(voiding.events.map(namedBy), said).toContain(whole);
        expect(voiding.counts["damagedRequests"], said).toBe(cells["state"] === undefined ? 1 : undefined);
        const open = await desk.app.services.get(storeRef).open();
        // In a transaction that is undone: the changes of the damaged rows must not stop it.
        await expect(
          open.transaction(async (transaction) => {
            for (const change of voiding.changes) await transaction.run(change);
            throw new Error("undone");
          }),
          said,
        ).rejects.toThrow("undone");
        if (cells["state"] === undefined) {
          const outcome = await desk.call(robot, input);
          expect(codeOf(outcome), said).toBe("approval_required");
          expect(idIn(outcome), said).not.toBe(damaged);
        }
        await desk.elapse(whole);
        await sweepExpired(contextOf(desk));
        expect(await stateOf(desk, whole), said).toBe("expired");
      }
    },
  );

  claim("S3: approvers see an approval request without a damaged vote row", async ({ boot }) => {
    const desk = await boot({ approval: { policies: { finance: { approvers: [{ role: "finance", need: 2 }] } } } });
    const id = await desk.file(robot);
    await desk.vote(bea, id);
    await desk.sql("update approval_vote set roles = '{' where id = ?", id);
    expect(await desk.record(id)).toMatchObject({ state: "pending", votes: [] });
    expect((await desk.vote(people.cleo, id)).state).toBe("approved");
  });
});

const namedBy = ({ fields }: { readonly fields: unknown }) => (fields as { readonly approvalId?: string }).approvalId;

const codeIn = (error: unknown) => (error as { code: string }).code;
