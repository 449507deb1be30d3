// Finds approval requests on which people can still vote or whose approval can still be used. The filing events of such requests
// must stay in the trail, because the trail does not prove a request without its filing event.

import { type TrailReader, verifiedRows } from "../verify/find.ts";
import { assertVerified } from "../verify/verified.ts";
import { advanced, type Standing } from "./evidence.ts";
import { reachMs } from "./linked.ts";
import { queriesOn } from "./queries.ts";

const pageRows = 1_000;

interface Filed {
  readonly seq: number;
  readonly standing: Standing;
}

/**
 * Returns the number of the oldest filing event whose approval request is open and has not expired; `undefined` if the trail has
 * no such request.
 *
 * @param floor  The number of the event after which the trail begins.
 * @throws {Unverified} when an event about a request does not verify.
 */
export const oldestOpenFiling = async (
  reader: TrailReader,
  floor: number,
  through: number,
  now: number,
): Promise<number | undefined> => {
  const { previous, linkedAfter } = queriesOn(reader.store);
  const open = new Map<string, Filed>();
  for (let after = floor; ; ) {
    const page = (await verifiedRows(reader, linkedAfter(after, through, pageRows).select(previous))).map(assertVerified);
    for (const { meta } of page) {
      if (meta.type === "store.restored") open.clear(); // A restore voids all open requests.
      const { approvalId, seq } = meta;
      if (approvalId === undefined) continue;
      const before = open.get(approvalId);
      const standing = advanced(before?.standing, meta);
      if (standing === undefined || standing.state === "ended") open.delete(approvalId);
      else open.set(approvalId, { seq: before?.seq ?? seq, standing });
    }
    const last = page.at(-1);
    if (last === undefined) break;
    after = last.row.seq;
  }
  const seqs = [...open.values()].filter(({ standing }) => isLive(standing, now)).map(({ seq }) => seq);
  return seqs.length === 0 ? undefined : Math.min(...seqs);
};

/** Returns the time before which no approval request was filed that can still be open under any policy. */
export const openSinceMs = (now: number): number => now - reachMs;

const isLive = ({ state, pendingUntil, usableUntil }: Standing, now: number): boolean =>
  (state === "pending" ? pendingUntil : (usableUntil ?? 0)) > now;
