// Leases of processes that write: while one runs, calls that its process has started may still end.

import { visible } from "../../../core/diagnostics/text.ts";
import type { OpenStore, Statement } from "../../store/service.ts";
import type { Position } from "./entry.ts";
import type { Ledger } from "./ledger.ts";
import { compiled, type InstanceRow, queriesOn } from "./tables.ts";

/** Registers a process, or renews its lease, with the batch that is written. */
export const leaseRow = (ledger: Ledger, instance: string, leaseMs: number, { seq, at }: Position): Statement =>
  compiled(
    ledger.queries.db
      .insertInto("audit_instance")
      .values({ instance, lease_until: at + leaseMs, floor_seq: seq })
      .onConflict((conflict) => conflict.column("instance").doUpdateSet({ lease_until: at + leaseMs })),
  );

/** Renews the lease of a process; changes no row when the process was taken for dead. */
export const leaseOf = (
  store: OpenStore,
  ledger: Ledger,
  instance: string,
  leaseMs: number,
  floor: number | undefined,
): Statement =>
  compiled(
    ledger.queries.db
      .updateTable("audit_instance")
      .set((eb) => ({ lease_until: eb(store.clock, "+", leaseMs), ...(floor === undefined ? {} : { floor_seq: floor }) }))
      .where("instance", "=", instance),
  );

const mostNamed = 5;

/**
 * Instances whose lease runs. A row proves nothing: an attacker who can write to the store can plant one. So commands that refuse
 * because of it name the instance and the time, and can be told to go on.
 *
 * @returns How many, and their names and times for a sentence: `9c2f41d0a7b3 until 2026-11-27T02:40:00.000Z`.
 */
export const runningInstances = async (store: OpenStore): Promise<{ readonly count: number; readonly text: string }> => {
  const { db } = queriesOn(store);
  const rows = await store.read<InstanceRow>(
    db.selectFrom("audit_instance").selectAll().where("lease_until", ">", store.clock).orderBy("lease_until", "desc"),
  );
  const named = rows.slice(0, mostNamed).map(({ instance, lease_until }) => `${instance} until ${timeText(lease_until)}`);
  const more = rows.length > mostNamed ? [`${rows.length - mostNamed} more`] : [];
  return { count: rows.length, text: visible([...named, ...more].join(", ")) };
};

/** A planted row may have any value. */
const timeText = (at: unknown): string => {
  const date = new Date(at as number);
  return Number.isNaN(date.getTime()) ? String(at) : date.toISOString();
};

export const instanceGone = (ledger: Ledger | undefined, instance: string): readonly Statement[] =>
  ledger === undefined ? [] : [compiled(ledger.queries.db.deleteFrom("audit_instance").where("instance", "=", instance))];
