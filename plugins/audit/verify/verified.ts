// Reads verified events for functions that write events or delete rows, such as retention. If such functions trusted unverified
// rows, an attacker who can write to the store could make Quater sign false events or delete evidence.

import type { EventLink } from "../log/event.ts";
import { queriesOn } from "../log/queries.ts";
import { type ReadRow, readRows } from "../log/rows.ts";
import { type ReadEvent, type TrailReader, type Verified, verifiedRows } from "./find.ts";
import { metaOf } from "./meta.ts";

/** The error when a row of an event does not verify, so that no function writes events or deletes rows because of this row. */
export class Unverified extends Error {
  constructor(what: string) {
    super(`${what}. Run \`quater audit verify\``);
  }
}

/** Returns the event of a row that verifies. @throws {Unverified} */
export const assertVerified = (found: ReadEvent): Verified => {
  if (found.unverified === undefined) return found;
  throw new Unverified(`Event ${found.row.seq} ${found.unverified}`);
};

const pageRows = 1_000;

/**
 * Reads all events after a known event, up to and including the event `through`, as pages. Each row must continue the row before,
 * so the pages contain all events of the trail in this range, and no other rows.
 *
 * @throws {Unverified}
 */
export const verifiedPages = async function* (
  { store, check }: TrailReader,
  after: EventLink,
  through: number,
): AsyncGenerator<readonly Verified[]> {
  const { page } = queriesOn(store);
  let { seq, hash } = after;
  while (seq < through) {
    const rows = await readRows(store, page("after", seq, pageRows).where("seq", "<=", through));
    const verified = rows.map((row) => {
      const meta = continued(row, hash);
      ({ seq, hash } = row);
      return { row, meta };
    });
    if (verified.length === 0) throw new Unverified(`Event ${through} is missing`);
    yield verified;
  }

  function continued(row: ReadRow, previous: string) {
    const problem = check(row, previous);
    const meta = problem === undefined ? metaOf(row.meta) : undefined;
    if (meta === undefined) throw new Unverified(`Event ${row.seq} ${problem ?? "cannot be read"}`);
    return meta;
  }
};

/**
 * Returns the numbers of the events from `from` to `through` whose bodies were erased, according to the `audit.erased` events of
 * the trail.
 *
 * @throws {Unverified} when an `audit.erased` event does not verify.
 */
export const erasedIn = async (trail: TrailReader, from: number, through: number): Promise<ReadonlySet<number>> => {
  const { erased: erasures } = queriesOn(trail.store);
  const erased = new Set<number>();
  for (let after = from; ; ) {
    const found = (await verifiedRows(trail, erasures(after, pageRows))).map(assertVerified);
    for (const { meta } of found)
      for (const [first, last] of erasedBy(meta))
        for (let seq = Math.max(first, from); seq <= Math.min(last, through); seq++) erased.add(seq);
    const newest = found.at(-1);
    if (newest === undefined) return erased;
    after = newest.row.seq;
  }
};

/**
 * Returns the ids of erased approval requests from verified `audit.erased` events. This function does not read the mark in the
 * row of a request, because an attacker may have forged the mark.
 */
export const erasedRequests = async (trail: TrailReader): Promise<ReadonlySet<string>> => {
  const { erased: erasures } = queriesOn(trail.store);
  const ids = new Set<string>();
  for (let after = 0; ; ) {
    const found = await verifiedRows(trail, erasures(after, pageRows).where("meta", "like", '%"approvals":[%'));
    for (const { meta } of found) for (const id of (Object(meta?.detail) as ErasedDetail).approvals ?? []) ids.add(id);
    const newest = found.at(-1);
    if (newest === undefined) return ids;
    after = newest.row.seq;
  }
};

interface ErasedDetail {
  readonly approvals?: readonly string[];
  readonly bodies?: readonly (readonly [first: number, last: number])[];
}

/** Returns the ranges of erased bodies in an `audit.erased` event. */
export const erasedBy = ({ detail }: Verified["meta"]): readonly (readonly [first: number, last: number])[] =>
  (Object(detail) as ErasedDetail).bodies ?? [];
