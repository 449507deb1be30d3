// A store that was set back: by restoring a dump, or by promoting a stale standby. The sinks attest what it lost.

import { appendFileSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { ProjectDesk } from "./desk-kit.ts";
import { onBothStores } from "./stores-kit.ts";

const json = (text: string) => JSON.parse(text) as Record<string, unknown>;
const restored = (desk: ProjectDesk) => desk.run(["store", "restored", "--reason", "disk of db1 failed"]);
const verify = (desk: ProjectDesk) => desk.run(["audit", "verify"]);

const linesOf = (desk: ProjectDesk) => readFileSync(desk.sinkFile, "utf8").split("\n").filter(Boolean);
const highest = (desk: ProjectDesk) => Math.max(...linesOf(desk).map((line) => Number(json(line)["size"] ?? json(line)["seq"])));

const expectGap = async (desk: ProjectDesk) => {
  const { code, err } = await verify(desk);
  expect([code, err]).toEqual([4, expect.stringContaining("The trail has a gap")]);
  expect(err).not.toContain("whole");
};

/** Starts a server, and stops it once it listens. Returns what it said when it did not. */
const served = async (desk: ProjectDesk): Promise<{ readonly isUp: boolean; readonly err: string; readonly code: number }> => {
  const server = desk.serve();
  const isUp = await server.isUp;
  server.stop();
  return { isUp, ...(await server.ended) };
};

onBothStores((claim) => {
  claim("S19: a backup from before an approval was used does not boot, and the approval does not run twice", async (make) => {
    using desk = make();
    const id = await desk.file("Olga", 7);
    await desk.approve(id);
    const dump = await desk.dump();
    expect((await desk.pay("Olga", 7)).code).toBe(0);
    await desk.restore(dump);

    const again = await desk.run(["run", "pay", "--to", "Olga", "--cents", "7"], undefined, { isTerminal: true });
    expect(again.code).not.toBe(0);
    expect(again.err).toContain("The store was replaced by an old copy");
    const boot = await served(desk);
    expect([boot.isUp, boot.code]).toEqual([false, 78]);
    expect(boot.err).toMatch(/sink\.jsonl has \d+ events, but the trail of the store ends at event \d+/);
    expect(boot.err).toContain("quater store restored --reason");
    expect(desk.done).toEqual(["Olga 7"]);
  });

  claim(
    "S19: quater store restored voids open requests and keeps used approvals used, and audit verify then exits with 4",
    async (make) => {
      using desk = make();
      const used = await desk.file("Olga", 7);
      await desk.approve(used);
      const denied = await desk.file("Igor", 8);
      const open = await desk.file("Nina", 9);
      const finished = await desk.file("Boris", 6);
      await desk.approve(finished, "deny");
      const dump = await desk.dump();
      await desk.pay("Olga", 7);
      await desk.approve(denied, "deny", "no");
      await desk.restore(dump);

      const { code, out, err } = await restored(desk);
      expect([code, json(out)]).toMatchObject([0, { voidedRequests: 2, usedRequests: 1, lostUses: [{ approvalId: used }] }]);
      expect(err).toMatch(/Events \d+ to \d+ are lost/);
      expect(await desk.request(used)).toMatchObject({ state: "consumed", stateInWords: "used, outcome unknown" });
      for (const id of [denied, open]) expect(await desk.request(id)).toMatchObject({ state: "expired" });
      expect(await desk.request(finished)).toMatchObject({ state: "denied" });
      // The denied request cannot be approved any more.
      expect((await desk.approve(denied)).code).not.toBe(0);
      expect((await desk.approve(open)).code).not.toBe(0);
      expect((await desk.pay("Olga", 7)).code).not.toBe(0);
      expect(desk.done).toEqual(["Olga 7"]);

      const verified = await verify(desk);
      expect([verified.code, verified.err]).toEqual([4, expect.not.stringContaining("whole")]);
      expect(verified.err).toMatch(/The trail has a gap: \d+ events, \d+ to \d+, were lost in a restore/);
      expect(json(verified.out)).toMatchObject({ isWhole: false, damageCount: 0 });
    },
  );

  claim("S19: after quater store restored, Quater does not use the numbers of lost events again", async (make) => {
    using desk = make();
    await desk.run(["run", "note", "--to", "Olga", "--cents", "1"]);
    const dump = await desk.dump();
    await desk.run(["run", "note", "--to", "Olga", "--cents", "2"]);
    const attested = highest(desk);
    await desk.restore(dump);
    const done = json((await restored(desk)).out);
    expect(done).toMatchObject({ event: attested + 1, missing: { through: attested } });
    const [event] = (await desk.run(["audit", "tail", "--lines", "20"])).out
      .split("\n")
      .filter(Boolean)
      .map(json)
      .filter(({ type }) => type === "store.restored");
    expect(event).toMatchObject({
      seq: attested + 1,
      detail: { reason: "disk of db1 failed", after: { seq: expect.any(Number) as number }, missing: done["missing"] },
    });
    expect(await served(desk)).toMatchObject({ isUp: true });
    expect((await desk.run(["run", "note", "--to", "Olga", "--cents", "3"])).code).toBe(0);
    expect(await served(desk)).toMatchObject({ isUp: true });
    await expectGap(desk);

    // A second restore, from before the first one was acknowledged.
    await desk.restore(dump);
    expect(await served(desk)).toMatchObject({ isUp: false, code: 78 });
    const second = json((await restored(desk)).out);
    expect(second["event"]).toBeGreaterThan(attested + 1);
    expect(await served(desk)).toMatchObject({ isUp: true });
    await expectGap(desk);
  });

  claim("S19: quater store restored refuses while sinks and store agree, and while an instance runs", async (make) => {
    using desk = make();
    await desk.run(["run", "note", "--to", "Olga", "--cents", "1"]);
    const agreed = await restored(desk);
    expect([agreed.out, agreed.err]).toEqual(["", expect.stringContaining("The store and its sinks agree")]);
    expect((await desk.run(["store", "restored"])).code).toBe(65);
    const server = desk.serve();
    expect(await server.isUp).toBe(true);
    await expect
      .poll(async () => (await restored(desk)).err, { timeout: 20_000 })
      .toMatch(/An instance is running. Stop all instances/);
    server.stop();
    await server.ended;
    expect((await verify(desk)).code).toBe(0);
  });

  claim("S19: boot finds by the hash of an event that a restored store already has other events than the sink", async (make) => {
    using desk = make();
    await desk.run(["run", "note", "--to", "Olga", "--cents", "1"]);
    const dump = await desk.dump();
    await desk.run(["run", "note", "--to", "Olga", "--cents", "2"]);
    await desk.restore(dump);
    // Without its sink nothing tells that the store was set back.
    const held = `${desk.sinkFile}.held`;
    renameSync(desk.sinkFile, held);
    writeFileSync(desk.sinkFile, "");
    for (const cents of ["3", "4"]) await desk.run(["run", "note", "--to", "Olga", "--cents", cents]);
    // The lines of both histories are in one file, as instances that share it leave them.
    appendFileSync(held, readFileSync(desk.sinkFile));
    renameSync(held, desk.sinkFile);
    const boot = await served(desk);
    expect([boot.isUp, boot.err]).toEqual([false, expect.stringMatching(/has another event \d+ than the trail of the store/)]);
    expect((await restored(desk)).code).toBe(0);
    expect(await served(desk)).toMatchObject({ isUp: true });
    await expectGap(desk);
  });

  claim("S19: an operator can run quater store restored even when an attacker inserted a process row", async (make) => {
    using desk = make();
    await desk.run(["run", "note", "--to", "Olga", "--cents", "1"]);
    const dump = await desk.dump();
    await desk.run(["run", "note", "--to", "Olga", "--cents", "2"]);
    await desk.restore(dump);
    const prefix = desk.url === undefined ? "" : "quater.";
    for (const [until, text] of [
      ["9999999999999", "2286-11-20T17:46:39.999Z"],
      ["9000000000000000000", "9000000000000000000"],
    ] as const) {
      await desk.sql(`delete from ${prefix}audit_instance`);
      await desk.sql(`insert into ${prefix}audit_instance (instance, lease_until, floor_seq) values ('planted', ${until}, 0)`);
      const refused = await restored(desk);
      expect(refused.code).not.toBe(0);
      expect(refused.err).toContain(`planted until ${text}`);
      expect(refused.err).toContain("--despite-leases");
    }
    expect((await desk.run(["store", "restored", "--reason", "disk", "--despite-leases"])).code).toBe(0);
    expect(await served(desk)).toMatchObject({ isUp: true });
    await expectGap(desk);
  });

  claim("S19: boot finds the newest line of a sink, even when copies of an old line follow this line", async (make) => {
    using desk = make();
    await desk.run(["run", "note", "--to", "Olga", "--cents", "1"]);
    const [old = ""] = linesOf(desk);
    const id = await desk.file("Olga", 7);
    await desk.approve(id);
    const dump = await desk.dump();
    expect((await desk.pay("Olga", 7)).code).toBe(0);
    const attested = highest(desk);
    await desk.restore(dump);
    appendFileSync(desk.sinkFile, `${old}\n`.repeat(300));
    expect(await served(desk)).toMatchObject({ isUp: false, code: 78 });
    expect((await desk.pay("Olga", 7)).code).not.toBe(0);
    expect(json((await restored(desk)).out)).toMatchObject({
      missing: { through: attested },
      usedRequests: 1,
      lostUses: [{ approvalId: id }],
    });
    expect(await served(desk)).toMatchObject({ isUp: true });
    expect(desk.done).toEqual(["Olga 1", "Olga 7"]);
  });

  claim(
    "S19: commands and servers find a used approval in a sink, even when 17 MiB of copied lines follow, and the approval does not run twice",
    async (make) => {
      using desk = make();
      const id = await desk.file("Olga", 7);
      await desk.approve(id);
      const dump = await desk.dump();
      const before = readFileSync(desk.sinkFile, "utf8");
      expect((await desk.pay("Olga", 7)).code).toBe(0);
      await desk.restore(dump);
      appendFileSync(desk.sinkFile, before.repeat(Math.ceil((17 * 1024 * 1024) / before.length)));
      const again = await desk.run(["run", "pay", "--to", "Olga", "--cents", "7"], undefined, { isTerminal: true });
      expect(again.code).not.toBe(0);
      expect(again.err).toContain("The store was replaced by an old copy");
      expect(await served(desk)).toMatchObject({ isUp: false, code: 78 });
      const { code, err } = await verify(desk);
      expect([code, err]).toEqual([3, expect.stringContaining("proves event")]);
      expect(json((await restored(desk)).out)).toMatchObject({ lostUses: [{ approvalId: id }] });
      expect(desk.done).toEqual(["Olga 7"]);
    },
  );

  claim("S19: boot finds the newest line of a sink, even when a copy of the line of an earlier restore follows", async (make) => {
    using desk = make();
    await desk.run(["run", "note", "--to", "Olga", "--cents", "1"]);
    const first = await desk.dump();
    await desk.run(["run", "note", "--to", "Olga", "--cents", "2"]);
    await desk.restore(first);
    expect((await restored(desk)).code).toBe(0);
    const line = linesOf(desk).find((each) => each.includes('"store.restored"')) ?? "";
    const second = await desk.dump();
    await desk.run(["run", "note", "--to", "Olga", "--cents", "3"]);
    await desk.restore(second);
    appendFileSync(desk.sinkFile, `${line}\n`);
    expect(await served(desk)).toMatchObject({ isUp: false, code: 78 });
    expect((await restored(desk)).code).toBe(0);
    expect(await served(desk)).toMatchObject({ isUp: true });
    await expectGap(desk);
  });

  claim("S19: boot reports unsigned and damaged sink lines and continues", async (make) => {
    using desk = make();
    await desk.run(["run", "note", "--to", "Olga", "--cents", "1"]);
    const [line = ""] = linesOf(desk);
    const forged = JSON.stringify({ ...json(line), size: 1_000_000 });
    appendFileSync(desk.sinkFile, `${forged}\nlevel=info something else\n${line.slice(0, 80)}`);
    const boot = await served(desk);
    expect(boot.isUp).toBe(true);
    expect(boot.err).toContain("no key of this project signed");
    expect(boot.err).toMatch(/lines["=: ]+2/);
    // The line that was cut does not swallow the next one.
    const last = readFileSync(desk.sinkFile, "utf8").split("\n").filter(Boolean).at(-1) ?? "";
    expect(json(last)).toMatchObject({ type: "audit.checkpoint" });
  });

  claim("S19: boot refuses a missing or unreadable sink, unless the trail is empty", async (make) => {
    using desk = make();
    // The first event is a read, which signs nothing: the sink is there all the same.
    expect((await desk.run(["audit", "fingerprint"])).code).toBe(0);
    expect((await desk.run(["run", "look"])).code).toBe(0);
    expect(await served(desk)).toMatchObject({ isUp: true });
    rmSync(desk.sinkFile);
    const boot = await served(desk);
    expect([boot.isUp, boot.code]).toEqual([false, 78]);
    expect(boot.err).toMatch(/The sink .*sink\.jsonl does not exist/);
    expect(boot.err).toContain("touch");
    writeFileSync(desk.sinkFile, "");
    expect(await served(desk)).toMatchObject({ isUp: true });
  });

  claim("S19: an instance that reconnects to an older store is fenced, and logs a remedy", async (make) => {
    using desk = make();
    // On SQLite a store that is replaced under a running instance is noticed by its file.
    if (desk.url === undefined) return;
    await desk.run(["run", "note", "--to", "Olga", "--cents", "1"]);
    const dump = await desk.dump();
    const server = desk.serve();
    expect(await server.isUp).toBe(true);
    expect(await desk.post(server, { to: "Olga", cents: 2 })).toBe(200);
    await desk.restore(dump);
    expect(await desk.post(server, { to: "Olga", cents: 3 })).toBe(503);
    const { code, err } = await server.ended;
    expect(code).toBe(74);
    expect(err).toMatch(
      /The store was replaced by an old copy: this process has seen event \d+, but the trail ends at event \d+/,
    );
    expect(err).toContain("quater store restored");
    expect(desk.done).toEqual(["Olga 1", "Olga 2"]);
    expect((await restored(desk)).code).toBe(0);
    expect(await served(desk)).toMatchObject({ isUp: true });
  });

  claim("S19: an idle instance that reconnects to an older store is fenced at its next check of the store", async (make) => {
    using desk = make();
    if (desk.url === undefined) return;
    await desk.run(["run", "note", "--to", "Olga", "--cents", "1"]);
    const dump = await desk.dump();
    const server = desk.serve();
    expect(await server.isUp).toBe(true);
    await expect.poll(async () => (await verify(desk)).out, { timeout: 20_000 }).toContain('"isWhole":true');
    await desk.restore(dump);
    const { code, err } = await server.ended;
    // The look at the schema and the look at the trail race; each of them fences the store.
    expect([code, err]).toEqual([
      74,
      expect.stringMatching(/was replaced by an old copy|was replaced while the store used the schema/),
    ]);
  });

  claim(
    "S19: quater store restored without a sink voids open requests, and the number of lost events is unknown",
    async (make) => {
      using desk = make({ sinks: "[]" });
      const id = await desk.file("Olga", 7);
      await desk.approve(id);
      const dump = await desk.dump();
      await desk.pay("Olga", 7);
      await desk.restore(dump);
      const { code, out, err } = await restored(desk);
      expect([code, json(out)]).toMatchObject([0, { voidedRequests: 1, usedRequests: 0 }]);
      expect(err).toContain("No sink shows how many events were lost");
      expect((await desk.pay("Olga", 7)).code).not.toBe(0);
      const verified = await verify(desk);
      expect([verified.code, verified.err]).toEqual([4, expect.stringContaining("an unknown number of events")]);
    },
  );

  claim("S19: an attacker without the keys can neither run quater store restored nor hide a restore", async (make) => {
    using desk = make();
    await desk.run(["run", "note", "--to", "Olga", "--cents", "1"]);
    const dump = await desk.dump();
    await desk.run(["run", "note", "--to", "Olga", "--cents", "2"]);
    await desk.restore(dump);
    await restored(desk);
    const prefix = desk.url === undefined ? "" : "quater.";
    const [row] = await desk.sql<{ seq: number; meta: string }>(
      `select seq, meta from ${prefix}audit_event where type = 'store.restored'`,
    );
    // A wider gap would explain lines of other events.
    const meta = (row?.meta ?? "").replace(/"from":\d+/, '"from":1');
    await desk.sql(`update ${prefix}audit_event set meta = '${meta}' where seq = ${row?.seq}`);
    const changed = await verify(desk);
    expect([changed.code, changed.out]).toEqual([1, expect.stringContaining('"altered"')]);
    await desk.sql(`delete from ${prefix}audit_event where seq = ${row?.seq}`);
    const deleted = await verify(desk);
    expect([deleted.code, deleted.out]).toEqual([1, expect.stringContaining('"missing"')]);
    expect(await served(desk)).toMatchObject({ isUp: false });
  });

  claim("S19: quater store restored reads sinks of other instances that --against names", async (make) => {
    using desk = make();
    await desk.run(["run", "note", "--to", "Olga", "--cents", "1"]);
    const dump = await desk.dump();
    const own = readFileSync(desk.sinkFile);
    await desk.run(["run", "note", "--to", "Olga", "--cents", "2"]);
    // Only the sink of the other instance has the newer lines.
    renameSync(desk.sinkFile, join(desk.folder, "other.jsonl"));
    writeFileSync(desk.sinkFile, own);
    await desk.restore(dump);
    expect((await restored(desk)).err).toContain("agree");
    const done = await desk.run(["store", "restored", "--reason", "disk", "--against", "other.jsonl"]);
    expect(json(done.out)).toMatchObject({ missing: { from: expect.any(Number) as number } });
  });
});
