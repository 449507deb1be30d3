// The kinds of damage that a verification finds, and its report.

import type { SinkProblem } from "./verify-sinks.ts";

/**
 * - `altered`: an event, a column, a body or the head differs from the data that Quater wrote.
 * - `missing`: an event is missing, a body is missing without a record of an erasure, or the end of a call of a dead process is
 *   missing.
 * - `reordered`: an event is at the place of another event.
 * - `forked`: a checkpoint, or a line from outside the store, attests another history than this trail.
 * - `truncated`: the end of the trail is missing.
 * - `unsigned`: the checkpoint key did not sign a checkpoint or a line from outside the store, or too many events follow each
 *   other without a checkpoint.
 * - `unproven`: an approval was used, given or ended, but the events that must come earlier are missing.
 * - `orphan`: a row that is not part of the trail.
 */
export type DamageKind = "altered" | "missing" | "reordered" | "forked" | "truncated" | "unsigned" | "unproven" | "orphan";

export interface Damage {
  readonly kind: DamageKind;
  /** The number of the first damaged event; absent when the damage is about the whole trail. */
  readonly seq?: number;
  readonly what: string;
  /** Whether the contradiction is a line that was kept outside the store, in a sink or in a file given with `--against`. */
  readonly heldElsewhere?: true;
}

/** Events that were lost in an acknowledged restore. */
export interface Gap {
  readonly from: number;
  /** The number of the last lost event. The number is less than `from` when no sink attests how many events were lost. */
  readonly through: number;
  /** When the restore was acknowledged, milliseconds since the epoch. */
  readonly at: number;
  readonly reason: string;
}

export interface Report {
  /** Whether the trail has no damage and lost no event. */
  readonly isWhole: boolean;
  readonly gaps: readonly Gap[];
  /** How many events were verified. `first` and `last` are their lowest and highest number. */
  readonly events: number;
  readonly first: number;
  readonly last: number;
  /** The number of the event after which the verification began; absent if it began at the beginning of the trail. */
  readonly after?: number;
  readonly checkpoints: number;
  /** How many signed lines from outside the store were compared. */
  readonly compared: number;
  /** How many bodies were erased with a record. */
  readonly erasedBodies: number;
  /** How many events retention removed, with a record. */
  readonly prunedEvents: number;
  readonly fingerprint: string;
  /** The damage, at most `damageListed` entries. `damageCount` counts all of it. */
  readonly damage: readonly Damage[];
  readonly damageCount: number;
  /** How many entries of the damage are contradictions with lines from outside the store. */
  readonly heldElsewhere: number;
  /** The configured sinks that are missing, unreadable or cut. */
  readonly sinks?: readonly SinkProblem[];
}

/** Returns the exit code of `audit verify` for a report. The exit code 2 means that the trail could not be read. */
export const exitOf = ({ isWhole, damageCount, heldElsewhere, sinks = [] }: Report): 0 | 1 | 3 | 4 => {
  if (damageCount > heldElsewhere) return 1;
  if (heldElsewhere > 0 || sinks.length > 0) return 3;
  return isWhole ? 0 : 4;
};

export const damageListed = 100;

/** Collects the damage that was found so far. */
export class Findings {
  readonly listed: Damage[] = [];
  count = 0;

  /** How many of `count` are contradictions with lines from outside the store. */
  heldElsewhere = 0;

  say(kind: DamageKind, seq: number | undefined, what: string): void {
    this.count++;
    if (this.listed.length < damageListed) this.listed.push(seq === undefined ? { kind, what } : { kind, seq, what });
  }

  /**
   * Adds a contradiction with a line from outside the store. The trail may be undamaged, but may not be the trail that the line
   * attests.
   */
  sayOfHeld(kind: DamageKind, seq: number | undefined, what: string): void {
    this.count++;
    this.heldElsewhere++;
    const said = { kind, what, heldElsewhere: true } as const;
    if (this.listed.length < damageListed) this.listed.push(seq === undefined ? said : { ...said, seq });
  }
}
