// An attacker who can write to the store and has no keys inserts one row in a table of the trail. Errors and logs name the row,
// the row stops only operations that need the row, and no loop reads the row forever.

import { join } from "node:path";
import { auditRef } from "quater/audit";
import { storeRef } from "quater/store";
import { expect } from "vitest";
import { kernelOf } from "../../../core/testing/kernel-of.ts";
import { storeSource } from "../../../plugins/audit/verify/source.ts";
import { sentTo } from "../../../plugins/audit/verify/verify-sinks.ts";
import { verifySource } from "../../../plugins/audit/verify/verify-source.ts";
import { onBothDialects } from "../approval/dialects-kit.ts";
import { codeOf, type Desk, people } from "../approval/kit.ts";
import { onBothStores } from "./stores-kit.ts";

const { robot, ana } = people;
const columns = "chain, seq, at, type, call_id, meta, body, salt, body_hash, hash";

const plantEvent = (desk: Desk, seq: string, { chain = "1", type = "'x.y'", meta = "'{}'" } = {}) =>
  desk.sql(`insert into audit_event (${columns}) values (${chain}, ${seq}, 1, ${type}, '', ${meta}, null, null, 'a', 'b')`);

const storeOf = (desk: Desk) => desk.app.services.get(storeRef).open();

/** Of one state of the store: the desk still writes. */
const damageOf = async (desk: Desk, root: string) => {
  const keyFile = join(root, ".quater/trail-keys.json");
  return (await (await storeOf(desk)).snapshot((at) => verifySource(storeSource(at), { keyFile })))?.damage;
};

const errors = (desk: Desk) => desk.app.log.filter(({ level }) => level === "error").map(({ message }) => message);

const commandOf = (desk: Desk, path: string) => {
  const found = kernelOf(desk.app).commands.find((command) => command.path.join(" ") === path);
  if (found === undefined) throw new Error(`There is no command ${path}`);
  return found;
};

const end = async (desk: Desk): Promise<number> =>
  Number(((await desk.sql("select seq from audit_head"))[0] as { seq: number }).seq);

