// Leases of processes that write: while one runs, calls that its process has started may still end.

import type { OpenStore, Statement } from "../store/service.ts";
import type { Ledger, Position } from "./ledger.ts";
import { compiled } from "./tables.ts";

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

export const instanceGone = (ledger: Ledger | undefined, instance: string): readonly Statement[] =>
  ledger === undefined ? [] : [compiled(ledger.queries.db.deleteFrom("audit_instance").where("instance", "=", instance))];
