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
  /** The fields of the event, or a function if they depend on the event before. */
  readonly fields: EventFields | ((before: Position) => EventFields);
  readonly body?: string;
}

/** Events, and the changes of state that are written together with them or not at all. */
export interface Entry {
  readonly events: readonly Draft[];
  /** Statements that run under a savepoint before the events. If one fails, only this entry of the batch is refused. */
  readonly changes?: readonly Statement[];
  /** Moves the beginning of the trail from after event `from` to after event `to`. `changes` deletes the events in between. */
  readonly floor?: { readonly from: EventLink; readonly to: EventLink };
  /** Runs in the same transaction before `changes`. If it returns an error, only this entry is refused. */
  readonly check?: Check;
  /** The next events get numbers above this one, because a restore lost events up to it: see restore/acknowledged.ts. */
  readonly above?: number;
  /** Writes the row of this process in `audit_instance` in the same transaction: see leases.ts. */
  readonly registers?: true;
  /** Returns more statements for the same transaction. Receives the newest event before the entry. */
  readonly beside?: (before: Position) => readonly Statement[];
}

/** The result for an entry: the number and hash of its first event, or why it was refused. */
export type Receipt = { readonly seq: number; readonly hash: string } | { readonly refusal: Error };
