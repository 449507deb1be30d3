// The entries that the ledger writes, and the receipts that it returns.

import type { Statement } from "../../store/service.ts";
import type { EventFields, EventLink } from "./event.ts";
import type { Check } from "./evidence.ts";

/** The newest event of the chain, as a checkpoint attests it: its number and hash. */
export interface Position {
  readonly seq: number;
  readonly hash: string;
  /** The time of the store's clock, milliseconds since the epoch. */
  readonly at: number;
}

export interface Draft {
  /** The fields of the event, or a function if the fields depend on the event before this event. */
  readonly fields: EventFields | ((before: Position) => EventFields);
  readonly body?: string;
}

/** Events and changes of state. One transaction writes all of them, or none. */
export interface Entry {
  readonly events: readonly Draft[];
  /**
   * Statements that run under a savepoint before the events are inserted. If a statement fails, only this entry of the batch is
   * refused.
   */
  readonly changes?: readonly Statement[];
  /** Moves the beginning of the trail from after event `from` to after event `to`. `changes` deletes the events in between. */
  readonly floor?: { readonly from: EventLink; readonly to: EventLink };
  /** Runs before `changes`, in the transaction that writes the entry. If `check` returns an error, only this entry is refused. */
  readonly check?: Check;
  /**
   * The next events get numbers above this number, because a restore lost events up to this number: see restore/acknowledged.ts.
   */
  readonly above?: number;
  /** Writes the row of this process in `audit_instance`, in the transaction that writes the entry: see leases.ts. */
  readonly registers?: true;
  /** Returns more statements for the transaction that writes the entry. The argument is the newest event before the entry. */
  readonly beside?: (before: Position) => readonly Statement[];
}

/** The result of writing an entry: the number and hash of its first event, or the reason why the entry was refused. */
export type Receipt = { readonly seq: number; readonly hash: string } | { readonly refusal: Error };
