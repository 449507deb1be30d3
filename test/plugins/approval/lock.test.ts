// S4: what people approved by a preview does not become stale between the preview and the handler.

import { setTimeout as pause } from "node:timers/promises";
import { authenticated, handler, resource, stream, Type } from "quater";
import { httpRef } from "quater/http";
import { Cancellation, type Outcome } from "quater/plugin-api";
import { http } from "quater/plugins";
import { tokens } from "quater/testing";
import { expect } from "vitest";
import { codeOf, type Desk, type DeskBoot, onBothDialects, people } from "./kit.ts";

/** What was refunded so far, by order. */
const refunded = new Map<string, number>();
/** Runs whose preview was not what the world was like when they ran. */
const stale: string[] = [];
/** How many refunds run at this moment. */
let running = 0;
let mostRunning = 0;

/** Called by the preview. */
let underLock: (() => Promise<void>) | undefined;

const left = (order: string): number => 10_000 - (refunded.get(order) ?? 0);

const refund = handler({
  description: "Refund an order.",
  effect: "destructive",
  input: Type.Object({ order: Type.String(), cents: Type.Integer(), slowMs: Type.Optional(Type.Integer()) }),
  output: Type.Object({ left: Type.Integer() }),
  auth: authenticated,
  preview: async ({ order }) => {
    const seen = left(order);
    await underLock?.();
    return { left: seen };
  },
  handle: async ({ order, cents, slowMs = 5 }) => {
    const before = left(order);
    running++;
    mostRunning = Math.max(mostRunning, running);
    await pause(slowMs); // ignores `signal`
    running--;
    if (left(order) !== before) stale.push(order);
    if (cents < 0) throw new Error("The bank is closed");
    refunded.set(order, (refunded.get(order) ?? 0) + cents);
    return { left: left(order) };
  },
});

/** Changes the same orders, without a preview and without an approval. */
const fee = handler({
  description: "Charge a fee.",
  effect: "write",
  input: Type.Object({ id: Type.String(), cents: Type.Integer(), slowMs: Type.Optional(Type.Integer()) }),
  auth: authenticated,
  handle: async ({ id, cents, slowMs = 5 }) => {
    running++;
    mostRunning = Math.max(mostRunning, running);
    await pause(slowMs);
    running--;
    refunded.set(id, (refunded.get(id) ?? 0) + cents);
  },
});

const byOrder = { name: "order", by: "order" } as const;

const deskOf = (lock: object = {}): Omit<DeskBoot, "root" | "url"> => ({
  handlers: { refund, fee },
  expose: {
    refund: { direct: true, http: "POST /orders/:order/refunds", approval: "finance", ...lock },
    fee: { direct: true, lock: { name: "order", by: "id" } },
  },
  plugins: [http({ port: 0, authenticate: tokens(people) })],
  approval: { maxPending: 100 },
});

const reset = (): void => {
  refunded.clear();
  stale.length = 0;
  mostRunning = 0;
};

const refunds = (desk: Desk, input: object): Promise<Outcome> => desk.call(people.robot, input, { handler: "refund" });
const approved = (desk: Desk, input: object): Promise<string> => desk.approved(people.robot, input, { handler: "refund" });
const fees = (desk: Desk, input: object, cancellation = new Cancellation()): Promise<Outcome> =>
  desk.call(people.robot, input, { handler: "fee", cancellation });

const until = async (is: () => boolean): Promise<void> => {
  while (!is()) await pause(2);
};

