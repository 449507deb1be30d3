// What the ledger writes, and what it returns.

import type { Statement } from "../../store/service.ts";
import type { EventFields, EventLink } from "./event.ts";
import type { Check } from "./evidence.ts";

/** The newest event of the chain, as a checkpoint attests it. */
export interface Position {
  readonly seq: number;
  readonly hash: string;
  /** The store's clock, milliseconds. */
  readonly at: number;
}

export interface Draft {
  /** A function, when the fields depend on the event before. */
  readonly fields: EventFields | ((before: Position) => EventFields);
  readonly body?: string;
}

/** Events, and changes of state that are written together with them or not at all. */
export interface Entry {
  readonly events: readonly Draft[];
  /** Run under a savepoint before the events. If one fails, this entry is refused, and other entries of the batch are written. */
  readonly changes?: readonly Statement[];
  /** Moves the beginning of the trail from behind event `from` to behind event `to`. `changes` deletes the events between. */
  readonly floor?: { readonly from: EventLink; readonly to: EventLink };
  /** Runs in the same transaction, before `changes`. An error that it returns refuses this entry alone. */
  readonly check?: Check;
  /** The next events get higher numbers than this one, because a restore lost events up to it: see restore/acknowledged.ts. */
  readonly above?: number;
  /** Writes the row of this process in `audit_instance` in the same transaction: see leases.ts. */
  readonly registers?: true;
  /** Returns more statements for the same transaction. Receives the newest event before the entry. */
  readonly beside?: (before: Position) => readonly Statement[];
}

/** The result for an entry: the number and hash of its first event, or why it was refused. */
export type Receipt = { readonly seq: number; readonly hash: string } | { readonly refusal: Error };
