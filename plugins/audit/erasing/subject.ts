// The subject of an erasure: one person, one call, or every event that a filter matches. Plugins that keep personal data of their own add
// what they erase.

import type { OpenStore, Statement } from "../../store/service.ts";
import type { EventFields, EventMeta } from "../log/event.ts";
import { isSameName } from "../log/same-name.ts";
import { type Filter, matches } from "../verify/find.ts";

/** What is erased, for plugins that keep rows of their own. */
export interface ErasureSubject {
  /** Whether a name is the person's; `undefined` when the erasure is about a call. */
  readonly isPerson: ((name: string | undefined) => boolean) | undefined;
  readonly callId: string | undefined;
  /** Approval requests that the verified events of this call name, and requests that this person voted on or revoked. */
  readonly approvalIds: {
    readonly ofCall: readonly string[];
    readonly voted: readonly string[];
    readonly revoked: readonly string[];
    /** Those that were erased before, by their events. */
    readonly erased: ReadonlySet<string>;
  };
  /** Erase whole arguments, not only `personal()` fields. */
  readonly isWhole: boolean;
  /** Who erases. */
  readonly principal: NonNullable<EventFields["principal"]>;
}

/** What a plugin erases in the same transaction as the trail. */
export interface Erasure {
  /** Requests whose data are erased. The `audit.erased` events name them. */
  readonly approvalIds: readonly string[];
  /** Each with the number of rows that it must change. */
  readonly changes: readonly Statement[];
  readonly events: readonly { readonly fields: EventFields }[];
  /** Printed by the command, by kind: `{ approvalRequests: 2 }`. */
  readonly counts: Readonly<Record<string, number>>;
  /** Called after the commit. */
  readonly done?: () => void;
}

export type Eraser = (open: OpenStore, subject: ErasureSubject) => Promise<Erasure>;

export interface Selection {
  readonly person: string | undefined;
  readonly filter: Filter;
}

/** Returns whether the person made the call, or the call was made for the person. */
export const isBy = ({ principal }: EventMeta, isPerson: (name: string | undefined) => boolean): boolean =>
  principal !== undefined &&
  (isPerson(principal.person) ||
    isPerson(principal.actsFor) ||
    // A principal without a person is known by its subject alone.
    (principal.person === undefined && isPerson(principal.subject)));

/** Returns whether an event is selected, apart from the requests that it may name. */
export const isSelected = (meta: EventMeta, { person, filter }: Selection): boolean =>
  matches(meta, filter) && (person === undefined || isBy(meta, (name) => name !== undefined && isSameName(name, person)));