onBothDialects((claim) => {
  claim(
    "S4: of three approved refunds of one order that arrive together over HTTP, one runs and two get approval_stale",
    async ({ boot }) => {
      reset();
      const desk = await boot(deskOf());
      const baseUrl = desk.app.services.get(httpRef).baseUrl;
      const post = async (cents: number) => {
        const response = await fetch(`${baseUrl}/orders/ord_1/refunds`, {
          method: "POST",
          headers: { authorization: "Bearer robot", "content-type": "application/json" },
          body: JSON.stringify({ cents }),
        });
        return { status: response.status, body: (await response.json()) as { code?: string; approval?: { id: string } } };
      };
      const sums = [1_001, 1_002, 1_003];
      for (const cents of sums) {
        const { body } = await post(cents);
        await desk.vote(people.bea, body.approval?.id ?? "");
      }
      const answers = await Promise.all(sums.map(post));
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409]);
      expect(answers.flatMap(({ body }) => body.code ?? [])).toEqual(["approval_stale", "approval_stale"]);
      expect(stale).toEqual([]);
      expect(mostRunning).toBe(1);
    },
  );

  claim(
    "S4: calls of a handler without a preview share a lock when the input field of the lock has the same value",
    async ({ boot }) => {
      reset();
      const desk = await boot(deskOf({ lock: byOrder }));
      await approved(desk, { order: "a", cents: 1, slowMs: 60 });
      const outcomes = await Promise.all([
        refunds(desk, { order: "a", cents: 1, slowMs: 60 }),
        fees(desk, { id: "a", cents: 5 }),
        fees(desk, { id: "a", cents: 5 }),
      ]);
      expect(outcomes.slice(1).map(codeOf)).toEqual(["ok", "ok"]);
      expect(["ok", "approval_stale"]).toContain(codeOf(outcomes[0] as Outcome)); // Either call may come first.
      expect(stale).toEqual([]);
      expect(mostRunning).toBe(1);
    },
  );

  claim("S4: calls with different values of the input field of a lock do not wait for each other", async ({ boot }) => {
    reset();
    const desk = await boot(deskOf({ lock: byOrder }));
    const slow = fees(desk, { id: "a", cents: 1, slowMs: 600 });
    await until(() => running === 1);
    expect(codeOf(await fees(desk, { id: "b", cents: 1 }))).toBe("ok");
    expect(running).toBe(1);
    expect(codeOf(await slow)).toBe("ok");
    expect(mostRunning).toBe(2);
  });

  claim("S4: a call that waits two seconds for its lock gets lock_busy, and its approval stays usable", async ({ boot }) => {
    reset();
    const desk = await boot(deskOf({ lock: byOrder }));
    const id = await approved(desk, { order: "a", cents: 1 });
    const slow = fees(desk, { id: "a", cents: 0, slowMs: 3_500 });
    await until(() => running === 1);
    const begun = performance.now();
    const outcome = await refunds(desk, { order: "a", cents: 1 });
    expect(outcome).toMatchObject({
      ok: false,
      error: { code: "lock_busy", kind: "unavailable", retryAfterSeconds: 1, message: expect.stringContaining("the lock order") },
    });
    expect(performance.now() - begun).toBeGreaterThan(1_500);
    expect((await desk.record(id)).state).toBe("approved");
    expect(codeOf(await slow)).toBe("ok");
    expect(codeOf(await refunds(desk, { order: "a", cents: 1 }))).toBe("ok");
    expect((await desk.record(id)).use?.outcome).toBe("succeeded");
  });

  claim("S4: the lock of a call is free again after the handler of the call failed", async ({ boot }) => {
    reset();
    const desk = await boot(deskOf({ lock: byOrder }));
    await approved(desk, { order: "a", cents: -1 });
    expect(codeOf(await refunds(desk, { order: "a", cents: -1 }))).toBe("internal");
    expect(codeOf(await fees(desk, { id: "a", cents: 1 }))).toBe("ok");
    while ((await desk.sql("select * from quater_lock")).length > 0) await pause(5);
  });

  claim(
    "S4: when a caller leaves, the running call keeps its lock until the handler ends, and a waiting call ends",
    async ({ boot }) => {
      reset();
      const desk = await boot(deskOf({ lock: byOrder }));
      const [first, second] = [new Cancellation(), new Cancellation()];
      const slow = fees(desk, { id: "a", cents: 1, slowMs: 400 }, first);
      await until(() => running === 1);
      const waiting = fees(desk, { id: "a", cents: 1 }, second);
      first.cancel();
      second.cancel();
      expect(codeOf(await waiting)).toBe("cancelled");
      expect(running).toBe(1);
      expect(codeOf(await fees(desk, { id: "a", cents: 1 }))).toBe("ok");
      expect(mostRunning).toBe(1);
      expect(codeOf(await slow)).toBe("ok");
    },
  );

  claim("S4: two instances on one store share the lock of a handler", async ({ boot, again }) => {
    reset();
    const [one, two] = [await boot(deskOf({ lock: byOrder })), await again(deskOf({ lock: byOrder }))];
    await approved(one, { order: "a", cents: 7 });
    await approved(one, { order: "a", cents: 8 });
    const outcomes = await Promise.all([
      refunds(one, { order: "a", cents: 7 }),
      refunds(two, { order: "a", cents: 8 }),
      ...Array.from({ length: 10 }, (_, n) => fees(n % 2 === 0 ? one : two, { id: "a", cents: 1 })),
    ]);
    expect(outcomes.slice(2).map(codeOf)).toEqual(Array(10).fill("ok"));
    expect(outcomes.slice(0, 2).every((outcome) => ["ok", "approval_stale"].includes(codeOf(outcome)))).toBe(true);
    expect(stale).toEqual([]);
    expect(mostRunning).toBe(1);
  });

  claim("S4: a stream has its lock until the server has sent the last item", async ({ boot }) => {
    reset();
    const items = handler({
      description: "Stream while holding a lock.",
      effect: "write",
      input: Type.Object({ id: Type.String() }),
      output: stream(Type.Integer()),
      auth: authenticated,
      async *handle() {
        yield 1;
        yield 2;
      },
    });
    const lock = { direct: true, lock: { name: "order", by: "id" } };
    const desk = await boot({ handlers: { fee, items }, expose: { fee: lock, items: lock } });
    const outcome = await desk.call(people.robot, { id: "a" }, { handler: "items" });
    if (!outcome.ok) throw outcome.error;
    const reader = outcome.value as AsyncIterator<number>;
    await reader.next();
    const waiting = fees(desk, { id: "a", cents: 1 });
    await pause(50);
    expect(refunded.get("a")).toBeUndefined();
    await reader.next();
    await reader.next();
    expect(codeOf(await waiting)).toBe("ok");
  });

  claim(
    "S4: the preview of a call with a lock reads resources that were opened after the call got the lock",
    async ({ boot }) => {
      reset();
      const snapshots: string[] = [];
      const snapshot = resource({
        name: "snapshot",
        scope: "call",
        open: () => new Map(refunded),
        close: (_, { failed }) => void snapshots.push(failed ? "rolled back" : "committed"),
      });
      const refundBySnapshot = handler({
        description: "Refund by a snapshot.",
        effect: "write",
        input: Type.Object({ order: Type.String(), cents: Type.Integer() }),
        auth: ({ snapshot }) => snapshot !== undefined,
        use: { snapshot },
        preview: ({ order }, { snapshot }) => ({ refunded: snapshot.get(order) ?? 0 }),
        handle: ({ order, cents }) => void refunded.set(order, cents),
      });
      const desk = await boot({
        handlers: { fee, refund: refundBySnapshot },
        expose: {
          fee: { direct: true, lock: { name: "order", by: "id" } },
          refund: { direct: true, approval: "finance", lock: byOrder },
        },
      });
      await approved(desk, { order: "a", cents: 1 });
      const slow = fees(desk, { id: "a", cents: 500, slowMs: 300 });
      await until(() => running === 1);
      expect(codeOf(await refunds(desk, { order: "a", cents: 1 }))).toBe("approval_stale");
      expect(codeOf(await slow)).toBe("ok");
      expect(snapshots).not.toContain("committed");
    },
  );

  claim("S4: a call does not use its approval when another call has taken over the lock of the call", async ({ boot }) => {
    reset();
    const desk = await boot(deskOf({ lock: byOrder }));
    const id = await approved(desk, { order: "a", cents: 1 });
    // As after a pause longer than the lease: when the approval is to be used, another holder stands in the row.
    underLock = async () => {
      underLock = undefined;
      await desk.sql("update quater_lock set fence = fence + 1, holder = 'another', lease_until = 1");
    };
    const outcome = await refunds(desk, { order: "a", cents: 1 });
    expect(outcome).toMatchObject({ ok: false, error: { code: "lock_lost", kind: "unavailable", retryAfterSeconds: 1 } });
    expect(refunded.size).toBe(0);
    expect((await desk.record(id)).state).toBe("approved");
    expect(codeOf(await refunds(desk, { order: "a", cents: 1 }))).toBe("ok");
  });

  claim("S4: a handler without an approval does not start when another call has taken over its lock", async ({ boot }) => {
    reset();
    const slow = resource({ name: "slow", scope: "call", open: () => pause(1_500) });
    const slowFee = handler({
      description: "Charge a fee with a resource that opens slowly.",
      effect: "write",
      input: Type.Object({ id: Type.String(), cents: Type.Integer() }),
      auth: authenticated,
      use: { slow },
      handle: ({ id, cents }) => void refunded.set(id, cents),
    });
    const desk = await boot({
      handlers: { fee: slowFee },
      expose: { fee: { direct: true, lock: { name: "order", by: "id" } } },
      store: { lockLeaseMs: 1_000 },
    });
    const outcome = fees(desk, { id: "a", cents: 1 });
    while ((await desk.sql("select * from quater_lock")).length === 0) await pause(5);
    await desk.sql("update quater_lock set fence = fence + 1, holder = 'another'");
    expect(codeOf(await outcome)).toBe("lock_lost");
    expect(refunded.size).toBe(0);
  });

  claim("S4: a call does not use its approval when the row of its lock was deleted", async ({ boot }) => {
    reset();
    const desk = await boot(deskOf({ lock: byOrder }));
    const id = await approved(desk, { order: "a", cents: 1 });
    underLock = async () => {
      underLock = undefined;
      await desk.sql("delete from quater_lock");
    };
    expect(codeOf(await refunds(desk, { order: "a", cents: 1 }))).toBe("lock_lost");
    expect([refunded.size, (await desk.record(id)).state]).toEqual([0, "approved"]);
  });

  claim(
    "S4: when the row of a lock is deleted while the handler runs, the end of the call writes a log line",
    async ({ boot }) => {
      reset();
      const desk = await boot(deskOf({ lock: byOrder }));
      const lost = () => desk.app.log.filter(({ message }) => message.startsWith("The lock order was lost"));
      expect(codeOf(await fees(desk, { id: "a", cents: 1 }))).toBe("ok");
      expect(lost()).toEqual([]);
      const slow = fees(desk, { id: "a", cents: 1, slowMs: 300 });
      await until(() => running === 1);
      await desk.sql("delete from quater_lock");
      expect(codeOf(await slow)).toBe("ok");
      await until(() => lost().length > 0);
      expect(lost()).toMatchObject([{ level: "error" }]);
    },
  );
});
