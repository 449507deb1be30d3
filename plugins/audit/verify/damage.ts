// The kinds of damage that a verification finds, and its report.

import type { SinkProblem } from "./verify-sinks.ts";

/**
 * - `altered`: an event, a column, a body or the head is not what was written.
 * - `missing`: an event, or a body that no record of an erasure names, is gone; or the end of a call whose process is gone.
 * - `reordered`: an event stands where another stood.
 * - `forked`: a checkpoint, or a line held elsewhere, attests another history than this one.
 * - `truncated`: the end is gone.
 * - `unsigned`: a checkpoint or a line held elsewhere that the key did not sign, or too many events without a checkpoint.
 * - `unproven`: an approval was used, given or ended without the events that must come before.
 * - `orphan`: a row that the trail does not know of.
 */
export type DamageKind = "altered" | "missing" | "reordered" | "forked" | "truncated" | "unsigned" | "unproven" | "orphan";

export interface Damage {
  readonly kind: DamageKind;
  /** The first event concerned; absent where it is the trail as a whole. */
  readonly seq?: number;
  readonly what: string;
  /** What disagrees is a line that was held outside the store, in a sink or a file given with `--against`. */
  readonly heldElsewhere?: true;
}

/** Events that were lost in a restore which an operator acknowledged. */
export interface Gap {
  readonly from: number;
  /** Less than `from` where no sink says how many events were lost. */
  readonly through: number;
  /** Milliseconds since the epoch: when it was acknowledged. */
  readonly at: number;
  readonly reason: string;
}

export interface Report {
  /** Nothing is damaged and nothing is lost. */
  readonly isWhole: boolean;
  readonly gaps: readonly Gap[];
  /** Verified events, and the first and last of them. */
  readonly events: number;
  readonly first: number;
  readonly last: number;
  readonly checkpoints: number;
  /** Signed lines held elsewhere that were compared. */
  readonly compared: number;
  /** Bodies that were erased with a record. */
  readonly erasedBodies: number;
  /** Events that retention removed, with a record. */
  readonly prunedEvents: number;
  readonly fingerprint: string;
  /** At most `damageListed`; `damageCount` counts all. */
  readonly damage: readonly Damage[];
  readonly damageCount: number;
  /** How many of them are disagreements with lines held elsewhere. */
  readonly heldElsewhere: number;
  /** Configured sinks that are missing, unreadable or cut. */
  readonly sinks?: readonly SinkProblem[];
}

/** The exit codes of `audit verify` for what was read; 2 is for what could not be read. */
export const exitOf = ({ isWhole, damageCount, heldElsewhere, sinks = [] }: Report): 0 | 1 | 3 | 4 => {
  if (damageCount > heldElsewhere) return 1;
  if (heldElsewhere > 0 || sinks.length > 0) return 3;
  return isWhole ? 0 : 4;
};

export const damageListed = 100;

/** What was found so far. */
export class Findings {
  readonly listed: Damage[] = [];
  count = 0;

  /** How many of `count` are disagreements with lines held elsewhere. */
  heldElsewhere = 0;

  say(kind: DamageKind, seq: number | undefined, what: string): void {
    this.count++;
    if (this.listed.length < damageListed) this.listed.push(seq === undefined ? { kind, what } : { kind, seq, what });
  }

  /** The trail may be whole in itself, and still not be the one that was attested. */
  sayOfHeld(kind: DamageKind, seq: number | undefined, what: string): void {
    this.count++;
    this.heldElsewhere++;
    const said = { kind, what, heldElsewhere: true } as const;
    if (this.listed.length < damageListed) this.listed.push(seq === undefined ? said : { ...said, seq });
  }
}
