// The locks in the store. Each lock that a call has is a row in the store with a lease and a fencing number. Quater does not use
// the session locks of PostgreSQL, because a pooler may give every transaction another session. Transaction locks would keep a
// transaction open while a handler runs.

import type { Kysely } from "kysely";
import { statementOf } from "../queries.ts";
import type { Migration, OpenStore, Statement } from "../service.ts";

interface LockRow {
  readonly lock_key: string;
  /** The name of the lock, for people who read the table of locks. */
  readonly name: string;
  /** The fencing number of the lock. The fencing number grows each time when another process gets the lock. */
  readonly fence: number;
  /** The random name of the process that has the lock. */
  readonly holder: string;
  /** The expiry time of the lease by the store's clock, milliseconds. After the expiry time, other processes may get the lock. */
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
  /** The statement that extends the lease. The statement changes one row, or no row after another process has got the lock. */
  readonly extension: Statement;
  /** The statement that deletes the row of the lock, unless another process has got the lock. */
  readonly end: Statement;
  /** The time at which this process sent the last query that confirmed the lease. */
  confirmedAt: Instant;
  /**
   * Whether this process has lost the lock, because another process has got the lock or somebody has deleted the row of the lock.
   */
  isLost: boolean;
}

/**
 * A time that this process reads from both of its clocks. The steady clock stops while the computer sleeps, and an operator can
 * set the wall clock.
 */
interface Instant {
  readonly steady: number;
  readonly wall: number;
}

export const instant = (): Instant => ({ steady: performance.now(), wall: Date.now() });

export const elapsedSince = ({ steady, wall }: Instant): number => Math.max(performance.now() - steady, Date.now() - wall);

/**
 * The longest lease that Quater accepts as valid, milliseconds. Quater's longest lease is ten minutes, and an operator may set
 * the clock of the database back a little. Without this limit, an attacker could block a lock forever with a lease that ends in
 * the far future.
 */
const mostLeaseMs = 3_600_000;
/**
 * The largest fencing number that Quater can increase. An attacker could write the largest number that the database or JavaScript
 * can store.
 */
const mostFence = Number.MAX_SAFE_INTEGER - 1;

/** How long Quater keeps the rows of locks of dead processes, milliseconds. */
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
 * Tries once to get a lock. If this process did not get the answer of the database, the caller can try again, because a process
 * may get its own lock again.
 */
export const acquired = async (store: OpenStore, { key, name, holder, leaseMs }: Wanted): Promise<Lease | undefined> => {
  const confirmedAt = instant();
  const { sql, clock } = store;
  const attempt = tablesOf(store)
    .insertInto("quater_lock")
    // The first fencing number of a lock is the time, so that the fencing number also grows after the row of an earlier process
    // was deleted.
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

/** Extends all leases of this process, and marks the leases that this process has lost. */
export const renewed = async (store: OpenStore, leases: readonly Lease[]): Promise<void> => {
  const confirmedAt = instant();
  const results = await store.apply(leases.map(({ extension }) => extension));
  for (const [index, lease] of leases.entries()) {
    if (results[index]?.changes === 1) lease.confirmedAt = confirmedAt;
    else lease.isLost = true;
  }
};

/** Deletes the rows of locks whose processes died long ago. */
export const pruned = async (store: OpenStore): Promise<void> => {
  const old = store.sql<number>`${store.clock} - cast(${keptMs} as bigint)`;
  await store.apply([tablesOf(store).deleteFrom("quater_lock").where("lease_until", "<", old)]);
};
