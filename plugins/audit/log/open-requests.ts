// Finds approval requests that can still be decided or used. Their filing events must stay in the trail, because without its
// filing event a request is not proven.

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
 * Returns the number of the oldest filing event whose request is open and has not expired; `undefined` without such a request.
 *
 * @param floor  The trail begins after this event.
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

/** Returns a time. Requests that were filed before this time are not open any more, under any policy. */
export const openSinceMs = (now: number): number => now - reachMs;

const isLive = ({ state, pendingUntil, usableUntil }: Standing, now: number): boolean =>
  (state === "pending" ? pendingUntil : (usableUntil ?? 0)) > now;
