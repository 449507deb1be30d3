// S1: the trail is read while others write, erase and prune. A trail that nobody changed must not look damaged.

import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CommandIo } from "quater/plugin-api";
import { expect } from "vitest";
import { verify } from "../../../plugins/audit/commands/command-runs.ts";
import { exportTrail } from "../../../plugins/audit/commands/exporting.ts";
import type { CommandParts } from "../../../plugins/audit/commands/parts.ts";
import { KeyRing } from "../../../plugins/audit/log/key-ring.ts";
import { prune } from "../../../plugins/audit/log/prune.ts";
import { fileSource, verifySource } from "../../../plugins/audit/verify/verify-source.ts";
import type { OpenStore, Reading } from "../../../plugins/store/service.ts";
import { onBothDialects } from "../approval/kit.ts";
import { keyFileIn, storeAt, trailAt } from "./ledger-kit.ts";
import { maintain, trailOf } from "./maintenance-kit.ts";

/** A trail of 2,500 events with bodies, more than two pages. */
const filled = async (root: string, url: string | undefined) => {
  const sink = join(root, "sink.jsonl");
  writeFileSync(sink, "");
  const trail = await trailAt(root, { url });
  const event = { fields: { type: "call.ended" as const, callId: "c" }, body: '{"args":{"n":1}}' };
  for (let n = 0; n < 2_500; n += 50) {
    await trail.ledger.write([{ events: Array.from({ length: 50 }, () => event) }]);
    if (n % 1_000 === 0) appendFileSync(sink, await trail.checkpoint());
  }
  appendFileSync(sink, await trail.checkpoint());
  const { sinkHolds } = trail.ledger.queries;
  const sent = (size: number) => trail.store.apply([sinkHolds(`file:${sink}`, { size, at: 1 })]);
  await sent(trail.ledger.head.seq - 1);
  return { ...trail, sink, sent };
};

/** The same store, with `between` done after the page of that number. */
const interrupted = (store: OpenStore, between: () => Promise<unknown>, page = 1): OpenStore => {
  let pages = 0;
  const reading = <Store extends Reading>(of: Store): Store => ({
    ...of,
    read: async <Row>(query: Parameters<Reading["read"]>[0]): Promise<readonly Row[]> => {
      const rows = await of.read<Row>(query);
      const isPage = "compile" in query ? false : query.sql.includes("string_agg");
      if (isPage && ++pages === page) await between();
      return rows;
    },
  });
  return { ...reading(store), snapshot: (work) => store.snapshot((at) => work(reading(at))) };
};

const spoken = () => {
  const said: string[] = [];
  const io = {
    isJson: false,
    signal: new AbortController().signal,
    write: (text: string) => void said.push(text),
    say: (text: string) => void said.push(text),
  } as unknown as CommandIo;
  return { io, text: () => said.join("") };
};

const partsOf = (store: OpenStore, root: string, sink: string): CommandParts =>
  ({
    store: { isMade: async () => true, open: async () => store },
    keyFile: keyFileIn(root),
    fingerprint: undefined,
    sinkFiles: [sink],
    trail: trailOf(store, new KeyRing(keyFileIn(root)), sink, root),
  }) as unknown as CommandParts;

