// Locks in the store. Each lock that a call has is a row with a lease and a fencing number. Quater does not use the session locks
// of PostgreSQL, because a pooler may give every transaction another session. Transaction locks would keep a transaction open
// while a handler runs.

import type { Kysely } from "kysely";
import { statementOf } from "../queries.ts";
import type { Migration, OpenStore, Statement } from "../service.ts";

interface LockRow {
  readonly lock_key: string;
  /** The lock's name, for people who look into the table. */
  readonly name: string;
  /** The fencing number, which grows each time when another holder takes the lock. */
  readonly fence: number;
  /** The random name of the process that holds the lock. */
  readonly holder: string;
  /**
   * The expiry time of the lease by the store's clock, milliseconds. After the expiry time, other processes may take the lock.
   */
  readonly lease_until: number;
}

interface Tables {
  quater_lock: LockRow;
}

export const lockMigrations: readonly Migration[] = [
  {
    version: 1,
    tables: ["quater_lock"],
    up: (build) => [
      build.schema
        .createTable("quater_lock")
        .addColumn("lock_key", "text", (column) => column.notNull().primaryKey())
        .addColumn("name", "text", (column) => column.notNull())
        .addColumn("fence", "bigint", (column) => column.notNull())
        .addColumn("holder", "text", (column) => column.notNull())
        .addColumn("lease_until", "bigint", (column) => column.notNull()),
    ],
  },
];

/** The lease of a lock that this process has. */
export interface Lease {
  readonly name: string;
  /** The statement that extends the lease. The statement changes one row, or no row after another holder has taken the lock. */
  readonly extension: Statement;
  /** The statement that deletes the row, unless another holder has taken the lock. */
  readonly end: Statement;
  /** The time at which this process sent the last query that confirmed the lease. */
  confirmedAt: Instant;
  /** Whether another holder has taken the lock, or the row was deleted. */
  isLost: boolean;
}

/** A moment by both clocks of the process, because one clock stops while the computer sleeps, and the other clock can be set. */
interface Instant {
  readonly steady: number;
  readonly wall: number;
}

export const instant = (): Instant => ({ steady: performance.now(), wall: Date.now() });

export const elapsedSince = ({ steady, wall }: Instant): number => Math.max(performance.now() - steady, Date.now() - wall);

/**
 * The longest lease that is valid, milliseconds. Quater's longest lease is ten minutes, and a database clock may be set back a
 * little. Without this limit, an attacker could block a lock forever with a lease that ends in the far future.
 */
const mostLeaseMs = 3_600_000;
/**
 * The largest fencing number that can be increased. An attacker could write the largest number that the database or JavaScript
 * can store.
 */
const mostFence = Number.MAX_SAFE_INTEGER - 1;

/** How long rows of dead processes are kept, milliseconds. */
const keptMs = 3_600_000;

interface Wanted {
  readonly key: string;
  readonly name: string;
  readonly holder: string;
  readonly leaseMs: number;
}

const tablesOf = (store: OpenStore): Kysely<Tables> => store.queries<Tables>();
const leaseEnd = (store: OpenStore, leaseMs: number) => store.sql<number>`${store.clock} + cast(${leaseMs} as bigint)`;

/**
 * Tries once to take a lock. If the answer of the database was lost, the caller can try again, because a holder may take its own
 * lock again.
 */
export const acquired = async (store: OpenStore, { key, name, holder, leaseMs }: Wanted): Promise<Lease | undefined> => {
  const confirmedAt = instant();
  const { sql, clock } = store;
  const attempt = tablesOf(store)
    .insertInto("quater_lock")
    // The first fencing number is the time, so that the number also grows after the row of an earlier holder was deleted.
    .values({ lock_key: key, name, fence: clock, holder, lease_until: leaseEnd(store, leaseMs) })
    .onConflict((conflict) =>
      conflict
        .column("lock_key")
        .doUpdateSet({
          fence: sql<number>`case when quater_lock.fence between 0 and ${sql.lit(mostFence)} then quater_lock.fence + 1 else ${clock} end`,
          holder: (eb) => eb.ref("excluded.holder"),
          lease_until: (eb) => eb.ref("excluded.lease_until"),
        })
        .where(
          sql<boolean>`quater_lock.lease_until <= ${clock} or quater_lock.lease_until > ${clock} + ${sql.lit(mostLeaseMs)}
            or quater_lock.holder = excluded.holder`,
        ),
    )
    .returning("fence");
  const [result] = await store.apply([attempt]);
  const row = result?.rows[0] as { readonly fence: number } | undefined;
  if (row === undefined) return undefined;
  const { fence } = row;
  const extended = tablesOf(store)
    .updateTable("quater_lock")
    .set({ lease_until: leaseEnd(store, leaseMs) })
    .where("lock_key", "=", key)
    .where("fence", "=", fence)
    .where("holder", "=", holder);
  const deleted = tablesOf(store)
    .deleteFrom("quater_lock")
    .where("lock_key", "=", key)
    .where("fence", "=", fence)
    .where("holder", "=", holder);
  return { name, extension: statementOf(extended), end: statementOf(deleted), confirmedAt, isLost: false };
};

/** Extends all leases, and marks the leases that are lost. */
export const renewed = async (store: OpenStore, leases: readonly Lease[]): Promise<void> => {
  const confirmedAt = instant();
  const results = await store.apply(leases.map(({ extension }) => extension));
  for (const [index, lease] of leases.entries()) {
    if (results[index]?.changes === 1) lease.confirmedAt = confirmedAt;
    else lease.isLost = true;
  }
};

/** Deletes the rows of processes that died long ago. */
export const pruned = async (store: OpenStore): Promise<void> => {
  const old = store.sql<number>`${store.clock} - cast(${keptMs} as bigint)`;
  await store.apply([tablesOf(store).deleteFrom("quater_lock").where("lease_until", "<", old)]);
};
