// Events by what was asked for. The database narrows by text, because `meta` is one column; what is exact is decided here.

import { invalid } from "../../core/index.ts";
import type { OpenStore } from "../store/service.ts";
import type { EventMeta, EventRow } from "./event.ts";
import { queriesOn } from "./tables.ts";

export interface Filter {
  readonly handler?: string;
  /** A subject, a person or a credential. */
  readonly principal?: string;
  readonly surface?: string;
  /** How it ended, or an error's code. */
  readonly outcome?: string;
  readonly call?: string;
  /** Milliseconds since the epoch. */
  readonly since?: number;
  readonly until?: number;
}

export interface Found {
  readonly row: EventRow;
  readonly meta: EventMeta;
}

const pageRows = 1_000;

/**
 * @param from  Exclusive; the direction is `"after"` it, or `"before"` it with the newest first.
 * @returns A page of at most 1,000, and where the next one begins; `undefined` when there is none.
 */
export const pageOf = async (
  store: OpenStore,
  filter: Filter,
  direction: "after" | "before",
  from: number,
): Promise<{ readonly found: readonly Found[]; readonly next: number | undefined }> => {
  const { events, columns } = queriesOn(store);
  let query = events
    .select(columns)
    .where("seq", direction === "after" ? ">" : "<", from)
    .orderBy("seq", direction === "after" ? "asc" : "desc")
    .limit(pageRows);
  if (filter.call !== undefined) query = query.where("call_id", "=", filter.call);
  if (filter.since !== undefined) query = query.where("at", ">=", filter.since);
  if (filter.until !== undefined) query = query.where("at", "<", filter.until);
  for (const text of [filter.handler, filter.principal, filter.surface, filter.outcome])
    if (text !== undefined) query = query.where("meta", "like", `%${likely(JSON.stringify(text))}%`);
  const rows = await store.read<EventRow>(query);
  return {
    found: rows.map((row) => ({ row, meta: JSON.parse(row.meta) as EventMeta })).filter(({ meta }) => matches(meta, filter)),
    next: rows.length < pageRows ? undefined : rows.at(-1)?.seq,
  };
};

/** Everything after `from`, in order. */
export const each = async function* (store: OpenStore, filter: Filter, from = 0): AsyncGenerator<Found> {
  for (let next: number | undefined = from; next !== undefined; ) {
    const page = await pageOf(store, filter, "after", next);
    yield* page.found;
    next = page.next;
  }
};

/** The newest `count` of them, in order. */
export const newest = async (store: OpenStore, filter: Filter, count: number): Promise<readonly Found[]> => {
  const found: Found[] = [];
  for (let next: number | undefined = Number.MAX_SAFE_INTEGER; next !== undefined && found.length < count; ) {
    const page = await pageOf(store, filter, "before", next);
    found.push(...page.found);
    next = page.next;
  }
  return found.slice(0, count).reverse();
};

/** `%` and `_` stand for any text: more is found then, and left out again here. A backslash is an escape in PostgreSQL. */
const likely = (text: string): string => text.replaceAll("\\", "_");

export const matches = (meta: EventMeta, { handler, principal, surface, outcome }: Filter): boolean => {
  const who = meta.principal;
  return (
    (handler === undefined || meta.handler === handler) &&
    (surface === undefined || meta.surface === surface) &&
    (outcome === undefined || meta.outcome === outcome || meta.errorCode === outcome) &&
    (principal === undefined || [who?.subject, who?.person, who?.actsFor, who?.credential].includes(principal))
  );
};

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/**
 * `15m`, `2h`, `3d`, or a date.
 *
 * @throws {QuaterError} `invalid_input`.
 */
export const timeOf = (name: string, text: string, now = Date.now()): number => {
  const [, count, unit] = /^(\d+)([smhdw])$/.exec(text) ?? [];
  if (count !== undefined && unit !== undefined) return now - Number(count) * (unitMs[unit] ?? 0);
  const at = Date.parse(text);
  return Number.isNaN(at) ? invalid(`/${name}`, 'must be a time like "15m", "2h", "3d", or a date') : at;
};
