// Finds events for `audit tail` and `audit show`. The database searches the text of `meta`, and then Quater verifies each found
// event. Quater does not trust the other columns, because an attacker who can write to the store can change these columns.

import type { Reading } from "../../store/service.ts";
import type { EventMeta } from "../log/event.ts";
import { readKeys, type TrailKeys } from "../log/keys.ts";
import { queriesOn } from "../log/queries.ts";
import { type Page, type ReadRow, readRows } from "../log/rows.ts";
import type { HeadRow } from "../log/tables.ts";
import { metaOf } from "./meta.ts";
import { VerifyKeys } from "./verify-keys.ts";
import { rowProblem } from "./verify-row.ts";

export interface Filter {
  readonly handler?: string;
  /** The caller of the events to find: a subject, a person or a credential. */
  readonly principal?: string;
  readonly surface?: string;
  /** The outcome of the calls to find, or their error code. */
  readonly outcome?: string;
  readonly call?: string;
  /** The earliest time of the events to find, milliseconds since the epoch. */
  readonly since?: number;
  readonly until?: number;
}

/** An event whose row verifies. */
export interface Verified {
  readonly row: ReadRow;
  readonly meta: EventMeta;
  readonly unverified?: undefined;
}

/** The row of an event that does not verify. An attacker may have forged the content of the row. */
export interface Unverified {
  readonly row: ReadRow;
  /** The reason why the row does not verify, as the end of a sentence. */
  readonly unverified: string;
  readonly meta?: undefined;
}

export type ReadEvent = Verified | Unverified;

/** A store, with a function that verifies each row that Quater reads. */
export interface TrailReader {
  readonly store: Reading;
  /** @returns The reason why Quater does not trust the row; `undefined` if the row verifies. */
  readonly check: (row: ReadRow, previous: string | undefined) => string | undefined;
}

/**
 * @returns A reader of the store. Without the keys of the trail, the reader still returns rows, but marks each row as unverified.
 */
export const trailIn = (store: Reading, keyFile: string): TrailReader => {
  try {
    return readerOf(store, readKeys(keyFile));
  } catch {
    return { store, check: () => "cannot be verified without the key file" };
  }
};

export const readerOf = (store: Reading, all: TrailKeys): TrailReader => {
  const keys = new VerifyKeys(all, all.checkpoint.fingerprint);
  return { store, check: (row, previous) => rowProblem(row, previous, keys) };
};

const pageRows = 1_000;

/**
 * Reads rows of events and verifies each row separately: the form, the columns and the body of the row, and its hash over the row
 * before.
 *
 * @param query  A query that selects the columns of `audit_event`, and `previous`.
 * @returns The rows by event number, ascending.
 */
export const verifiedRows = async ({ store, check }: TrailReader, query: Page): Promise<readonly ReadEvent[]> => {
  const rows = await readRows(store, query, true);
  if (rows.length === 0) return [];
  const [head] = await store.read<HeadRow>(queriesOn(store).head);
  return rows.map((row): ReadEvent => {
    // After a restore, the numbers of new events skip the numbers of lost events. So the first row after the beginning of the
    // trail may have any number.
    const isFirst = row.seq - 1 === head?.floor_seq || typeof row.previous !== "string";
    const before = isFirst ? head?.floor_hash : (row.previous ?? undefined);
    const unverified = check(row, before);
    const meta = unverified === undefined ? metaOf(row.meta) : undefined;
    return meta === undefined ? { row, unverified: unverified ?? "cannot be read" } : { row, meta };
  });
};

/**
 * Reads a page of events that match the filter. The page includes a row that does not verify if the `meta` of the row contains
 * the texts of the filter, because Quater cannot trust the fields of such a row.
 *
 * @param from  The event number from which to read, exclusive. `"after"` reads newer events, oldest first. `"before"` reads older
 * events, newest first.
 * @param begin  The page leaves out rows up to this event number, except rows whose column `at` contains a time that is new
 * enough.
 * @returns A page of at most 1,000 events, and the event number at which the next page begins; `undefined` after the last page.
 */
