// When something breaks: the store is held, gone or fenced, the process or the client vanishes, the handler fails. A clear
// error, nothing lost, nothing run that was not agreed to, and an outcome that is never better than what is known.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { authenticated, handler, stream, Type } from "quater";
import { Cancellation } from "quater/plugin-api";
import { storeRef } from "quater/store";
import { expect, vi } from "vitest";
import { full, hold, readOnly } from "./breaking.ts";
import { codeOf, type Desk, idIn, onBothDialects, paid, people } from "./kit.ts";

const { robot, bea } = people;
const soon = { timeout: 15_000, interval: 50 } as const;

/** A handler that ends when it is told to. */
const hanging = () => {
  let started: () => void = () => undefined;
  let release: (how: "return" | "throw") => void = () => undefined;
  const isStarted = new Promise<void>((resolve) => {
    started = resolve;
  });
  const ending = new Promise<"return" | "throw">((resolve) => {
    release = resolve;
  });
  const hang = handler({
    description: "Hang.",
    effect: "write",
    input: Type.Object({}),
    auth: authenticated,
    handle: async () => {
      started();
      if ((await ending) === "throw") throw new Error("It broke");
      return "done";
    },
  });
  return { handlers: { hang }, isStarted, release: (how: "return" | "throw" = "return") => release(how) };
};

const given = { handler: "hang" };
const useOf = async (desk: Desk, id: string) => (await desk.record(id)).use;

