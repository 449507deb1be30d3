// All rows of an older copy are put back while several instances run. An instance that was idle must not go on with them.

import { appendFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { authenticated, handler, Type } from "quater";
import { expect, test } from "vitest";
import { KeyRing } from "../../../plugins/audit/log/key-ring.ts";
import type { Trail } from "../../../plugins/audit/log/trail.ts";
import { codeOf, type Desk, type OnDialect, onBothDialects, paid, pay, people } from "../approval/kit.ts";
import { type Copy, copyOf, isFenced, putBack } from "./copy-kit.ts";
import { tempFolder } from "./kit.ts";
import { keyFileIn, storeAt } from "./ledger-kit.ts";
import { trailOf } from "./maintenance-kit.ts";

const { robot, ana, bea } = people;

const newest = async (desk: Desk) =>
  (await desk.sql("select seq, hash from audit_event order by seq desc limit 1"))[0] as { seq: number; hash: string };

const sinkOf = ({ root }: OnDialect) => join(root, "sink.jsonl");
/** `note` needs no approval, so its events are not linked. */
const handlers = {
  pay,
  note: handler({ description: "Note.", effect: "write", input: Type.Object({}), auth: authenticated, handle: () => 1 }),
};
const expose = { pay: { direct: true, approval: "finance" }, note: { direct: true } };
const audited = (on: OnDialect) => ({ handlers, expose, audit: { sinks: [{ file: sinkOf(on) }], leaseMs: 600_000 } });
const linesOf = (on: OnDialect) => readFileSync(sinkOf(on), "utf8").split("\n").filter(Boolean);
/** Reads what the trail says of a request, and writes nothing: bea has voted already. */
const look = async (desk: Desk, id: string) =>
  desk.approvals.vote({ principal: bea, via: "api" }, { id, verdict: "approve", digest: (await desk.record(id)).digest });
/** Without a sink, an instance has only what it has seen. */
const alone = { handlers, expose, audit: { leaseMs: 600_000 } };

const note = async (desk: Desk) => codeOf(await desk.call(ana, {}, { handler: "note" }));

/** Lets the trail grow behind event `seq`: by an event of an approval, and by others. */
const grow = async (desk: Desk, seq: number) => {
  await desk.file(ana, { cents: 1_000 });
  while ((await newest(desk)).seq <= seq + 1) await note(desk);
};

interface Two {
  readonly busy: Desk;
  readonly idle: Desk;
  readonly copy: Copy;
}

/** Two instances, a request that is approved, and a copy of all rows from before the busy one uses it. */
const used = async (on: OnDialect, boot: ReturnType<typeof audited> | typeof alone): Promise<Two & { readonly id: string }> => {
  const busy = await on.boot(boot);
  const id = await busy.approved(robot);
  const idle = await on.again(boot);
  // All that both have noted so far is written before this.
  for (const desk of [busy, idle]) expect(await note(desk)).toBe("ok");
  const copy = await copyOf(busy);
  expect(codeOf(await busy.call(robot))).toBe("ok");
  return { busy, idle, copy, id };
};

onBothDialects((claim, dialect) => {
  claim(
    "S19: an idle instance finds in the sink that an older copy replaced the store, and runs no approval twice",
    async (on) => {
      const { busy, idle, copy } = await used(on, audited(on));
      await putBack(busy, on, copy);
      expect(codeOf(await idle.call(robot))).toBe("audit_unavailable");
      expect([isFenced(idle), paid]).toEqual([true, [{ cents: 5 }]]);
    },
  );

  claim(
    "S19: an idle instance finds that an older copy replaced the store, even after new events got the numbers of the lost events",
    async (on) => {
      const { busy, idle, copy } = await used(on, audited(on));
      const { seq } = await newest(busy);
      await putBack(busy, on, copy);
      await grow(idle, seq);
      expect(codeOf(await idle.call(robot))).toBe("audit_unavailable");
      expect([isFenced(idle), paid]).toEqual([true, [{ cents: 5 }]]);
    },
  );

  // Only PostgreSQL tells when a writer waits.
  const onPostgres: typeof claim = dialect === "postgres" ? claim : () => undefined;
  onPostgres(
    "S19: when an older copy replaces the store between two uses of one approval, Quater refuses the later use",
    async (on) => {
      const { busy, idle, copy } = await used(on, audited(on));
      const lines = linesOf(on);
      const [line = ""] = lines.filter((each) => each.includes('"approval.used"'));
      // The line of the busy instance is still on its way.
      writeFileSync(sinkOf(on), `${lines.filter((each) => each !== line).join("\n")}\n`);
      await putBack(busy, on, copy);
      const { default: pg } = await import("pg");
      const holder = new pg.Client({ connectionString: on.url });
      await holder.connect();
      try {
        await holder.query("begin");
        await holder.query("select seq from quater.audit_head for update");
        const call = idle.call(robot);
        const waiting = "select 1 from pg_locks where not granted and pg_backend_pid() = any(pg_blocking_pids(pid))";
        await expect.poll(async () => (await holder.query(waiting)).rowCount, { interval: 5 }).toBeGreaterThan(0);
        appendFileSync(sinkOf(on), `${line}\n`);
        await holder.query("rollback");
        expect(codeOf(await call)).toBe("audit_unavailable");
      } finally {
        await holder.end();
      }
      expect([isFenced(idle), paid]).toEqual([true, [{ cents: 5 }]]);
    },
  );

  claim("S19: an instance that has read newer events refuses a trail that ends before these events", async (on) => {
    const { busy, idle, copy, id } = await used(on, alone);
    await look(idle, id);
    await putBack(busy, on, copy);
    expect(codeOf(await idle.call(robot))).toBe("audit_unavailable");
    expect([isFenced(idle), paid]).toEqual([true, [{ cents: 5 }]]);
  });

  claim("S19: an instance that has read newer events refuses a trail with other events under the same numbers", async (on) => {
    const { busy, idle, copy, id } = await used(on, alone);
    await look(idle, id);
    const seen = await newest(busy);
    await putBack(busy, on, copy);
    await grow(await on.again(alone), seen.seq);
    // A plain write: it needs no approval, and finds it all the same.
    expect(await note(idle)).toBe("audit_unavailable");
    expect([isFenced(idle), paid]).toEqual([true, [{ cents: 5 }]]);
  });

  claim("S19: an instance finds an older copy of the store by the links between approval events", async (on) => {
    const { busy, idle, copy, id } = await used(on, alone);
    await look(idle, id);
    const seen = await newest(busy);
    await putBack(busy, on, copy);
    const other = await on.again(alone);
    await grow(other, seen.seq);
    await other.sql("update audit_event set hash = ? where seq = ?", seen.hash, seen.seq);
    expect(codeOf(await idle.call(robot))).toBe("audit_unavailable");
    expect([isFenced(idle), paid]).toEqual([true, [{ cents: 5 }]]);
  });

  claim("S19: two instances that use approvals in turn read new lines of their sink, and report no difference", async (on) => {
    const desks = [await on.boot(audited(on)), await on.again(audited(on))] as const;
    for (let n = 0; n < 6; n++) {
      await desks[0].approved(robot, { cents: n });
      expect(codeOf(await desks[n % 2 === 0 ? 0 : 1].call(robot, { cents: n }))).toBe("ok");
    }
    expect(linesOf(on).filter((line) => line.includes('"approval.used"'))).toHaveLength(6);
  });

  claim("S19: a call does not use its approval when Quater cannot read the sink", async (on) => {
    const desk = await on.boot(audited(on));
    const id = await desk.approved(robot);
    renameSync(sinkOf(on), `${sinkOf(on)}.held`);
    mkdirSync(sinkOf(on));
    expect(codeOf(await desk.call(robot))).toBe("audit_unavailable");
    expect([isFenced(desk), (await desk.record(id)).state, paid]).toEqual([false, "approved", []]);
    rmSync(sinkOf(on), { recursive: true });
    renameSync(`${sinkOf(on)}.held`, sinkOf(on));
    expect(codeOf(await desk.call(robot))).toBe("ok");
  });
});

interface TwoTrails {
  readonly slow: Trail;
  readonly fast: Trail;
  readonly written: (trail: Trail) => Promise<{ readonly seq: number; readonly hash: string }>;
  /** Puts the copy of the head back, and removes the events behind it. */
  readonly setBack: () => Promise<void>;
}

const use = { approvalId: "apr_a", callId: "call" };

/** Two instances with one store and one sink. The head of the trail is copied before `work`, as an attacker does it. */
const withTwoTrails = async (work: (trails: TwoTrails) => Promise<void>): Promise<void> => {
  using folder = tempFolder();
  const { root } = folder;
  const [one, other] = [await storeAt(root), await storeAt(root)];
  const ring = new KeyRing(keyFileIn(root));
  const sink = join(root, "sink.jsonl");
  const [slow, fast] = [trailOf(one.store, ring, sink, root), trailOf(other.store, ring, sink, root)];
  const used = { type: "approval.used" } as const;
  try {
    await slow.record({ events: [{ fields: { type: "audit.gap" } }] });
    await fast.open();
    const [read] = await one.store.apply([{ sql: "select * from audit_head", parameters: [] }]);
    const head = read?.rows?.[0] as Record<string, unknown>;
    const changes = Object.keys(head).map((column) => `"${column}" = ?`);
    await work({
      slow,
      fast,
      written: async (trail) => (await trail.record({ events: [{ fields: used }] })) as { seq: number; hash: string },
      setBack: async () => {
        await one.store.apply([
          { sql: "delete from audit_event where seq > ?", parameters: [head["seq"]] },
          { sql: `update audit_head set ${changes.join(", ")}`, parameters: Object.values(head) },
        ]);
      },
    });
  } finally {
    for (const trail of [slow, fast]) trail.writer.close();
    await one.close();
    await other.close();
  }
};

test("S19: Quater refuses the use of an approval that another instance used on an older copy of the store", () =>
  withTwoTrails(async ({ slow, fast, written, setBack }) => {
    const mine = await written(slow);
    await setBack();
    await fast.sendUse(await written(fast), use);
    await expect(slow.sendUse(mine, use)).rejects.toMatchObject({ code: "audit_unavailable" });
  }));

test("S19: an instance that read the use of an approval in a sink refuses an older copy of the store afterwards", () =>
  withTwoTrails(async ({ slow, fast, written, setBack }) => {
    await fast.sendUse(await written(fast), use);
    await slow.assertUsable(); // reads the line, and the store still agrees with it
    await setBack();
    await slow.assertUsable(); // no line was added
    await expect(written(slow)).rejects.toMatchObject({ code: "audit_unavailable" });
  }));
