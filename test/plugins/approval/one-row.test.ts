// An attacker who can write to the store and has no keys inserts one row. The row stops no boot, no sweep, no command and no call
// of another caller, and each loop over the table ends.

import { storeRef } from "quater/store";
import { expect } from "vitest";
import { erasureOf } from "../../../plugins/approval/requests/erasing.ts";
import { voidOfFormat1 } from "../../../plugins/approval/requests/proving.ts";
import { mostFiled } from "../../../plugins/approval/requests/reading.ts";
import { voidingOf } from "../../../plugins/approval/requests/restored.ts";
import { pruneEnded, sweepExpired } from "../../../plugins/approval/requests/sweeping.ts";
import { codeOf, contextOf, type Desk, idIn, onBothDialects, people } from "./kit.ts";

const { robot, ana, bea } = people;
const planted = `apr_${"a".repeat(20)}`;
const largest = 9_223_372_036_854_775_807n;

type Cells = Readonly<Record<string, unknown>>;

/** SQL in place of a value. */
class Sql {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

const invalid = new Sql("cast(x'ff' as text)");
const withNul = new Sql("'z' || char(0)");

const write = async (desk: Desk, row: Cells): Promise<void> => {
  const names = Object.keys(row);
  const values = Object.values(row);
  const marks = values.map((value) => (value instanceof Sql ? value.text : "?"));
  const bound = values.filter((value) => !(value instanceof Sql));
  await desk.sql(`insert into approval_request (${names.join(", ")}) values (${marks.join(", ")})`, ...bound);
};

const rowOf = async (desk: Desk, id: string) => (await desk.sql("select * from approval_request where id = ?", id))[0] as Cells;

/** A copy of a request under another id and call key, so that every index takes it. */
const plant = async (desk: Desk, id: string, cells: Cells): Promise<void> =>
  write(desk, { ...(await rowOf(desk, id)), id: planted, call_key: "x", ...cells });

/** Everything that reads many requests. */
const everything = async (desk: Desk): Promise<void> => {
  const context = contextOf(desk);
  const open = await desk.app.services.get(storeRef).open();
  await voidOfFormat1(context);
  await sweepExpired(context);
  await pruneEnded(context, 400);
  await voidingOf(context, open, []);
  const isPerson = (name: string | undefined) => name === "nobody";
  const approvalIds = { ofCall: [], voted: [], revoked: [], erased: new Set<string>() };
  await erasureOf(context, desk.app.catalog, open, {
    isPerson,
    callId: undefined,
    approvalIds,
    isWhole: false,
    principal: bea,
  });
  await desk.approvals.list(bea, { limit: 200 });
  let count = 0;
  for await (const _ of context.parts.reader.all()) expect(++count).toBeLessThan(100);
};

onBothDialects((claim, dialect) => {
  const texts = "call_key digest app handler schema args requester requester_key person_key like_key surface policy_name policy";
  const optional = "preview nonce call_id state reason used_call outcome";
  const numbers = "nth filed_at pending_until decided_at usable_until used_at ended_at version format";
  const rows: readonly Cells[] = [
    { version: largest, format: 1 },
    { version: largest, format: 1, state: "approved", usable_until: 9_000_000_000_000n },
    { version: largest, pending_until: 1 },
    { version: -largest, pending_until: 1 },
    { id: "x", format: 1 },
    { id: "zz", format: 1, state: "expired", filed_at: 1, pending_until: 1 },
    ...numbers.split(" ").flatMap((name) => [{ [name]: largest }, { [name]: largest, state: "expired" }]),
    ...(dialect === "postgres"
      ? []
      : [
          ...[invalid, withNul, new Sql("x'ff'")].flatMap((id) => [
            { id, format: 1 },
            { id, state: "expired", filed_at: 1, pending_until: 1 },
          ]),
          ...`${texts} ${optional}`.split(" ").flatMap((name) => [
            { [name]: invalid, format: 1 },
            { [name]: withNul, ...(name === "state" ? {} : { state: "expired" }), filed_at: 1, pending_until: 1 },
          ]),
          ...numbers.split(" ").map((name) => ({ [name]: invalid })),
        ]),
  ];

  claim(
    "an approval request row that an attacker inserts stops neither boot, maintenance, commands nor other calls",
    async ({ boot, again }) => {
      const desk = await boot({ approval: { maxPending: 10_000 } });
      const id = await desk.file(robot);
      for (const [index, cells] of rows.entries()) {
        const said = Object.entries(cells)
          .map(([name, value]) => `${name} ${value instanceof Sql ? value.text : value}`)
          .join(", ");
        await plant(desk, id, cells);
        await everything(desk).catch((error: unknown) => {
          throw new Error(`${said}: ${String(error)} ${String((error as Error).cause)}`);
        });
        expect(
          (await desk.approvals.list(bea, { limit: 200 })).map((each) => each.id),
          said,
        ).toContain(id);
        expect(codeOf(await desk.call(ana, { cents: 100 + index })), said).toBe("approval_required");
        if (index < 6) await (await again()).app.stop();
        await desk.sql("delete from approval_request where call_key = 'x' or call_id not in (select call_id from audit_event)");
        await desk.sql("delete from approval_request where id = ?", planted);
      }
    },
  );

  const fresh = async (desk: Desk, input: object) => {
    const outcome = await desk.call(robot, input);
    expect(codeOf(outcome), outcome.ok ? "" : JSON.stringify([input, String(outcome.error.cause)])).toBe("approval_required");
    expect(idIn(outcome)).not.toBe(planted);
    return idIn(outcome);
  };

  claim(
    "a call gets its approval and runs even when an attacker inserts an approval request row with a wrong number",
    async ({ boot }) => {
      const desk = await boot();
      const ids = dialect === "sqlite" ? ["x", withNul, invalid] : ["x"];
      const cases: readonly Cells[] = [
        { nth: largest },
        { nth: 9_007_199_254_740_993n },
        { nth: -largest },
        { nth: 2n },
        ...(dialect === "sqlite" ? [{ nth: 1.5 }, { nth: "x" }, { nth: invalid }] : []),
        ...ids.map((id) => ({ id, nth: 2n })),
      ];
      for (const [index, cells] of cases.entries()) {
        const input = { cents: 100 + index };
        const id = await desk.file(robot, input);
        await desk.elapse(id);
        await plant(desk, id, { call_key: (await rowOf(desk, id))["call_key"], state: "expired", ...cells });
        const second = await fresh(desk, input);
        await desk.vote(bea, second);
        expect(codeOf(await desk.call(robot, input)), String(cells["nth"])).toBe("ok");
        await desk.sql("delete from approval_request where id = ?", planted);
      }
    },
  );

  claim("Quater ends an approval request row that an attacker inserted to block new requests for a call", async ({ boot }) => {
    const desk = await boot();
    const cases: readonly (readonly [Cells, readonly string[]])[] = [
      [{ nth: 0n, pending_until: 9_000_000_000_000n }, ["approval_unproven"]],
      [{ nth: 0n, version: largest, pending_until: 9_000_000_000_000n }, []],
      [{ nth: 0n, pending_until: 1n }, []],
      [{ nth: largest, pending_until: 9_000_000_000_000n }, []],
      [{ id: "x", nth: 0n, pending_until: 9_000_000_000_000n }, []],
      [{ id: "y", nth: 2n, pending_until: 9_000_000_000_000n }, []],
    ];
    for (const [index, [cells, refusals]] of cases.entries()) {
      const input = { cents: 100 + index };
      const id = await desk.file(robot, input);
      await desk.elapse(id);
      await sweepExpired(contextOf(desk));
      await plant(desk, id, { call_key: (await rowOf(desk, id))["call_key"], state: "pending", ...cells });
      for (const code of refusals) expect(codeOf(await desk.call(robot, input))).toBe(code);
      await fresh(desk, input);
      await desk.sql("delete from approval_request where id = ?", planted);
    }
  });

  claim(
    "Quater logs a denied approval request row with an unknown version, and refuses the call of the row once",
    async ({ boot }) => {
      const desk = await boot();
      const id = await desk.approved(robot);
      await desk.sql(
        "update approval_request set state = 'denied', decided_at = 9000000000000, version = ? where id = ?",
        largest,
        id,
      );
      const outcome = await desk.call(robot);
      expect([codeOf(outcome), outcome.ok ? "" : outcome.error.message]).toEqual([
        "approval_unproven",
        expect.stringContaining(id),
      ]);
      await fresh(desk, { cents: 5 });
    },
  );

  claim(
    "Quater logs an approval request row with a number that Quater never assigns, and refuses the call of the row",
    async ({ boot }) => {
      const desk = await boot();
      const id = await desk.file(robot);
      await desk.elapse(id);
      await plant(desk, id, { call_key: (await rowOf(desk, id))["call_key"], state: "expired", nth: BigInt(mostFiled) });
      const outcome = await desk.call(robot);
      expect(codeOf(outcome)).toBe("approval_unproven");
      expect(outcome.ok ? "" : outcome.error.message).toBe(
        `The row of request ${planted} was not written by Quater: the column nth has the invalid value ${mostFiled}`,
      );
      expect(codeOf(await desk.call(robot, { cents: 6 }))).toBe("approval_required");
    },
  );

  claim("a vote row that an attacker inserts does not stop the erasure of the approval request", async ({ boot }) => {
    const desk = await boot();
    const id = await desk.file(robot);
    await desk.vote(bea, id, "deny", "Ana the call was made twice");
    await desk.sql(
      "insert into approval_vote (at, id, person, issuer, subject, credential, roles, verdict, via, reason) values (1, ?, 'zed', 'i', 's', 'c', '[]', 'maybe', 'api', 'x')",
      id,
    );
    const open = await desk.app.services.get(storeRef).open();
    const { changes, counts } = await erasureOf(contextOf(desk), desk.app.catalog, open, {
      isPerson: (name) => name === "ana",
      callId: undefined,
      approvalIds: { ofCall: [], voted: [], revoked: [], erased: new Set<string>() },
      isWhole: false,
      principal: bea,
    });
    expect(counts).toMatchObject({ erasedRequests: 1, erasedReasons: 1 });
    await open.apply(changes);
    expect(await desk.sql("select reason from approval_vote where id = ?", id)).toEqual([{ reason: null }, { reason: null }]);
  });
});
