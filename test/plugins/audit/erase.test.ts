// `quater audit erase`: who may run it, what it takes away, and what stays.

import { expect } from "vitest";
import { onBothStores } from "./stores-kit.ts";

const json = (text: string) => JSON.parse(text) as Record<string, unknown>;
const erase = (...words: readonly string[]) => ["audit", "erase", "--reason", "asked by letter 17", ...words];
/** `count`'s argument as it stands in a body. The number alone may also stand in a hash. */
const argument = 'n\\":4711';

onBothStores((claim) => {
  claim("O8: audit erase needs the scope audit:erase and a reason, and refuses agents", async (make) => {
    using desk = make();
    await desk.run(["run", "note", "--to", "Olga Petrova", "--cents", "5"]);
    const byAna = await desk.run(erase("--person", "ana"));
    expect([byAna.code, byAna.out]).toEqual([77, ""]);
    expect(byAna.err).toContain("audit:erase");
    expect(byAna.err).toContain("localUser");
    expect((await desk.run(erase("--person", "ana"), "bea")).code).toBe(77);
    const byRobot = await desk.run(erase("--person", "ana"), "robot");
    expect([byRobot.code, byRobot.err]).toEqual([77, expect.stringContaining("An agent may not erase data")]);
    expect((await desk.run(["audit", "erase", "--person", "ana"], "root")).code).toBe(65);
    expect((await desk.run(["audit", "erase", "--reason", "everything"], "root")).code).toBe(65);
    expect(await desk.everything()).toContain("Olga Petrova");
    const refused = (await desk.run(["audit", "show", "--outcome", "missing_scope"])).out;
    expect(json(refused.split("\n")[0] ?? "")).toMatchObject({ type: "call.refused", detail: { command: "audit erase" } });
  });

  claim("O8: audit erase removes a person from the trail and from approval requests, and the trail stays whole", async (make) => {
    using desk = make();
    await desk.run(["run", "note", "--to", "Olga Petrova", "--cents", "5"]);
    await desk.run(["run", "count", "--n", "4711"]);
    const used = await desk.file("Olga Petrova", 7);
    await desk.approve(used);
    expect((await desk.pay("Olga Petrova", 7)).code).toBe(0);
    const denied = await desk.file("Olga Petrova", 8);
    await desk.approve(denied, "deny", "Olga Petrova moved away");
    const pending = await desk.file("Olga Petrova", 9);
    const approved = await desk.file("Olga Petrova", 10);
    await desk.approve(approved);
    const sealed = await desk.file("Olga Petrova", 11, "gift");
    expect(await desk.everything()).toContain("Olga Petrova");
    const before = json((await desk.run(["audit", "verify"])).out);

    const { code, out, err } = await desk.run(erase("--person", "ANA"), "root");
    expect([code, err]).toEqual([0, ""]);
    expect(json(out)).toMatchObject({
      erasedRequests: 5,
      cancelledRequests: 3,
      erasedReasons: 1,
      bodiesWithoutPersonalFields: 1,
    });
    const left = await desk.everything();
    expect(left).not.toContain("Olga Petrova");
    // What is not personal stays: arguments of count, and the amounts.
    expect(left).toContain(argument);
    const rows = await desk.sql<{
      id: string;
      requester: string;
      args: string;
      preview: string | null;
      nonce: string;
      state: string;
    }>(`select * from ${desk.url === undefined ? "" : "quater."}approval_request`);
    for (const row of rows) {
      expect(JSON.parse(row.requester)).toEqual({ credential: "erased", issuer: "erased", kind: "operator", subject: "erased" });
      if (row.id === sealed) expect(row.args).toMatch(/^sealed\./);
      else expect(JSON.parse(row.args)).toMatchObject({ to: "[erased]", cents: expect.any(Number) as number });
      expect([row.preview, row.nonce]).toEqual([null, "erased"]);
    }
    const states = Object.fromEntries((await desk.requests()).map(({ id, state, erased }) => [id, [state, erased]]));
    expect(states).toMatchObject({
      [used]: ["consumed", true],
      [denied]: ["denied", true],
      [pending]: ["cancelled", true],
      [approved]: ["cancelled", true],
    });
    const shown = await desk.run(["approvals", "show", sealed, "--key-file", "bea.key"], undefined, { isTerminal: true });
    expect(shown.out).toContain("[erased]");
    expect(await desk.request(used)).toMatchObject({ stateInWords: "used, succeeded, erased" });

    const verified = await desk.run(["audit", "verify"]);
    expect(verified.code).toBe(0);
    expect(json(verified.out)).toMatchObject({ isWhole: true, erasedBodies: json(out)["erasedBodies"] });
    expect(before).toMatchObject({ erasedBodies: 0 });
    const events = (await desk.run(["audit", "tail", "--lines", "40"])).out.split("\n").filter(Boolean).map(json);
    const [record] = events.filter(({ type }) => type === "audit.erased");
    expect(record).toMatchObject({
      principal: { person: "root" },
      detail: { reason: "asked by letter 17", approvals: expect.arrayContaining([used, pending]) as string[] },
    });
    expect(JSON.stringify(record)).not.toContain("ana");
    expect(events.filter(({ type }) => type === "approval.cancelled").map(({ approvalId }) => approvalId)).toHaveLength(
      json(out)["cancelledRequests"] as number,
    );
    // The principal in the part that stays is not erased.
    expect(left).toContain('"person\\\\":\\\\"ana\\\\"'.replaceAll("\\\\", "\\"));
    // Nothing is left to erase, and what was approved does not run.
    expect(json((await desk.run(erase("--person", "ana"), "root")).out)).toMatchObject({ erasedBodies: 0, erasedRequests: 0 });
    expect((await desk.pay("Olga Petrova", 10)).code).not.toBe(0);
    expect(desk.done).toEqual(["Olga Petrova 5", "Olga Petrova 7"]);
  });

  claim("O8: audit erase removes the reasons that a voter wrote, and keeps the votes", async (make) => {
    using desk = make();
    const denied = await desk.file("Olga Petrova", 8);
    await desk.approve(denied, "deny", "I know her brother");
    expect(json((await desk.run(erase("--person", "bea"), "root")).out)).toMatchObject({ erasedRequests: 0, erasedReasons: 1 });
    expect(await desk.everything()).not.toContain("I know her brother");
    expect(await desk.request(denied)).toMatchObject({ state: "denied", votes: [{ verdict: "deny", person: { text: "bea" } }] });
    expect((await desk.run(["audit", "verify"])).code).toBe(0);
  });

  claim("O8: audit erase --call erases one call and its approval request", async (make) => {
    using desk = make();
    const id = await desk.file("Olga Petrova", 7);
    await desk.approve(id, "approve", "she asked me");
    await desk.pay("Olga Petrova", 7);
    await desk.file("Igor Petrov", 8);
    const [{ used_call } = { used_call: "" }] = await desk.sql<{ used_call: string }>(
      `select used_call from ${desk.url === undefined ? "" : "quater."}approval_request where id = '${id}'`,
    );
    const { code, out } = await desk.run(erase("--call", used_call), "root");
    expect([code, json(out)]).toMatchObject([0, { erasedRequests: 1, cancelledRequests: 0, erasedReasons: 1 }]);
    const left = await desk.everything();
    expect(left).not.toContain("Olga Petrova");
    expect(left).not.toContain("she asked me");
    expect(left).toContain("Igor Petrov");
    expect((await desk.run(["audit", "verify"])).code).toBe(0);
  });

  claim("O8: audit erase --whole removes all arguments, also of handlers without personal() fields", async (make) => {
    using desk = make();
    await desk.run(["run", "count", "--n", "4711"]);
    expect(await desk.everything()).toContain(argument);
    const id = await desk.file("Olga Petrova", 7);
    expect((await desk.run(erase("--person", "ana", "--whole"), "root")).code).toBe(0);
    expect(await desk.everything()).not.toContain(argument);
    expect(await desk.request(id)).toMatchObject({ state: "cancelled", arguments: { rows: [{ type: "empty object" }] } });
    expect((await desk.run(["audit", "verify"])).code).toBe(0);
  });

  const table = (desk: { url: string | undefined }, name: string) => (desk.url === undefined ? name : `quater.${name}`);

  claim(
    "O8: audit erase neither erases nor copies events that do not verify, and prints that these events remain",
    async (make) => {
      using desk = make();
      await desk.run(["run", "note", "--to", "Olga Petrova", "--cents", "5"]);
      await desk.run(["run", "note", "--to", "Igor", "--cents", "6"], "bea");
      await desk.run(["run", "note", "--to", "Oleg", "--cents", "7"]);
      const events = table(desk, "audit_event");
      const rows = await desk.sql<{ seq: number; body: string; meta: string }>(
        `select seq, body, meta from ${events} where body is not null and type = 'call.started' order by seq`,
      );
      const [olga, igor] = rows;
      await desk.sql(`update ${events} set body = replace(body, '5', '999999') where seq = ${olga?.seq}`);
      await desk.sql(`update ${events} set meta = replace(meta, '"person":"bea"', '"person":"ana"') where seq = ${igor?.seq}`);
      const { code, out, err } = await desk.run(erase("--person", "ana"), "root");
      expect([code, json(out)]).toMatchObject([1, { unverifiedEvents: 2 }]);
      expect(err).toContain("do not verify, so Quater did not erase them. Run `quater audit verify`");
      const left = await desk.sql<{ seq: number; type: string; body: string }>(
        `select seq, type, body from ${events} where body is not null`,
      );
      expect(
        left
          .filter(({ type }) => type === "audit.erased")
          .map(({ body }) => body)
          .join(),
      ).not.toContain("999999");
      expect(left.map(({ seq }) => Number(seq))).toContain(Number(igor?.seq));
      expect(JSON.stringify(left)).not.toContain("Oleg");
      await desk.sql(`update ${events} set meta = '${igor?.meta}' where seq = ${igor?.seq}`);
      const verified = json((await desk.run(["audit", "verify"])).out);
      expect(verified).toMatchObject({ damage: [{ kind: "altered", seq: Number(olga?.seq) }] });
      // Restored from a copy, the event is erased as well.
      await desk.sql(`update ${events} set body = '${olga?.body}' where seq = ${olga?.seq}`);
      expect((await desk.run(erase("--person", "ana"), "root")).code).toBe(0);
      expect(await desk.everything()).not.toContain("Olga Petrova");
      expect((await desk.run(["audit", "verify"])).code).toBe(0);
    },
  );

  claim("O8: audit erase does not count an event body that somebody put back after an earlier erasure", async (make) => {
    using desk = make();
    await desk.run(["run", "note", "--to", "Olga Petrova", "--cents", "5"]);
    const events = table(desk, "audit_event");
    const [row] = await desk.sql<{ seq: number; body: string; salt: string }>(
      `select seq, body, salt from ${events} where body is not null and type = 'call.started'`,
    );
    expect((await desk.run(erase("--person", "ana"), "root")).code).toBe(0);
    await desk.sql(`update ${events} set body = '${row?.body}', salt = '${row?.salt}' where seq = ${row?.seq}`);
    expect(await desk.run(erase("--person", "ana"), "root")).toMatchObject({ code: 1 });
    expect(json((await desk.run(["audit", "verify"])).out)).toMatchObject({
      damage: [{ kind: "altered", seq: Number(row?.seq) }],
    });
  });

  claim(
    "O8: audit erase finds the person of an approval request in the event of the filing, not in the request row",
    async (make) => {
      using desk = make();
      const id = await desk.file("Olga Petrova", 7);
      const requests = table(desk, "approval_request");
      const [{ requester } = { requester: "" }] = await desk.sql<{ requester: string }>(
        `select requester from ${requests} where id = '${id}'`,
      );
      await desk.sql(`update ${requests} set requester = '${requester.replaceAll('"ana"', '"igor"')}' where id = '${id}'`);
      expect(json((await desk.run(erase("--person", "igor"), "root")).out)).toMatchObject({ erasedRequests: 0, erasedBodies: 0 });
      expect(await desk.everything()).toContain("Olga Petrova");
      const planted = `apr_${"a".repeat(20)}`;
      const columns = await desk.sql<Record<string, unknown>>(`select * from ${requests} where id = '${id}'`);
      const names = Object.keys(columns[0] ?? {}).filter((name) => !["id", "call_key"].includes(name));
      await desk.sql(
        `insert into ${requests} (id, call_key, ${names.join(", ")}) select '${planted}', 'x', ${names.join(", ")} from ${requests}`,
      );
      const { code, out } = await desk.run(erase("--person", "igor"), "root");
      expect([code, json(out)]).toMatchObject([1, { erasedRequests: 0, unprovenRequests: 1 }]);
      await desk.sql(`delete from ${requests} where id = '${planted}'`);
      expect(json((await desk.run(erase("--person", "ana"), "root")).out)).toMatchObject({
        erasedRequests: 1,
        cancelledRequests: 1,
      });
      expect(await desk.everything()).not.toContain("Olga Petrova");
      expect((await desk.run(["audit", "verify"])).code).toBe(0);
    },
  );

  claim("O8: audit erase also erases an approval request whose row is falsely marked as erased", async (make) => {
    using desk = make();
    const id = await desk.file("Olga Petrova", 7);
    await desk.approve(id, "approve", "she asked me");
    await desk.pay("Olga Petrova", 7);
    const requests = table(desk, "approval_request");
    const mark = () => desk.sql(`update ${requests} set nonce = 'erased', like_key = null where id = '${id}'`);
    await mark();
    const erased = await desk.run(erase("--person", "ana"), "root");
    expect([erased.code, json(erased.out)]).toMatchObject([0, { erasedRequests: 1, erasedReasons: 1 }]);
    expect(await desk.everything()).not.toContain("Olga Petrova");
    expect(await desk.everything()).not.toContain("she asked me");
    const again = async () => json((await desk.run(erase("--person", "ana"), "root")).out);
    expect(await again()).toEqual({ erasedBodies: 0, erasedRequests: 0, cancelledRequests: 0, erasedReasons: 0 });
    // Put back from a copy, and marked.
    await desk.sql(`update ${requests} set requester = replace(requester, 'erased', 'ana'), preview = '{}' where id = '${id}'`);
    expect(await again()).toMatchObject({ erasedRequests: 1 });
    expect(await again()).toMatchObject({ erasedRequests: 0 });
    expect((await desk.run(["audit", "verify"])).code).toBe(0);
  });

  claim(
    "O8: audit erase removes the event bodies of an approval request even after the request row was deleted",
    async (make) => {
      using desk = make();
      const id = await desk.file("Olga Petrova", 7);
      await desk.approve(id, "approve", "she asked me");
      await desk.sql(`delete from ${table(desk, "approval_vote")}`);
      await desk.sql(`delete from ${table(desk, "approval_request")} where id = '${id}'`);
      expect((await desk.run(erase("--person", "ana"), "root")).code).toBe(0);
      expect(await desk.everything()).not.toContain("she asked me");
      expect(await desk.everything()).not.toContain("Olga Petrova");
    },
  );
});