onBothDialects((claim) => {
  for (const kind of ["erase", "prune"] as const)
    claim(`S1: audit verify and export find a whole trail while ${kind} runs at the same time`, async ({ root, url }) => {
      const { store, sink, close } = await filled(root, url);
      const verified = spoken();
      let done = 0;
      const beside = async () => {
        done += await maintain(kind, root, sink, { url });
      };
      const code = await verify(partsOf(interrupted(store, beside), root, sink), { against: [] }, verified.io);
      expect([code, verified.text()]).toEqual([0, expect.stringContaining("The trail is whole: 2504 events")]);
      expect(done).toBeGreaterThan(1_000);
      await close();
    });

  claim("S1: audit verify accepts an export that ran during an erasure and a removal of old events", async ({ root, url }) => {
    const { store, sink, close } = await filled(root, url);
    const exported = spoken();
    const beside = async () => {
      await maintain("erase", root, sink, { url });
      await maintain("prune", root, sink, { url });
    };
    const parts = partsOf(interrupted(store, beside), root, sink);
    expect(await exportTrail(parts, {}, exported.io)).toBe(0);
    const file = join(root, "export.jsonl");
    writeFileSync(file, exported.text().replace(/Exported events .*\n$/, ""));
    const report = await verifySource(fileSource(file), { keyFile: keyFileIn(root) });
    expect(report).toMatchObject({ isWhole: true, events: 2_504 });
    parts.trail.writer.close();
    await close();
  });

  claim("S1: audit verify finds a checkpoint in the sink that was written while audit verify ran", async ({ root, url }) => {
    const { ledger, store, sink, sent, checkpoint, close } = await filled(root, url);
    const reached = async () => {
      const line = await checkpoint();
      appendFileSync(sink, line);
      await sent(ledger.head.seq - 1);
    };
    const parts = partsOf(store, root, sink);
    const delayed = { ...parts.store, open: () => reached().then(() => store) } as typeof parts.store;
    const { io, text } = spoken();
    expect([await verify({ ...parts, store: delayed }, { against: [] }, io), text()]).toEqual([0, expect.any(String)]);
    // Still said: a sink that lacks a checkpoint, and one that was gone when the verification began.
    const lines = readFileSync(sink, "utf8");
    writeFileSync(sink, lines.split("\n").slice(0, 1).join("\n"));
    expect(await verify(parts, { against: [] }, io)).toBe(3);
    expect(text()).toContain("but Quater wrote a checkpoint of 2504 events to it");
    await close();
  });

  const pruneWith = async (root: string, sink: string, store: OpenStore): Promise<number> => {
    const ring = new KeyRing(keyFileIn(root));
    const trail = trailOf(store, ring, sink, root);
    try {
      await trail.open();
      return await prune({ trail, store, keys: ring.current, sinkFiles: [sink] }, Date.now() + 3_600_000);
    } finally {
      trail.writer.close();
    }
  };
  const whole = async (root: string, url: string | undefined, sink: string) => {
    const { store, close } = await storeAt(root, { url });
    const { io, text } = spoken();
    const code = await verify(partsOf(store, root, sink), { against: [] }, io);
    await close();
    return [code, text()];
  };

  claim(
    "S1: pruning of the trail continues when an event body is erased after pruning has read the event",
    async ({ root, url }) => {
      const { store, sink, close } = await filled(root, url);
      // Three pages and the newest checkpoint tell how far to go. Then the events are read again to be removed.
      const erasing = interrupted(store, () => maintain("erase", root, sink, { url }), 5);
      expect(await pruneWith(root, sink, erasing)).toBeGreaterThan(2_000);
      expect(await whole(root, url, sink)).toEqual([0, expect.stringContaining("The trail is whole")]);
      await close();
    },
  );

  claim("S1: when two instances prune the trail at the same time, one instance prunes and the other logs nothing", async (on) => {
    const { root, url } = on;
    const { store, sink, close } = await filled(root, url);
    const pruning = interrupted(store, () => maintain("prune", root, sink, { url }));
    expect(await pruneWith(root, sink, pruning)).toBe(0);
    expect(await whole(root, url, sink)).toEqual([0, expect.stringContaining("The trail is whole")]);
    await close();
  });

  claim("S1: the start of the trail never moves back, even when pruned event rows were inserted again", async (on) => {
    const { root, url, dialect } = on;
    const { store, ledger, sink, close } = await filled(root, url);
    const { events, columns, head } = ledger.queries;
    const first = (await store.read<Record<string, unknown>>(events.select(columns).where("seq", "=", 1)))[0] ?? {};
    await maintain("prune", root, sink, { url });
    const names = ["chain", ...Object.keys(first)];
    const marks = names.map((_, at) => (dialect === "sqlite" ? "?" : `$${at + 1}`));
    const sql = `insert into audit_event (${names.join(", ")}) values (${marks.join(", ")})`;
    await store.apply([{ sql, parameters: [1, ...Object.values(first)] }]);
    const before = await store.read(head);
    const trail = trailOf(store, new KeyRing(keyFileIn(root)), sink, root);
    const gone = { sql: "delete from audit_event where seq = 1", parameters: [], expects: 1 };
    const floor = { from: { seq: 0, hash: ledger.genesis }, to: { seq: 1, hash: String(first["hash"]) } };
    const receipt = await trail.record({ changes: [gone], floor, events: [{ fields: { type: "audit.erased" } }] });
    expect(receipt).toMatchObject({
      refusal: { message: expect.stringMatching(/^The trail begins after event \d+, but it must begin after event 0$/) },
    });
    expect(await store.read<object>(head)).toMatchObject([{ floor_seq: (before[0] as { floor_seq: number }).floor_seq }]);
    trail.writer.close();
    await close();
  });
});
