// Describes the subject of an erasure: the data of one person, of one call, or of every event that a filter matches. Plugins that
// store personal data add changes of their own rows to the erasure.

import type { OpenStore, Statement } from "../../store/service.ts";
import type { EventFields, EventMeta } from "../log/event.ts";
import { isSameName } from "../log/same-name.ts";
import { type Filter, matches } from "../verify/find.ts";

/** The subject of an erasure, for plugins that store personal data in their own tables. */
export interface ErasureSubject {
  /** Returns whether a name is the name of the person whose data are erased; `undefined` when the erasure concerns a call. */
  readonly isPerson: ((name: string | undefined) => boolean) | undefined;
  readonly callId: string | undefined;
  /**
   * The ids of approval requests in the verified events of the call, and of requests on which the person voted or that the person
   * revoked.
   */
  readonly approvalIds: {
    readonly ofCall: readonly string[];
    readonly voted: readonly string[];
    readonly revoked: readonly string[];
    /** The ids of approval requests whose data an earlier erasure has removed, according to the trail. */
    readonly erased: ReadonlySet<string>;
  };
  /** Whether to erase all arguments of a call, and not only `personal()` fields. */
  readonly isWhole: boolean;
  /** The principal who runs the erasure. */
  readonly principal: NonNullable<EventFields["principal"]>;
}

/** The changes by which a plugin erases its data, in the transaction that also erases data of the trail. */
export interface Erasure {
  /** The ids of the approval requests whose data the plugin erases. The `audit.erased` events contain these ids. */
  readonly approvalIds: readonly string[];
  /** The SQL statements of the plugin, each with the number of rows that the statement must change. */
  readonly changes: readonly Statement[];
  readonly events: readonly { readonly fields: EventFields }[];
  /** How many rows of each kind the plugin erases, for the output of `quater audit erase`: `{ approvalRequests: 2 }`. */
  readonly counts: Readonly<Record<string, number>>;
  /** Quater calls this function after the commit of the erasure. */
  readonly done?: () => void;
}

export type Eraser = (open: OpenStore, subject: ErasureSubject) => Promise<Erasure>;

export interface Selection {
  readonly person: string | undefined;
  readonly filter: Filter;
}

/** Returns whether the person made the call of this event, or an agent or service made the call for the person. */
export const isBy = ({ principal }: EventMeta, isPerson: (name: string | undefined) => boolean): boolean =>
  principal !== undefined &&
  (isPerson(principal.person) ||
    isPerson(principal.actsFor) ||
    // The only name of a principal without a person is the subject of the principal.
    (principal.person === undefined && isPerson(principal.subject)));

/**
 * Returns whether an event belongs to the person of an erasure, or matches the filter of an erasure. `quater audit erase` selects
 * events of the person's approval requests separately.
 */
export const isSelected = (meta: EventMeta, { person, filter }: Selection): boolean =>
  matches(meta, filter) && (person === undefined || isBy(meta, (name) => name !== undefined && isSameName(name, person)));