onBothDialects(
  (claim, dialect) => {
    claim(
      "while the store is locked, the filing, the votes and the use of an approval get 503 and have no effect",
      async ({ boot, ...place }) => {
        const desk = await boot();
        const pending = await desk.file(robot, { cents: 1 });
        const approved = await desk.approved(robot, { cents: 2 });
        const { digest } = await desk.record(pending);
        const release = await hold(place);
        const [filing, voting, using] = await Promise.all([
          desk.call(robot, { cents: 3 }),
          desk.approvals
            .vote({ principal: bea, via: "api" }, { id: pending, verdict: "approve", digest })
            .catch((error: unknown) => error),
          desk.call(robot, { cents: 2 }),
        ]);
        await release();
        expect(filing).toMatchObject({ error: { code: "audit_unavailable", kind: "unavailable", retryAfterSeconds: 1 } });
        expect(voting).toMatchObject({ code: "audit_unavailable" });
        expect(using).toMatchObject({ error: { code: "audit_unavailable" } });
        expect(paid).toEqual([]);
        // All three work once the store does, and what was used up too late is known never to have run.
        await vi.waitFor(async () => expect(codeOf(await desk.call(robot, { cents: 3 }))).toBe("approval_required"), soon);
        await vi.waitFor(async () => expect((await desk.vote(bea, pending)).state).toBe("approved"), soon);
        const { state, use } = await desk.record(approved);
        if (state === "consumed") expect(use).toMatchObject({ outcome: "failed" });
        const again = await desk.call(robot, { cents: 2 });
        expect(codeOf(again)).toBe(state === "consumed" ? "approval_required" : "ok");
        expect(paid).toHaveLength(state === "consumed" ? 0 : 1);
      },
    );

    claim(
      "Quater records an approval whose use the store committed too late as a call that did not run",
      async ({ boot, ...place }) => {
        const desk = await boot();
        const id = await desk.approved(robot);
        const release = await hold(place);
        const calling = desk.call(robot);
        const { callId } = await calling;
        await release();
        await vi.waitFor(async () => {
          const said = (await desk.events(id)).map(({ type, outcome, errorCode }) => [type, outcome ?? errorCode]);
          const { state, use } = await desk.record(id);
          // Withdrawn in time, or written and owned up to: never used and silent.
          if (state === "approved") expect(said.map(([type]) => type)).not.toContain("approval.used");
          else {
            expect(use).toMatchObject({ callId, outcome: "failed" });
            expect(said.slice(-3)).toEqual([
              ["approval.used", undefined],
              ["call.started", undefined],
              ["call.ended", "refused"],
            ]);
          }
        }, soon);
        expect(paid).toEqual([]);
      },
    );

    claim("an instance with a fenced store refuses calls, votes and reading of approval requests", async ({ boot }) => {
      const desk = await boot();
      const id = await desk.approved(robot);
      const { digest } = await desk.record(id);
      desk.app.services.get(storeRef).fence(new Error("disk I/O error"));
      expect(await desk.call(robot)).toMatchObject({ error: { code: "audit_unavailable", kind: "unavailable" } });
      const vote = desk.approvals.vote({ principal: bea, via: "api" }, { id, verdict: "approve", digest });
      await expect(vote).rejects.toMatchObject({ code: "audit_unavailable" });
      expect(paid).toEqual([]);
    });

    // A file has no server that could go; its fence is the claim above.
    if (dialect === "postgres")
      claim(
        "while the store is unreachable, calls get 503, and Quater loses no approval request and no vote",
        async ({ boot, server }) => {
          if (server === undefined) throw new Error("This PostgreSQL is not ours to stop");
          const desk = await boot();
          const pending = await desk.file(robot, { cents: 1 });
          const approved = await desk.approved(robot, { cents: 2 });
          await server.stop();
          const outcome = await desk.call(robot, { cents: 2 });
          expect(outcome).toMatchObject({ error: { code: "approval_unavailable", kind: "unavailable", retryAfterSeconds: 1 } });
          await expect(desk.status(robot, pending)).rejects.toMatchObject({ code: "approval_unavailable" });
          expect(paid).toEqual([]);
          await server.start();
          await vi.waitFor(async () => expect((await desk.record(approved)).state).toBe("approved"), soon);
          await vi.waitFor(async () => expect(await desk.call(robot, { cents: 2 })).toMatchObject({ ok: true }), soon);
          expect((await desk.record(pending)).state).toBe("pending");
        },
      );

    claim("while the store is read-only, calls get 503, and no approval request changes", async ({ boot, ...place }) => {
      const desk = await boot();
      const id = await desk.approved(robot);
      const mayWrite = await readOnly(desk, place);
      // PostgreSQL has just closed the connections, so a first call can fail earlier, when it looks up the approval.
      for (const input of [{ cents: 9 }, undefined])
        await vi.waitFor(async () => expect(codeOf(await desk.call(robot, input))).toBe("audit_unavailable"), soon);
      expect(paid).toEqual([]);
      await desk.app.stop();
      await mayWrite();
      const after = await boot();
      expect((await after.record(id)).state).toBe("approved");
      expect(await after.sql("select id from approval_request")).toHaveLength(1);
    });

    // A server whose disk is full cannot be had here; the store answers the same failure for it.
    if (dialect === "sqlite")
      claim("on a full disk, calls get 503, and an approval can be used when the disk has space again", async ({ boot }) => {
        const desk = await boot();
        const approved = new Map<number, string>();
        for (let cents = 1; cents <= 16; cents++) approved.set(cents, await desk.approved(robot, { cents }));
        const makeRoom = await full(desk);
        // The last pages have room left for a few uses.
        let refused = 0;
        for (const cents of approved.keys()) {
          const code = codeOf(await desk.call(robot, { cents }));
          if (code === "audit_unavailable") refused = cents;
          if (refused !== 0) break;
          expect(code).toBe("ok");
        }
        expect(refused).toBeGreaterThan(0);
        const before = paid.length;
        expect(before).toBe(refused - 1);
        expect((await desk.record(approved.get(refused) ?? "")).state).toBe("approved");
        await makeRoom();
        await vi.waitFor(async () => expect(await desk.call(robot, { cents: refused })).toMatchObject({ ok: true }), soon);
        expect(paid).toHaveLength(before + 1);
      });

    claim(
      "when the handler of an approved call fails, Quater stores the use of the approval with the outcome failed",
      async ({ boot }) => {
        const { handlers, release } = hanging();
        const desk = await boot({ handlers });
        const id = await desk.approved(robot, {}, given);
        release("throw");
        const { callId } = await desk.call(robot, {}, given);
        expect(await useOf(desk, id)).toMatchObject({ callId, outcome: "failed", endedAt: expect.any(Number) });
        expect(await desk.call(robot, {}, given)).toMatchObject({
          error: { code: "approval_required", details: { approval: { earlier: { id, callId, outcome: "failed" } } } },
        });
      },
    );

    claim(
      "when the client of an approved call leaves, the use of the approval has the outcome unknown until the handler ends",
      async ({ boot }) => {
        const { handlers, isStarted, release } = hanging();
        const desk = await boot({ handlers });
        const id = await desk.approved(robot, {}, given);
        const cancellation = new Cancellation();
        const calling = desk.call(robot, {}, { ...given, cancellation });
        await isStarted;
        expect(await useOf(desk, id)).toMatchObject({ outcome: "running", endedAt: undefined });
        cancellation.cancel();
        await vi.waitFor(async () => expect(await useOf(desk, id)).toMatchObject({ outcome: "unknown" }), soon);
        expect(await desk.call(robot, {}, { ...given, id })).toMatchObject({ error: { code: "approval_used" } });
        release();
        await calling;
        expect(await useOf(desk, id)).toMatchObject({ outcome: "succeeded" });
        expect((await desk.events(id)).map(({ type }) => type).slice(-3)).toEqual(["call.started", "call.unknown", "call.ended"]);
      },
    );

    claim(
      "when the lease of an instance expires, another instance records the open calls with the outcome unknown",
      async ({ boot, again }) => {
        const { handlers, isStarted, release } = hanging();
        const one = await boot({ handlers });
        const id = await one.approved(robot, {}, given);
        const calling = one.call(robot, {}, given);
        await isStarted;
        const two = await again({ handlers, audit: { leaseMs: 300 } });
        await vi.waitFor(async () => {
          await two.sql("update audit_instance set lease_until = 0"); // the first renews its own from time to time
          expect(await useOf(two, id)).toMatchObject({ outcome: "unknown" });
        }, soon);
        expect((await two.events(id)).at(-1)).toMatchObject({ type: "call.unknown", approvalId: id });
        expect(codeOf(await two.call(robot, {}, { ...given, id }))).toBe("approval_used");
        release();
        expect(await calling).toMatchObject({ ok: true });
        expect(await useOf(two, id)).toMatchObject({ outcome: "succeeded" });
      },
    );

    claim(
      "an approved call has the outcome unknown and does not run again after its process was killed during the call",
      async ({ boot, root, url }) => {
        const child = childAt(root, url);
        const id = await said(child, "started");
        child.kill("SIGKILL");
        await once(child, "exit");
        const desk = await boot({ handlers: hanging().handlers, audit: { leaseMs: 500 } });
        await vi.waitFor(async () => expect(await useOf(desk, id)).toMatchObject({ outcome: "unknown" }), soon);
        const types = (await desk.events(id)).map(({ type }) => type);
        expect(types.filter((type) => type === "call.started")).toHaveLength(1);
        expect(types.at(-1)).toBe("call.unknown");
        const next = await desk.call(robot, {}, given);
        expect(next).toMatchObject({
          error: { code: "approval_required", details: { approval: { earlier: { id, outcome: "unknown" } } } },
        });
        expect(idIn(next)).not.toBe(id);
      },
    );

    claim(
      "quater run records calls of ended processes as ended before quater run reports that an earlier call still runs",
      async ({ boot, again }) => {
        const { handlers, isStarted, release } = hanging();
        const one = await boot({ handlers });
        const id = await one.approved(robot, {}, given);
        const calling = one.call(robot, {}, given);
        await isStarted;
        const run = await again({ handlers, mode: "run" });
        expect(await run.call(robot, {}, { ...given, id })).toMatchObject({
          error: { code: "approval_used", details: { approval: { usedBy: { outcome: "running" } } } },
        });
        await run.sql("update audit_instance set lease_until = 0");
        expect(await run.call(robot, {}, { ...given, id })).toMatchObject({
          error: { code: "approval_used", details: { approval: { usedBy: { outcome: "unknown" } } } },
        });
        release();
        await calling;
      },
    );

    claim(
      "a stream uses its approval before the first item, and Quater records the outcome after the last item",
      async ({ boot }) => {
        const count = handler({
          description: "Count.",
          effect: "write",
          input: Type.Object({ to: Type.Integer(), breaks: Type.Boolean() }),
          output: stream(Type.Integer()),
          auth: authenticated,
          async *handle({ to, breaks }) {
            for (let n = 1; n <= to; n++) yield n;
            if (breaks) throw new Error("It broke");
          },
        });
        const desk = await boot({ handlers: { count } });
        for (const breaks of [false, true]) {
          const input = { to: 2, breaks };
          const id = await desk.approved(robot, input, { handler: "count" });
          const outcome = await desk.call(robot, input, { handler: "count" });
          const items = (outcome.ok ? outcome.value : undefined) as AsyncIterable<number>;
          const seen: unknown[] = [];
          const reading = (async () => {
            for await (const item of items) seen.push([item, (await useOf(desk, id))?.outcome]);
          })();
          if (breaks) await expect(reading).rejects.toMatchObject({ code: "internal" });
          else await reading;
          expect(seen).toEqual([
            [1, "running"],
            [2, "running"],
          ]);
          expect(await useOf(desk, id)).toMatchObject({ outcome: breaks ? "failed" : "succeeded" });
        }
      },
    );

    claim(
      "an approved call whose end Quater cannot record gets outcome_unrecorded, and Quater records the end later",
      async ({ boot, ...place }) => {
        const { handlers, isStarted, release } = hanging();
        const desk = await boot({ handlers });
        const id = await desk.approved(robot, {}, given);
        const calling = desk.call(robot, {}, given);
        await isStarted;
        const letGo = await hold(place);
        release();
        expect(await calling).toMatchObject({ error: { code: "outcome_unrecorded", kind: "outcome_unknown" } });
        expect(codeOf(await desk.call(robot, {}, { ...given, id }))).toBe("approval_used");
        await letGo();
        await vi.waitFor(async () => expect(await useOf(desk, id)).toMatchObject({ outcome: "succeeded" }), soon);
      },
    );

    claim(
      "a notify function that throws has no effect on approval requests, and does not receive the arguments of the call",
      async ({ boot }) => {
        const told: object[] = [];
        const desk = await boot({
          approval: {
            notify: [
              (notice) => void told.push(notice),
              () => {
                throw new Error("The chat is down");
              },
            ],
          },
        });
        const id = await desk.approved(robot);
        expect(await desk.call(robot)).toMatchObject({ ok: true });
        const about = { id, app: "test", handler: "pay", policy: "finance" };
        expect(told).toEqual([
          { type: "approval.filed", ...about },
          { type: "approval.approved", ...about },
          { type: "approval.used", ...about },
        ]);
      },
    );
  },
  { hasOwnServer: true },
);

const childAt = (root: string, url: string | undefined): ChildProcess =>
  spawn(
    process.execPath,
    ["-C", "quater-source", "--import", "tsx", fileURLToPath(new URL("./crash-child.ts", import.meta.url)), root, url ?? ""],
    { stdio: ["ignore", "pipe", "inherit"] },
  );

/** Waits for a line `word rest`. @returns The rest. */
const said = (child: ChildProcess, word: string): Promise<string> =>
  new Promise((resolve, reject) => {
    let text = "";
    child.stdout?.on("data", (part: Buffer) => {
      text += String(part);
      const found = new RegExp(`^${word} (.*)$`, "m").exec(text);
      if (found?.[1] !== undefined) resolve(found[1]);
    });
    child.once("exit", () => reject(new Error(`The child ended, and said: ${text}`)));
  });
