// The entries that the ledger writes, and the receipts that the ledger returns.

import type { Statement } from "../../store/service.ts";
import type { EventFields, EventLink } from "./event.ts";
import type { Check } from "./evidence.ts";

/** The newest event of the chain, as a checkpoint attests the event: the number and hash of the event. */
export interface Position {
  readonly seq: number;
  readonly hash: string;
  /** The time of the event by the store's clock, milliseconds since the epoch. */
  readonly at: number;
}

export interface Draft {
  /** The fields of the event, or a function that returns the fields if the fields depend on the event before. */
  readonly fields: EventFields | ((before: Position) => EventFields);
  readonly body?: string;
}

/**
 * Events and changes of rows that the ledger writes together. One transaction writes all events and changes of an entry, or
 * nothing.
 */
export interface Entry {
  readonly events: readonly Draft[];
  /**
   * SQL statements that run under a savepoint before Quater inserts the events of the entry. If a statement fails, the ledger
   * refuses only this entry of the batch.
   */
  readonly changes?: readonly Statement[];
  /**
   * The beginning of the trail moves from event `from` to event `to`. The trail then begins after event `to`, and the statements
   * in `changes` delete the events in between.
   */
  readonly floor?: { readonly from: EventLink; readonly to: EventLink };
  /**
   * The ledger runs `check` before `changes`, in the transaction that writes the entry. If `check` returns an error, the ledger
   * refuses only this entry.
   */
  readonly check?: Check;
  /**
   * The number that the numbers of the next events must exceed, because a restore lost events up to this number: see
   * restore/acknowledged.ts.
   */
  readonly above?: number;
  /** Whether the transaction that writes the entry also writes the row of this process in `audit_instance`: see leases.ts. */
  readonly registers?: true;
  /**
   * Returns more SQL statements for the transaction that writes the entry. The argument of this function is the newest event
   * before the entry.
   */
  readonly beside?: (before: Position) => readonly Statement[];
}

/**
 * The result of writing an entry: the number and hash of the entry's first event, or the error because of which the ledger
 * refused the entry.
 */
export type Receipt = { readonly seq: number; readonly hash: string } | { readonly refusal: Error };
