// Describes the subject of an erasure: the data of one person, of one call, or of every event that a filter matches. Plugins with
// their own personal data add their own changes to the erasure.

import type { OpenStore, Statement } from "../../store/service.ts";
import type { EventFields, EventMeta } from "../log/event.ts";
import { isSameName } from "../log/same-name.ts";
import { type Filter, matches } from "../verify/find.ts";

/** The subject of an erasure, for plugins that keep their own rows. */
export interface ErasureSubject {
  /** Returns whether a name is the name of the person; `undefined` when the erasure is about a call. */
  readonly isPerson: ((name: string | undefined) => boolean) | undefined;
  readonly callId: string | undefined;
  /**
   * Approval requests that the verified events of the call name, and requests on which the person voted or that the person
   * revoked.
   */
  readonly approvalIds: {
    readonly ofCall: readonly string[];
    readonly voted: readonly string[];
    readonly revoked: readonly string[];
    /** The ids of requests whose data were erased before, according to the trail. */
    readonly erased: ReadonlySet<string>;
  };
  /** Whether to erase whole arguments, and not only `personal()` fields. */
  readonly isWhole: boolean;
  /** The principal who erases. */
  readonly principal: NonNullable<EventFields["principal"]>;
}

/** The changes by which a plugin erases its data, in the transaction that erases data of the trail. */
export interface Erasure {
  /** The ids of the requests whose data are erased. The `audit.erased` events contain these ids. */
  readonly approvalIds: readonly string[];
  /** The statements, each with the number of rows that it must change. */
  readonly changes: readonly Statement[];
  readonly events: readonly { readonly fields: EventFields }[];
  /** How many rows are erased by kind, for the command's output: `{ approvalRequests: 2 }`. */
  readonly counts: Readonly<Record<string, number>>;
  /** Called after the commit of the erasure. */
  readonly done?: () => void;
}

export type Eraser = (open: OpenStore, subject: ErasureSubject) => Promise<Erasure>;

export interface Selection {
  readonly person: string | undefined;
  readonly filter: Filter;
}

/** Returns whether the person made the call, or an agent or service made it for the person. */
export const isBy = ({ principal }: EventMeta, isPerson: (name: string | undefined) => boolean): boolean =>
  principal !== undefined &&
  (isPerson(principal.person) ||
    isPerson(principal.actsFor) ||
    // A principal without a person has only its subject as a name.
    (principal.person === undefined && isPerson(principal.subject)));

/**
 * Returns whether the person or the filter of the erasure selects an event. Events of the person's approval requests are selected
 * separately.
 */
export const isSelected = (meta: EventMeta, { person, filter }: Selection): boolean =>
  matches(meta, filter) && (person === undefined || isBy(meta, (name) => name !== undefined && isSameName(name, person)));
