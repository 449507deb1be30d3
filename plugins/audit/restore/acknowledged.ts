// Reads the events `store.restored`: the restores that an operator acknowledged. Each `store.restored` is the first event of a
// new segment of the trail. The segment begins above the highest number that a sink attested, so no two events of the trail have
// the same number.

import type { Reading } from "../../store/service.ts";
import { Keyed } from "../log/chain.ts";
import type { EventMeta, EventRow } from "../log/event.ts";
import type { TrailKeys } from "../log/keys.ts";
import { queriesOn } from "../log/queries.ts";
import { chain, type HeadRow, linkedTypes } from "../log/tables.ts";
import type { Attestation, Missing } from "./attestation.ts";

/** The `detail` of a `store.restored` event. */
export interface RestoredDetail {
  /** The number and hash of the last event in the segment before the restore. */
  readonly after: { readonly seq: number; readonly hash: string };
  readonly missing: Missing;
  /** The genesis hash of the lost events, if this hash differs from the genesis hash of this trail. */
  readonly genesis?: string;
  readonly by: string;
  readonly reason: string;
  /** The uses of approvals that the restore lost and that a sink attests. */
  readonly used: readonly { readonly approvalId: string; readonly callId: string }[];
}

export interface Acknowledged {
  readonly seq: number;
  readonly at: number;
  readonly detail: RestoredDetail;
  /** Returns whether a sink line attests an event that this restore lists as lost. */
  readonly covers: (line: Pick<Attestation, "seq" | "genesis">) => boolean;
}

/**
 * Reads the acknowledged restores of the trail. Quater verifies each `store.restored` event with the chain key and with the event
 * before the restore, which the `store.restored` event names. So an attacker without the chain key cannot fake a restore.
 */
export const acknowledgedIn = async (
  store: Reading,
  keys: TrailKeys,
  genesis: string,
  head: HeadRow,
): Promise<readonly Acknowledged[]> => {
  const { events, columns } = queriesOn(store);
  const { sql } = store;
  const rows = await store.read<EventRow>(
    events
      .select(columns)
      .where(sql<boolean>`${sql.raw(linkedTypes)}`)
      .where("type", "=", "store.restored")
      .where("seq", "<=", head.seq)
      .orderBy("seq"),
  );
  return rows.flatMap((row) => {
    const meta = parsed(row.meta);
    const detail = meta?.detail as RestoredDetail | undefined;
    const secret = meta === undefined ? undefined : keys.chainSecrets.get(meta.key);
    const before = detail?.after?.hash;
    if (meta?.type !== "store.restored" || detail === undefined || typeof before !== "string" || secret === undefined) return [];
    const hash = new Keyed(secret).ofEvent(chain, row.seq, before, row.meta, row.body_hash);
    return hash === row.hash && meta.seq === row.seq ? [acknowledged(row.seq, meta.at, detail, genesis)] : [];
  });
};

/** @param genesis  The genesis hash of this trail. */
export const acknowledged = (seq: number, at: number, detail: RestoredDetail, genesis: string): Acknowledged => ({
  seq,
  at,
  detail,
  covers: (line) => {
    // The restored segment begins above all numbers that the sinks attested, so every earlier trail ends below the number of this
    // restore.
    if (line.genesis !== genesis) return line.seq < seq;
    return detail.genesis === undefined && line.seq >= detail.missing.from && line.seq <= detail.missing.through;
  },
});

const parsed = (meta: string): EventMeta | undefined => {
  try {
    return JSON.parse(meta) as EventMeta;
  } catch {
    return undefined;
  }
};
