// Taking away what must not be kept: bodies on request, whole events when they are too old. Both leave an event that says
// so, in the same transaction; a body that is gone without one is damage.

import type { OpenStore, Statement } from "../store/service.ts";
import { each, type Filter } from "./find.ts";
import { rangesOf } from "./ranges.ts";
import { chain, compiled, queriesOn, type SinkRow } from "./tables.ts";
import type { Trail } from "./trail.ts";

/** Numbers per event, so that the event stays small. */
const perEvent = 500;

/**
 * Erases the bodies of all events that match: arguments and results. Who, what and when remain.
 *
 * @param by  Who asked for it, for the record.
 * @returns How many bodies.
 */
export const eraseBodies = async (
  trail: Trail,
  store: OpenStore,
  filter: Filter,
  by: string,
  reason?: string,
): Promise<number> => {
  let waiting: number[] = [];
  let erased = 0;
  const write = async () => {
    const seqs = waiting;
    waiting = [];
    if (seqs.length === 0) return;
    const bodies = rangesOf(seqs);
    const detail = { bodies, by, reason };
    const receipt = await trail.record({
      changes: bodies.map(([from, to]) => without(store, from, to)),
      events: [{ fields: { type: "audit.erased", detail } }],
    });
    if ("refusal" in receipt) throw receipt.refusal; // somebody else erased some of them: ask again
    erased += seqs.length;
  };
  for await (const { row } of each(store, filter)) {
    if (row.body === null) continue;
    waiting.push(row.seq);
    if (waiting.length >= perEvent) await write();
  }
  await write();
  return erased;
};

const without = (store: OpenStore, from: number, to: number): Statement => ({
  ...compiled(
    queriesOn(store)
      .db.updateTable("audit_event")
      .set({ body: null, salt: null })
      .where("chain", "=", chain)
      .where("seq", ">=", from)
      .where("seq", "<=", to)
      .where("body", "is not", null),
  ),
  expects: to - from + 1,
});

/** Events per transaction: a year's worth at once would hold the lock for too long. */
const perPrune = 5_000;

/**
 * Removes events older than `beforeMs`, up to the newest checkpoint that every sink holds: what was attested elsewhere
 * can still be told from what was cut away.
 *
 * @param sinks  Names of the configured ones; with none, up to the newest checkpoint of the trail itself.
 * @returns How many events.
 */
export const prune = async (trail: Trail, store: OpenStore, beforeMs: number, sinks: readonly string[]): Promise<number> => {
  const { events, db, head } = queriesOn(store);
  const [at] = await store.read<{ floor_seq: number }>(head);
  if (at === undefined) return 0;
  const held = await store.read<SinkRow>(db.selectFrom("audit_sink").selectAll());
  const [own] = await store.read<{ seq: number }>(
    events.select("seq").where("type", "=", "audit.checkpoint").orderBy("seq", "desc").limit(1),
  );
  const sizes = sinks.map((name) => held.find((row) => row.name === name)?.size ?? 0);
  const most = Math.min((own?.seq ?? 0) - 1, ...sizes);
  let removed = 0;
  for (let floor = at.floor_seq; floor < most; ) {
    const [through] = await store.read<{ seq: number; hash: string }>(
      events
        .select(["seq", "hash"])
        .where("seq", ">", floor)
        .where("seq", "<=", Math.min(floor + perPrune, most))
        .where("at", "<", beforeMs)
        .orderBy("seq", "desc")
        .limit(1),
    );
    if (through === undefined) break;
    const { seq, hash } = through;
    const gone = db.deleteFrom("audit_event").where("chain", "=", chain).where("seq", ">", floor).where("seq", "<=", seq);
    const receipt = await trail.record({
      changes: [{ ...compiled(gone), expects: seq - floor }],
      floor: { seq, hash },
      events: [{ fields: { type: "audit.erased", detail: { pruned: { from: floor + 1, through: seq, hash } } } }],
    });
    if ("refusal" in receipt) break; // another instance was faster
    removed += seq - floor;
    floor = seq;
  }
  return removed;
};
