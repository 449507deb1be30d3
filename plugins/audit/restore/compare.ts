// Compares the store's trail with the lines in the sinks, at boot and after each reconnect to the store. If a sink attests an
// event that the store lacks, the store was set back by a restore, by the promotion of an outdated standby, or by an attacker.

import type { Reading } from "../../store/service.ts";
import { DamagedHead } from "../log/head.ts";
import type { TrailKeys } from "../log/keys.ts";
import { queriesOn } from "../log/queries.ts";
import type { HeadRow } from "../log/tables.ts";
import { type Acknowledged, acknowledgedIn } from "./acknowledged.ts";
import type { Attestation, Claim } from "./attestation.ts";

export interface Comparison {
  readonly store: Reading;
  readonly keys: TrailKeys;
  /** The genesis hash of the store's trail. */
  readonly genesis: string;
}

/** A line and the sink that contains the line. */
interface HeldLine<Line extends Attestation = Attestation> {
  readonly file: string;
  readonly line: Line;
}

/** The error when the store lacks an event that a sink attests, or when Quater cannot read a sink. */
export class StoreDisagrees extends DamagedHead {
  override readonly cause: string;
  readonly remedy: string;

  constructor(cause: string, remedy: string) {
    super(`${cause}. ${remedy}`);
    this.cause = cause;
    this.remedy = remedy;
  }
}

/** A sink line that the store's trail contradicts. */
export interface Contradiction<Line extends Attestation = Attestation> extends HeldLine<Line> {
  readonly head: number;
}

/**
 * Compares sink lines with the store. This function checks the signature of a line only if the store contradicts the line.
 *
 * @param look  Returns the trail's current head. This function calls `look` after the sink lines have been read. Quater commits
 * an event before Quater writes the line of the event, so a store that was not set back has the event of each line.
 * @throws {StoreDisagrees} when the store contradicts a signed line.
 */
export const assertHeld = async (
  given: Comparison,
  look: () => Promise<HeadRow>,
  lines: readonly HeldLine<Claim>[],
): Promise<void> => {
  if (lines.length === 0) return;
  const found = await contradictions(given, await look(), lines);
  const first = found.sort((one, other) => other.line.seq - one.line.seq).find(({ line }) => line.isSigned());
  if (first !== undefined) throw behind(first);
};

/** @returns The sink lines that the store contradicts and that no acknowledged restore explains. */
export const contradictions = async <Line extends Attestation>(
  { store, keys, genesis }: Comparison,
  head: HeadRow,
  lines: readonly HeldLine<Line>[],
): Promise<Contradiction<Line>[]> => {
  const own = lines.filter(({ line }) => line.genesis === genesis && line.seq > head.floor_seq && line.seq <= head.seq);
  const hashes = await hashesOf(
    store,
    own.map(({ line }) => line.seq),
  );
  const isHeld = ({ seq, hash, genesis: of }: Attestation): boolean => {
    if (of !== genesis) return false;
    if (seq === head.floor_seq) return hash === head.floor_hash;
    return seq < head.floor_seq || hashes.get(seq) === hash;
  };
  const missing = lines.filter(({ line }) => !isHeld(line));
  if (missing.length === 0) return [];
  const restores: readonly Acknowledged[] = await acknowledgedIn(store, keys, genesis, head);
  return missing
    .filter(({ line }) => !restores.some((restore) => restore.covers(line)))
    .map(({ file, line }) => ({ file, line, head: head.seq }));
};

const perQuery = 500;

/** Returns the stored hashes of the events with the given numbers, by event number. */
export const hashesOf = async (store: Reading, seqs: readonly number[]): Promise<ReadonlyMap<number, string>> => {
  const found = new Map<number, string>();
  const each = [...new Set(seqs)];
  for (let from = 0; from < each.length; from += perQuery) {
    const { events } = queriesOn(store);
    const query = events.select(["seq", "hash"]).where("seq", "in", each.slice(from, from + perQuery));
    for (const { seq, hash } of await store.read<{ seq: number; hash: string }>(query)) found.set(seq, hash);
  }
  return found;
};

/** The remedy in the error for a store that lacks events. */
export const acknowledgeRemedy =
  'If you restored a backup or promoted a standby, stop all instances and run `quater store restored --reason "..."`, which voids open approvals. Otherwise run `quater audit verify` to find out what was changed';

const behind = ({ file, line, head }: Contradiction): StoreDisagrees =>
  new StoreDisagrees(
    line.seq > head
      ? `The store was replaced by an old copy: the sink ${file} has ${line.seq} events, but the trail of the store ends at event ${head}`
      : `The store has another history: the sink ${file} has another event ${line.seq} than the trail of the store`,
    acknowledgeRemedy,
  );

/** Returns the error for a sink that Quater cannot read. @param error The error that reading the sink threw. */
export const unreadable = (file: string, error: unknown): StoreDisagrees => {
  const why = (error as NodeJS.ErrnoException).code === "ENOENT" ? "does not exist" : `cannot be read: ${String(error)}`;
  return new StoreDisagrees(
    `The sink ${file} ${why}, so the trail of the store cannot be compared with the sink`,
    `Put the file of the sink back, or mount the disk of the file. If this sink is new, create an empty file: \`touch ${file}\``,
  );
};
