// The SQL query for lists of approval requests. The cost of the query does not depend on the number of approval requests. Each
// part of the query reads the rows of one index in the order of the list, and stops after one page.

import type { OpenStore, Query } from "../../store/service.ts";
import { type ApprovalState, isId } from "../record.ts";
import type { ListGiven } from "../service.ts";
import { database, isRequest, stateNow } from "./tables.ts";

export interface RowsGiven extends Pick<ListGiven, "states" | "handler" | "since" | "before"> {
  /**
   * The keyed digests of the person whose approval requests the query reads. Without `personKeys`, the query reads approval
   * requests of all people.
   */
  readonly personKeys?: readonly string[];
  readonly limit: number;
}

/**
 * Whether the database can compare the values of the filter, which may come from a URL. PostgreSQL refuses texts that contain
 * NUL.
 */
export const isSelectable = ({ handler, before }: RowsGiven): boolean =>
  handler?.includes("\0") !== true && (before === undefined || isId(before));

export const listed = (open: OpenStore, given: RowsGiven): Query => {
  const parts = partsOf(given).map((part) =>
    database(open)
      .selectFrom(partOn(open, given, part).as("part"))
      .selectAll(),
  );
  const [first, ...others] = parts;
  if (first === undefined) throw new Error("A list of requests needs at least one state");
  return database(open)
    .selectFrom(others.reduce((all, part) => all.unionAll(part), first).as("request"))
    .selectAll()
    .select([stateNow(open).as("state_now"), open.clock.as("now")])
    .orderBy("filed_at", "desc")
    .orderBy("id", "desc")
    .limit(given.limit);
};

/** The rows of one index: all rows, or the rows with one state in the column and one state by the store's clock. */
interface Part {
  readonly stored?: ApprovalState;
  readonly now?: ApprovalState;
  readonly personKey?: string;
}

const partsOf = ({ states, personKeys }: RowsGiven): readonly Part[] => {
  const inState: readonly Part[] = states === undefined ? [{}] : [...new Set(states)].flatMap(rowsInState);
  return personKeys === undefined ? inState : personKeys.flatMap((personKey) => inState.map((part) => ({ ...part, personKey })));
};

/**
 * Returns the parts of the query for one state. The column of an expired approval request may still contain `pending` or
 * `approved`.
 */
const rowsInState = (state: ApprovalState): readonly Part[] =>
  state === "expired"
    ? (["expired", "pending", "approved"] as const).map((stored) => ({ stored, now: state }))
    : [{ stored: state, now: state }];

const partOn = (open: OpenStore, { handler, since, before, limit }: RowsGiven, { stored, now, personKey }: Part) => {
  const { sql } = open;
  // Few rows have expired without `expired` in their column, and the index of the expiry finds these rows. The database does not
  // treat `filed_at + 0` as a column, so the database does not choose the index that is in the order of the list.
  const isDue = stored !== now;
  const filedAt = isDue ? sql<number>`filed_at + 0` : sql<number>`filed_at`;
  let query = database(open)
    .selectFrom("approval_request")
    .selectAll()
    .where(isRequest(open))
    .orderBy(filedAt, "desc")
    .orderBy("id", "desc")
    .limit(limit);
  // The index of the person is the best index. If the query compared the other columns directly, SQLite would choose the index of
  // the handler.
  const column = (name: string) =>
    personKey === undefined ? sql<string>`${sql.ref(name)}` : sql<string>`(${sql.ref(name)} || '')`;
  if (personKey !== undefined) query = query.where("person_key", "=", personKey);
  if (handler !== undefined) query = query.where(column("handler"), "=", handler);
  if (stored !== undefined) query = query.where(column("state"), "=", stored);
  // In a subquery, PostgreSQL reads the clock once, so PostgreSQL can look up the time in the index.
  const clock = sql<number>`(select ${open.clock})`;
  const until = stored === "pending" ? "pending_until" : "usable_until";
  if (isDue) query = query.where(until, "<=", clock);
  else if (stored === "pending" || stored === "approved") query = query.where(sql<number>`+ ${sql.ref(until)}`, ">", clock);
  if (since !== undefined) query = query.where(filedAt, ">=", since);
  if (before === undefined) return query;
  return query.where(
    sql<boolean>`(${filedAt}, id) < (select last.filed_at, last.id from approval_request as last where last.id = ${before})`,
  );
};