onBothDialects((claim, dialect) => {
  claim(
    "the regular maintenance removes the row of a dead process also when its lease has an invalid time, and logs a damaged row once",
    async ({ boot }) => {
      const desk = await boot();
      await desk.file(robot);
      const insert = "insert into audit_instance (instance, lease_until, floor_seq) values";
      await desk.sql(`${insert} ('far', -9007199254740993, 0), ('least', -9223372036854775807, 0)`);
      await desk.sql(`${insert} ('floor', 1, 9223372036854775807)`);
      if (dialect === "sqlite") await desk.sql(`${insert} (cast(x'ff' as text), 1, 0), ('text', 1, 'x')`);
      const { sweepLost } = desk.app.services.get(auditRef);
      for (let time = 0; time < 3; time++) expect(await sweepLost()).toBe(0);
      const left = await desk.sql("select instance from audit_instance where lease_until < 1000");
      expect(left).toHaveLength(dialect === "sqlite" ? 1 : 0);
      const named = desk.app.log.filter(({ level }) => level === "error").map((line) => JSON.stringify(line));
      expect(
        named.filter((text) => text.includes("The row of process floor in audit_instance had the invalid floor_seq")),
      ).toHaveLength(1);
      if (dialect === "sqlite") expect(named.join()).toContain("has a process name that is not text");
      expect(codeOf(await desk.call(ana, { cents: 9 }))).toBe("approval_required");
    },
  );

  claim(
    "boot and audit verify report an event row with a number far after the end of the trail, and calls continue",
    async ({ boot, again, root }) => {
      const desk = await boot();
      await desk.file(robot);
      await desk.app.stop();
      const more = await again();
      await plantEvent(more, "9007199254740990");
      const last = await end(more);
      const two = await again();
      expect(codeOf(await two.call(ana, { cents: 1 }))).toBe("approval_required");
      expect(errors(two).filter((message) => message.includes("has a row with the higher number 9007199254740990"))).toHaveLength(
        1,
      );
      expect(two.app.services.get(storeRef).isFenced).toBe(false);
      expect(await end(two)).toBeGreaterThan(last);
      expect(await damageOf(two, root)).toMatchObject([{ kind: "orphan", seq: 9_007_199_254_740_990 }]);
    },
  );

  claim(
    "quater audit tail --follow prints an event row with a number after the end of the trail once, and then prints new events",
    async ({ boot }) => {
      const desk = await boot();
      await desk.file(robot);
      await plantEvent(desk, "9007199254740990");
      const interrupt = new AbortController();
      const seen: number[] = [];
      let told: () => void = () => undefined;
      const isShown = (seq: number) =>
        new Promise<void>((done) => {
          told = () => seen.includes(seq) && done();
          told();
        });
      const io = {
        write: (text: string) => {
          seen.push((JSON.parse(text) as { seq: number }).seq);
          told();
        },
        show: () => undefined,
        say: () => undefined,
        isTerminal: false,
        isJson: true,
        signal: interrupt.signal,
      };
      const following = commandOf(desk, "audit tail").run({ lines: 2, follow: true } as never, io as never);
      await isShown(9_007_199_254_740_990);
      await desk.file(ana, { cents: 2 });
      await isShown(await end(desk));
      interrupt.abort();
      await following;
      expect(seen.filter((seq) => seq === 9_007_199_254_740_990)).toHaveLength(1);
      expect(new Set(seen).size).toBe(seen.length);
    },
  );

  claim("audit verify reports an event row whose number JavaScript would round as an orphan", async ({ boot, root }) => {
    const desk = await boot({ mode: "run" });
    await desk.file(robot);
    for (const type of ["approval.voted", "approval.revoked", "audit.erased", "approval.used", "audit.checkpoint"])
      for (const seq of ["9007199254740993", "-9007199254740993", "9223372036854775807"]) {
        await plantEvent(desk, seq, { type: `'${type}'` });
        const damage = (await damageOf(desk, root)) ?? [];
        expect(damage, `${type} ${seq}`).toMatchObject([{ kind: "orphan", what: expect.stringContaining(seq) as string }]);
        const io = { write: () => undefined, say: () => undefined, isJson: true, signal: new AbortController().signal };
        const run = (path: string, given: object) => commandOf(desk, path).run(given as never, io as never);
        expect(await run("audit show", { since: "1h" }), `${type} ${seq}`).toBe(0);
        expect(await run("audit tail", { lines: 5, follow: false }), `${type} ${seq}`).toBe(0);
        await desk.sql(`delete from audit_event where seq = ${seq}`);
      }
    expect(codeOf(await desk.call(ana, { cents: 1 }))).toBe("approval_required");
  });

  if (dialect === "postgres") return;

  claim("audit verify reports an event row with bytes that are not text, and continues", async ({ boot, root }) => {
    const desk = await boot({ mode: "run" });
    await desk.file(robot);
    const invalid = ["cast(x'ff' as text)", "x'ff'", "'z' || char(0)"];
    await plantEvent(desk, "1", { chain: "2", type: invalid[0], meta: invalid[0] });
    expect(await damageOf(desk, root)).toMatchObject([{ kind: "orphan" }]);
    await desk.sql("delete from audit_event where chain = 2");
    await desk.sql("insert into audit_sink (name, size, at) values (cast(x'ff' as text), 'x', 1)");
    expect((await sentTo(await storeOf(desk))).size).toBe(0);
    for (const table of ["audit_head", "audit_event"]) {
      const [row] = (await desk.sql(`select * from ${table} order by seq desc limit 1`)) as [Readonly<Record<string, unknown>>];
      const cells = Object.keys(row).filter((name) => name !== "chain");
      for (const name of cells)
        for (const value of invalid) {
          const said = `${table}.${name} ${value}`;
          await desk.sql(`update ${table} set ${name} = ${value} where rowid = (select max(rowid) from ${table})`);
          const damage = (await damageOf(desk, root)) ?? [];
          // The columns beside the MAC are covered by it, and those of an event by its hash or its meta.
          expect(damage.length, said).toBeGreaterThan(0);
          await desk.sql(`update ${table} set ${name} = ? where rowid = (select max(rowid) from ${table})`, row[name]);
        }
      expect(await damageOf(desk, root), table).toEqual([]);
    }
  });

  claim(
    "boot fails when the row audit_head has bytes that are not text, and the message names the row",
    async ({ boot, again }) => {
      const desk = await boot();
      await desk.file(robot);
      const [head] = (await desk.sql("select * from audit_head")) as [Readonly<Record<string, unknown>>];
      await desk.app.stop();
      const other = await again({ mode: "run" });
      for (const name of ["hash", "mac", "genesis", "floor_hash", "approval_hash", "seq", "format"]) {
        await other.sql(`update audit_head set ${name} = cast(x'ff' as text)`);
        await expect(again(), name).rejects.toThrow(
          /record of the trail's end \(audit_head\) was not written by Quater|first record of the trail/,
        );
        await other.sql(`update audit_head set ${name} = ?`, head[name]);
      }
      await (await again()).app.stop();
    },
  );
});

onBothStores((claim) => {
  claim("quater audit erase ends even when a vote in the trail has a number that JavaScript would round", async (make) => {
    using desk = make();
    await desk.file("Olga", 7);
    const table = desk.url === undefined ? "audit_event" : "quater.audit_event";
    await desk.sql(
      `insert into ${table} (${columns}) values (1, 9007199254740993, 1, 'approval.voted', '', '{}', null, null, 'a', 'b')`,
    );
    const { code, out } = await desk.run(["audit", "erase", "--reason", "r", "--person", "nobody"], "root");
    expect([code, JSON.parse(out)]).toEqual([0, { erasedBodies: 0, erasedRequests: 0, cancelledRequests: 0, erasedReasons: 0 }]);
  });
});
