// Removes events that are too old, and leaves an event that says so in the same transaction. Events that are gone without
// such an event are damage.

import type { OpenStore } from "../store/service.ts";
import { chain, compiled, queriesOn, type SinkRow } from "./tables.ts";
import type { Trail } from "./trail.ts";

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
    // Numbers skip what a restore lost, so there may be fewer rows than numbers.
    const [counted] = await store.read<{ n: number }>(
      events
        .select(({ fn }) => fn.countAll<number>().as("n"))
        .where("seq", ">", floor)
        .where("seq", "<=", seq),
    );
    const rows = counted?.n ?? 0;
    const gone = db.deleteFrom("audit_event").where("chain", "=", chain).where("seq", ">", floor).where("seq", "<=", seq);
    const receipt = await trail.record({
      changes: [{ ...compiled(gone), expects: rows }],
      floor: { seq, hash },
      events: [{ fields: { type: "audit.erased", detail: { pruned: { from: floor + 1, through: seq, hash } } } }],
    });
    if ("refusal" in receipt) break; // another instance was faster
    removed += rows;
    floor = seq;
  }
  return removed;
};
