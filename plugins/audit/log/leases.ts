// Leases of processes. Each process that writes to the trail has a row with an expiry time. Before the expiry time, calls that
// the process has started may still end. After the expiry time, other processes treat the process as dead, and one of the other
// processes records that the ends of the dead process's calls are unknown. See sweep.ts.

import { visible } from "../../../core/diagnostics/text.ts";
import type { OpenStore, Statement, Store } from "../../store/service.ts";
import type { Entry, Position } from "./entry.ts";
import type { Ledger } from "./ledger.ts";
import type { OpenStarts } from "./open-starts.ts";
import { compiled, queriesOn, type TrailQueries } from "./queries.ts";
import type { InstanceRow } from "./tables.ts";

export interface LeaseOptions {
  readonly instance: string;
  readonly leaseMs: number;
  readonly store: Store;
  /** Returns the ledger of this process, or `undefined` before the ledger is open. */
  readonly ledger: () => Ledger | undefined;
  readonly openStarts: OpenStarts;
}

/** The lease of this process. */
export class Lease {
  readonly #options: LeaseOptions;
  #mayHaveRow = false;

  constructor(options: LeaseOptions) {
    this.#options = options;
  }

  /** Whether the writer has received an entry that registers this process. */
  get mayHaveRow(): boolean {
    return this.#mayHaveRow;
  }

  /** Returns the given entry with the mark that the entry also registers this process. */
  registering(entry: Entry): Entry {
    this.#mayHaveRow = true;
    return { ...entry, registers: true };
  }

  /**
   * Returns the SQL statement that registers this process. Every entry that registers this process contains the statement, and
   * not only the first such entry. A paused process may lose its row because another process treated the paused process as dead.
   * The paused process must have a row again when its next `call.started` is committed.
   */
  registration(queries: TrailQueries, { seq, at }: Position): Statement {
    const { instance, leaseMs, openStarts } = this.#options;
    const lease_until = at + leaseMs;
    return compiled(
      queries.db
        .insertInto("audit_instance")
        .values({ instance, lease_until, floor_seq: openStarts.floor(seq) })
        .onConflict((conflict) => conflict.column("instance").doUpdateSet({ lease_until })),
    );
  }

  /**
   * Renews the lease of this process, if the store still has the row of the lease. If another process has deleted this row, the
   * next entry registers this process again.
   */
  async renew(): Promise<void> {
    const { instance, leaseMs, openStarts } = this.#options;
    const ledger = this.#options.ledger();
    if (!this.#mayHaveRow || ledger === undefined) return;
    const floor = openStarts.isPlaceUnknown ? {} : { floor_seq: openStarts.floor(ledger.head.seq) };
    const store = await this.#options.store.open();
    const renewal = ledger.queries.db
      .updateTable("audit_instance")
      .set((eb) => ({ lease_until: eb(store.clock, "+", leaseMs), ...floor }))
      .where("instance", "=", instance);
    await store.apply([compiled(renewal)]);
  }

  /**
   * Returns the SQL statement that ends the lease, for the last entry of a process. The returned list is empty while a call of
   * the process may have started and not ended.
   */
  ending(): readonly Statement[] {
    const { instance, openStarts } = this.#options;
    const ledger = this.#options.ledger();
    if (ledger === undefined || openStarts.size > 0) return [];
    return [compiled(ledger.queries.db.deleteFrom("audit_instance").where("instance", "=", instance))];
  }
}

const mostNamed = 5;

/**
 * Returns the instances whose lease has not expired. The row of a lease does not prove that an instance runs, because an attacker
 * who can write to the store can add such a row. So a command that refuses because of a lease prints the instance and the expiry
 * time, and has a flag to continue.
 *
 * @returns The number of running instances, and a text with the names of the instances and the expiry times of their leases, such
 * as `9c2f41d0a7b3 until 2026-11-27T02:40:00.000Z`.
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

/** Returns the expiry time of a lease as text. An attacker may have stored any value as the expiry time. */
const timeText = (at: unknown): string => {
  const date = new Date(at as number);
  return Number.isNaN(date.getTime()) ? String(at) : date.toISOString();
};
