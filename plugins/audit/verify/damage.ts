// The kinds of damage that a verification finds, and the report of a verification.

import type { SinkProblem } from "./verify-sinks.ts";

/**
 * - `altered`: an event, a column, a body or the head differs from the data that Quater wrote.
 * - `missing`: an event is missing, a body is missing without a record of an erasure, or the end of a call of a dead process is
 *   missing.
 * - `reordered`: an event has the place of another event on the trail.
 * - `forked`: a checkpoint, or a line from outside the store, attests another history than the history of this trail.
 * - `truncated`: the newest events of the trail are missing.
 * - `unsigned`: the checkpoint key did not sign a checkpoint or a sink line, or too many events follow each other without a
 * checkpoint.
 * - `unproven`: the trail records the use, the granting or the end of an approval, but the events that must come earlier are
 * missing.
 * - `orphan`: a row of the table `audit_event` is not part of the trail.
 */
export type DamageKind = "altered" | "missing" | "reordered" | "forked" | "truncated" | "unsigned" | "unproven" | "orphan";

export interface Damage {
  readonly kind: DamageKind;
  /** The number of the first damaged event; absent when the damage concerns the whole trail. */
  readonly seq?: number;
  readonly what: string;
  /** Whether a signed line in a sink, or in a file given with `--against`, contradicts the trail. */
  readonly heldElsewhere?: true;
}

/** The events that an acknowledged restore lost. */
export interface Gap {
  readonly from: number;
  /** The number of the last lost event. `through` is less than `from` when no sink attests how many events the restore lost. */
  readonly through: number;
  /** When the operator acknowledged the restore, milliseconds since the epoch. */
  readonly at: number;
  readonly reason: string;
}

export interface Report {
  /** Whether the verification found no damage and no lost events. */
  readonly isWhole: boolean;
  readonly gaps: readonly Gap[];
  /** How many events Quater verified. `first` and `last` are the lowest and the highest number of these events. */
  readonly events: number;
  readonly first: number;
  readonly last: number;
  /**
   * The number of the event after which the verification began; absent if the verification began at the beginning of the trail.
   */
  readonly after?: number;
  readonly checkpoints: number;
  /** How many signed lines from outside the store Quater compared with the trail. */
  readonly compared: number;
  /** How many bodies of events were erased with a record on the trail. */
  readonly erasedBodies: number;
  /** How many events retention removed with a record on the trail. */
  readonly prunedEvents: number;
  readonly fingerprint: string;
  /** The damage, at most `damageListed` entries. `damageCount` counts all entries. */
  readonly damage: readonly Damage[];
  readonly damageCount: number;
  /** How many entries of the damage are contradictions with signed lines from outside the store. */
  readonly heldElsewhere: number;
  /** The problems of configured sinks whose files are missing, unreadable or cut. */
  readonly sinks?: readonly SinkProblem[];
}

/** Returns the exit code of `audit verify` for a report. If `audit verify` cannot read the trail, its exit code is 2. */
export const exitOf = ({ isWhole, damageCount, heldElsewhere, sinks = [] }: Report): 0 | 1 | 3 | 4 => {
  if (damageCount > heldElsewhere) return 1;
  if (heldElsewhere > 0 || sinks.length > 0) return 3;
  return isWhole ? 0 : 4;
};

export const damageListed = 100;

/** Collects the damage that a verification finds. */
export class Findings {
  readonly listed: Damage[] = [];
  count = 0;

  /** How many of `count` are contradictions with signed lines from outside the store. */
  heldElsewhere = 0;

  say(kind: DamageKind, seq: number | undefined, what: string): void {
    this.count++;
    if (this.listed.length < damageListed) this.listed.push(seq === undefined ? { kind, what } : { kind, seq, what });
  }

  /**
   * Adds a contradiction with a signed line from outside the store. After such a contradiction, the trail may be undamaged, but
   * may differ from the trail that the line attests.
   */
  sayOfHeld(kind: DamageKind, seq: number | undefined, what: string): void {
    this.count++;
    this.heldElsewhere++;
    const said = { kind, what, heldElsewhere: true } as const;
    if (this.listed.length < damageListed) this.listed.push(seq === undefined ? said : { ...said, seq });
  }
}