export const pageOf = async (
  trail: TrailReader,
  filter: Filter,
  direction: "after" | "before",
  from: number,
  begin = 0,
): Promise<{ readonly found: readonly ReadEvent[]; readonly next: number | undefined }> => {
  const { page, previous } = queriesOn(trail.store);
  let query = page(direction, from, pageRows).select(previous);
  const { call, since } = filter;
  if (call !== undefined) query = query.where(({ eb, or }) => or([eb("call_id", "=", call), eb("meta", "like", textWith(call))]));
  if (since !== undefined) query = query.where(({ eb, or }) => or([eb("seq", ">", begin), eb("at", ">=", since)]));
  for (const text of [filter.handler, filter.principal, filter.surface, filter.outcome])
    if (text !== undefined) query = query.where("meta", "like", textWith(text));
  const read = await verifiedRows(trail, query);
  const found = direction === "after" ? read : [...read].reverse();
  return {
    found: found.filter((each) => each.unverified !== undefined || matches(each.meta, filter)),
    next: found.length < pageRows ? undefined : found.at(-1)?.row.seq,
  };
};

/**
 * Finds the first event for `since` by the verified time of the events. This function reads backward from the end of the trail
 * until a page has no event that is new enough.
 *
 * @returns The number of the event before the first event that may match the filter.
 */
export const beginOf = async ({ since }: Filter, trail: TrailReader): Promise<number> => {
  if (since === undefined) return 0;
  for (let next: number | undefined = Number.MAX_SAFE_INTEGER; next !== undefined; ) {
    const page = await pageOf(trail, {}, "before", next);
    const verified = page.found.filter((found) => found.unverified === undefined);
    const [newest] = verified;
    // Rows after this page that do not verify may be new enough.
    if (newest !== undefined && !verified.some(({ meta }) => meta.at >= since)) return newest.row.seq;
    next = page.next;
  }
  return 0;
};

/** Reads all events after `from` that match the filter, oldest first. */
export const each = async function* (trail: TrailReader, filter: Filter, from = 0): AsyncGenerator<ReadEvent> {
  // A command that follows the trail reads a few rows very often, so the command does not search the first matching event again.
  const begin = from > 0 ? from : await beginOf(filter, trail);
  for (let next: number | undefined = from; next !== undefined; ) {
    const page = await pageOf(trail, filter, "after", next, begin);
    yield* page.found;
    next = page.next;
  }
};

/** Returns the newest `count` events that match the filter, oldest first. */
export const newest = async (trail: TrailReader, filter: Filter, count: number): Promise<readonly ReadEvent[]> => {
  const found: ReadEvent[] = [];
  const begin = await beginOf(filter, trail);
  for (let next: number | undefined = Number.MAX_SAFE_INTEGER; next !== undefined && found.length < count; ) {
    const page = await pageOf(trail, filter, "before", next, begin);
    found.push(...page.found);
    next = page.next;
  }
  return found.slice(0, count).reverse();
};

/**
 * Replaces each backslash in a search text, which PostgreSQL would treat as an escape. `%` and `_` in the text match any text, so
 * the query may find too many rows. A later check removes the wrong rows.
 */
const likely = (text: string): string => text.replaceAll("\\", "_");

const textWith = (text: string): string => `%${likely(JSON.stringify(text))}%`;

export const matches = (meta: EventMeta, { handler, principal, surface, outcome, call, since, until }: Filter): boolean => {
  const who = meta.principal;
  return (
    (call === undefined || meta.callId === call) &&
    (since === undefined || meta.at >= since) &&
    (until === undefined || meta.at < until) &&
    (handler === undefined || meta.handler === handler) &&
    (surface === undefined || meta.surface === surface) &&
    (outcome === undefined || meta.outcome === outcome || meta.errorCode === outcome) &&
    (principal === undefined || [who?.subject, who?.person, who?.actsFor, who?.credential].includes(principal))
  );
};
