// What a process asks the ledger to write, and what it gets back.

import type { Statement } from "../../store/service.ts";
import type { EventFields, EventLink } from "./event.ts";
import type { Check } from "./evidence.ts";

/** Where the chain stands: what a checkpoint attests. */
export interface Position {
  readonly seq: number;
  readonly hash: string;
  /** The store's clock, milliseconds. */
  readonly at: number;
}

export interface Draft {
  /** A function where the event speaks of the chain before it. */
  readonly fields: EventFields | ((before: Position) => EventFields);
  readonly body?: string;
}

/** What belongs together: events, and changes of state that are made with them or not at all. */
export interface Entry {
  readonly events: readonly Draft[];
  /** Run under a savepoint before the events; what is wrong with them refuses this entry alone. */
  readonly changes?: readonly Statement[];
  /** The trail began behind `from` and begins behind `to` from now on: `changes` deletes the events between. */
  readonly floor?: { readonly from: EventLink; readonly to: EventLink };
  /** Asked in the same transaction, before `changes`: an error refuses this entry alone. */
  readonly check?: Check;
  /** Numbers go on from here, above those of events that are lost: see restore/acknowledged.ts. */
  readonly above?: number;
  /** Run in the same transaction, given where the chain stood. */
  readonly beside?: (before: Position) => readonly Statement[];
}

/** Per entry: the first event's number and hash, or why its changes were refused. */
export type Receipt = { readonly seq: number; readonly hash: string } | { readonly refusal: Error };
