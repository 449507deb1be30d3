// Leases. A process that writes has a row with a time. Until that time, calls that the process has started may still end. After it,
// another process takes this one for dead and records that the ends of its calls are unknown.

import { visible } from "../../../core/diagnostics/text.ts";
import type { OpenStore, Statement, Store } from "../../store/service.ts";
import type { Entry } from "./entry.ts";
import type { Ledger } from "./ledger.ts";
import { compiled, queriesOn } from "./queries.ts";
import type { InstanceRow } from "./tables.ts";

export interface LeaseOptions {
  readonly instance: string;
  readonly leaseMs: number;
  readonly store: Store;
  /** Returns the ledger, once it is open. */
  readonly ledger: () => Ledger | undefined;
}

/** The lease of this process. */
export class Lease {
  readonly #options: LeaseOptions;
  #isRegistered = false;
  /** By this process's clock. Until then no other process can have taken this one for dead. */
  #aliveUntil = 0;

  constructor(options: LeaseOptions) {
    this.#options = options;
  }

  get isRegistered(): boolean {
    return this.#isRegistered;
  }

  /** Call it when an entry of `registering` is written, or sure to be written. */
  registered(): void {
    this.#isRegistered = true;
  }

  /**
   * Adds the row of the lease to an entry, if this process may have none. Decided when the entry is written: a process that stood
   * still and was taken for dead must have a row again, so that it is found when it really dies.
   */
  registering(entry: Entry): Entry {
    const { instance, leaseMs } = this.#options;
    return {
      ...entry,
      beside: (before) => {
        const ledger = this.#options.ledger();
        const hasRow = ledger === undefined || (this.#isRegistered && Date.now() < this.#aliveUntil);
        const lease_until = before.at + leaseMs;
        const row = (of: Ledger): Statement =>
          compiled(
            of.queries.db
              .insertInto("audit_instance")
              .values({ instance, lease_until, floor_seq: before.seq })
              .onConflict((conflict) => conflict.column("instance").doUpdateSet({ lease_until })),
          );
        return [...(hasRow ? [] : [row(ledger)]), ...(entry.beside?.(before) ?? [])];
      },
    };
  }

  /**
   * Renews the lease, if there is one. A process that was taken for dead is registered anew by its next entry.
   *
   * @param floor  No call of this process that has not ended was started before this event. `undefined`: as before.
   */
  async renew(floor: number | undefined): Promise<void> {
    const { instance, leaseMs } = this.#options;
    const ledger = this.#options.ledger();
    if (!this.#isRegistered || ledger === undefined) return;
    const store = await this.#options.store.open();
    const aliveUntil = Date.now() + leaseMs;
    const renewal = ledger.queries.db
      .updateTable("audit_instance")
      .set((eb) => ({ lease_until: eb(store.clock, "+", leaseMs), ...(floor === undefined ? {} : { floor_seq: floor }) }))
      .where("instance", "=", instance);
    const [renewed] = await store.apply([compiled(renewal)]);
    if (renewed?.changes === 0) this.#isRegistered = false;
    else this.#aliveUntil = aliveUntil;
  }

  /** The statement that ends the lease, for the last entry of a process whose calls have ended. */
  ending(): readonly Statement[] {
    const ledger = this.#options.ledger();
    if (ledger === undefined) return [];
    return [compiled(ledger.queries.db.deleteFrom("audit_instance").where("instance", "=", this.#options.instance))];
  }
}

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
