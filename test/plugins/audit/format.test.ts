// Format 2 of the trail: linked events, the head that names the newest of them, and trails that begin in format 1.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { genesisHash, headMac, Keyed, noBody } from "../../../plugins/audit/log/chain.ts";
import type { EventFields, EventMeta, EventRow } from "../../../plugins/audit/log/event.ts";
import { metaText } from "../../../plugins/audit/log/event.ts";
import { DamagedHead } from "../../../plugins/audit/log/head.ts";
import { openKeys } from "../../../plugins/audit/log/keys.ts";
import { queriesOn } from "../../../plugins/audit/log/queries.ts";
import { type HeadRow, migrations } from "../../../plugins/audit/log/tables.ts";
import { type TestPostgres, testPostgres } from "../store/postgres.ts";
import { tempFolder } from "./kit.ts";
import { keyFileIn, type StoreGiven, storeAt, trailAt, verifyAt } from "./ledger-kit.ts";

let postgres: TestPostgres | string = "not started";
beforeAll(async () => {
  postgres = await testPostgres();
});
afterAll(async () => {
  if (typeof postgres !== "string") await postgres.close();
});

const started = (n: number): EventFields => ({ type: "call.started", callId: `call-${n}` });
const refused = (n: number): EventFields => ({ type: "call.refused", callId: `call-${n}` });
const filed = (n: number): EventFields => ({ type: "approval.filed", callId: `call-${n}`, approvalId: `apr_${n}` });

/** A trail as the version before format 2 wrote it: four events, two of them about an approval. */
const writeFormat1 = async (root: string, given: StoreGiven): Promise<void> => {
  const { store, close } = await storeAt(root, { ...given, migrations: migrations.slice(0, 1) });
  const keys = openKeys(keyFileIn(root));
  const keyed = new Keyed(keys.chain.secret);
  const genesis = JSON.stringify({ app: "test", chain: 1, checkpointKey: "x", createdAt: 1, key: keys.chain.id });
  const floor_hash = genesisHash(keyed, genesis);
  let hash = floor_hash;
  const rows = [started(1), filed(1), { ...filed(1), type: "approval.used" as const }, started(2)].map(
    (fields, index): EventRow => {
      const numbered = { at: 1_700_000_000_000 + index, instance: "000000000000", key: keys.chain.id, seq: index + 1 };
      const meta = metaText(fields, numbered).replace('"v":2}', '"v":1}');
      hash = keyed.ofEvent(1, numbered.seq, hash, meta, noBody);
      const call_id = fields.callId ?? "";
      return {
        seq: numbered.seq,
        at: numbered.at,
        type: fields.type,
        call_id,
        meta,
        body: null,
        salt: null,
        body_hash: noBody,
        hash,
      };
    },
  );
  const about = { seq: rows.length, hash, genesis, floor_seq: 0, floor_hash };
  const mac = headMac(keyed, { ...about, format: 1, approval_seq: 0, approval_hash: noBody });
  const { db, inserts } = queriesOn(store);
  await store.apply([
    ...inserts(rows),
    db.insertInto("audit_head").values({ chain: 1, ...about, mac: `${keys.chain.id}:${mac}` } as never),
  ]);
  await close();
};

const headOf = async (root: string, given: StoreGiven): Promise<HeadRow> => {
  const { store, close } = await storeAt(root, given);
  const [head] = await store.read<HeadRow>(queriesOn(store).head);
  await close();
  return head as HeadRow;
};

describe.each(["sqlite", "postgres"] as const)("audit() works with a store on %s", (dialect) => {
  const claim = (title: string, prove: (root: string, given: StoreGiven) => Promise<void>) =>
    test(title, async (context) => {
      if (dialect === "postgres" && typeof postgres === "string") return context.skip(postgres);
      using folder = tempFolder();
      const root = join(folder.root, "trail");
      mkdirSync(root);
      await prove(root, dialect === "sqlite" ? {} : { url: await (postgres as TestPostgres).freshUrl() });
    });

  claim(
    "each approval event of the trail names the previous approval event, and audit_head names the newest",
    async (root, given) => {
      const trail = await trailAt(root, given);
      await trail.ledger.write([{ events: [{ fields: refused(1) }, { fields: filed(1) }, { fields: refused(2) }] }]);
      await trail.ledger.write([{ events: [{ fields: refused(3) }] }, { events: [{ fields: filed(2) }] }]);
      const rows = await trail.store.read<EventRow>(trail.ledger.queries.after(0, 10));
      await trail.close();
      const links = rows.map(({ meta }) => (JSON.parse(meta) as EventMeta).link);
      const [, first, , , second] = rows;
      expect(links).toEqual([undefined, { seq: 0, hash: noBody }, undefined, undefined, { seq: 2, hash: first?.hash }]);
      expect(await headOf(root, given)).toMatchObject({ format: 2, approval_seq: 5, approval_hash: second?.hash });
      expect((await verifyAt(root, [], given)).damage).toEqual([]);
    },
  );

  claim(
    "audit verify accepts a trail of format 1, and the first write changes the row audit_head to format 2",
    async (root, given) => {
      await writeFormat1(root, given);
      expect(await verifyAt(root, [], given)).toMatchObject({ isWhole: true, events: 4 });
      expect(await headOf(root, given)).toMatchObject({ format: 1, approval_seq: 0 });
      const trail = await trailAt(root, given);
      await trail.ledger.write([{ events: [{ fields: refused(3) }] }]);
      expect(await headOf(root, given)).toMatchObject({ format: 2, approval_seq: 0 });
      await trail.ledger.write([{ events: [{ fields: filed(2) }] }]);
      await trail.close();
      expect(await headOf(root, given)).toMatchObject({ format: 2, seq: 6, approval_seq: 6 });
      expect(await verifyAt(root, [], given)).toMatchObject({ isWhole: true, events: 6 });
    },
  );

  claim("a change of any field of the row audit_head makes the MAC of the row wrong", async (root, given) => {
    const trail = await trailAt(root, given);
    await trail.ledger.write([{ events: [{ fields: filed(1) }, { fields: filed(2) }] }]);
    const honest = await headOf(root, given);
    const changes: readonly Partial<HeadRow>[] = [
      { format: 1 },
      { format: 3 },
      { approval_seq: 1 },
      { approval_hash: noBody },
      { seq: 1 },
      { hash: noBody },
      { floor_seq: 1 },
      { floor_hash: noBody },
      { genesis: honest.genesis.replace("test", "tess") },
    ];
    for (const change of changes) {
      const { db } = trail.ledger.queries;
      await trail.store.apply([db.updateTable("audit_head").set(change)]);
      await expect(trailAt(root, given), JSON.stringify(change)).rejects.toThrow(DamagedHead);
      expect((await verifyAt(root, [], given)).damage.map(({ what }) => what)).toContain(
        "The record of the trail's end (audit_head) was changed after it was written",
      );
      await trail.store.apply([db.updateTable("audit_head").set({ ...honest })]);
    }
    await trail.close();
    expect((await verifyAt(root, [], given)).isWhole).toBe(true);
  });
});
