// Compares the store's trail with what its sinks attest, at boot and after each reconnect. A sink that attests an event which
// the store lacks means that the store was set back: by a restore, by promoting a stale standby, or by an attacker.

import type { Reading } from "../../store/service.ts";
import { DamagedHead } from "../log/head.ts";
import type { TrailKeys } from "../log/keys.ts";
import { type HeadRow, queriesOn } from "../log/tables.ts";
import { type Acknowledged, acknowledgedIn } from "./acknowledged.ts";
import { type Attestation, claimIn, readLine } from "./attestation.ts";
import { NewestLines } from "./newest-lines.ts";
import { linesFromEnd } from "./tail.ts";

const megabyte = 1024 * 1024;
/**
 * How much of a sink's end is read. A process that stays reads more when it starts: somebody who may only append to the sink could
 * hide the newest lines behind copies of old ones.
 */
const readBytes = { staying: 16 * megabyte, otherwise: megabyte } as const;

export interface Comparison {
  readonly store: Reading;
  readonly keys: TrailKeys;
  /** The genesis hash of the store's trail. */
  readonly genesis: string;
  /** Sinks that can be read. */
  readonly files: readonly string[];
  /** At boot a sink that cannot be read is refused. Later it is only reported: it says nothing about the store. */
  readonly isBoot: boolean;
  /** Whether the process stays, as a server does. */
  readonly stays: boolean;
  /** Called for lines that are not signed by a key of this project, and for sinks that cannot be read later. */
  readonly warn: (message: string, about: Readonly<Record<string, unknown>>) => void;
}

/** The store lacks what a sink attests, or a sink cannot be read. */
export class StoreDisagrees extends DamagedHead {
  override readonly cause: string;
  readonly remedy: string;

  constructor(cause: string, remedy: string) {
    super(`${cause}. ${remedy}`);
    this.cause = cause;
    this.remedy = remedy;
  }
}

/** A line that the store's trail contradicts. */
export interface Contradiction<Line extends Attestation = Attestation> {
  readonly file: string;
  readonly line: Line;
  readonly head: number;
}

/** @throws {StoreDisagrees} */
export const assertSinksAgree = async (given: Comparison): Promise<void> => {
  // Sinks first: an event is committed before its line is written, so the store read later has it.
  const held = given.files.map((file) => ({ file, lines: newestIn(file, given) }));
  const head = await headOf(given.store);
  if (head === undefined) return;
  const isEmpty = head.seq === 0;
  for (const { file, lines } of held) {
    if (typeof lines !== "string" || isEmpty) continue;
    const disagreement = unreadable(file, lines);
    if (given.isBoot) throw disagreement;
    given.warn(disagreement.cause, {});
  }
  const lines = held.flatMap(({ file, lines }) => (typeof lines === "string" ? [] : lines.map((line) => ({ file, line }))));
  const [first] = (await contradictions(given, head, lines)).sort((one, other) => other.line.seq - one.line.seq);
  if (first !== undefined) throw behind(first);
};

/**
 * Compares lines that were added to a sink. They are read first, as above.
 *
 * @throws {StoreDisagrees}
 */
export const assertHeld = async (
  given: Pick<Comparison, "store" | "keys" | "genesis">,
  file: string,
  lines: readonly string[],
): Promise<void> => {
  const signed = lines.map((line) => readLine(line, given.keys.publicKeys)).filter((read) => typeof read !== "string");
  if (signed.length === 0) return;
  const head = await headOf(given.store);
  if (head === undefined) throw new DamagedHead("The head of the trail is gone");
  const [first] = await contradictions(
    given,
    head,
    signed.map((line) => ({ file, line })),
  );
  if (first !== undefined) throw behind(first);
};

export const headOf = async (store: Reading): Promise<HeadRow | undefined> =>
  (await store.read<HeadRow>(queriesOn(store).head))[0];

/** Returns the newest signed lines of a file, or why it cannot be read. */
const newestIn = (file: string, { keys, warn, isBoot, stays }: Comparison): readonly Attestation[] | string => {
  const newest = new NewestLines();
  let unsigned = 0;
  try {
    for (const line of linesFromEnd(file, isBoot && stays ? readBytes.staying : readBytes.otherwise)) {
      if (newest.isOld(line)) continue;
      const claim = claimIn(line, keys.publicKeys);
      if (claim === "unsigned" || (claim !== "foreign" && !newest.add(claim))) unsigned++;
    }
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? "does not exist" : `cannot be read: ${String(error)}`;
  }
  if (unsigned > 0)
    warn("A sink holds lines that no key of this project signed. They are damaged, or somebody else wrote them", {
      sink: file,
      lines: unsigned,
    });
  return newest.all;
};

/** @returns Lines that the store contradicts and that no acknowledged restore explains. */
export const contradictions = async <Line extends Attestation>(
  { store, keys, genesis }: Pick<Comparison, "store" | "keys" | "genesis">,
  head: HeadRow,
  lines: readonly { readonly file: string; readonly line: Line }[],
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

/** Returns the stored hash of each of these events. */
export const hashesOf = async (store: Reading, seqs: readonly number[]): Promise<ReadonlyMap<number, string>> => {
  const found = new Map<number, string>();
  for (let from = 0; from < seqs.length; from += perQuery) {
    const { events } = queriesOn(store);
    const query = events.select(["seq", "hash"]).where("seq", "in", seqs.slice(from, from + perQuery));
    for (const { seq, hash } of await store.read<{ seq: number; hash: string }>(query)) found.set(seq, hash);
  }
  return found;
};

/** What an operator reads when the store is behind. */
export const acknowledgeRemedy =
  'If you restored a backup or promoted a standby, stop all instances and run `quater store restored --reason "..."`; it voids open approvals. Otherwise find out who changed the store: run `quater audit verify`';

const behind = ({ file, line, head }: Contradiction): StoreDisagrees =>
  new StoreDisagrees(
    line.seq > head
      ? `The store was set back: ${file} attests ${line.seq} events, and the store's trail ends at event ${head}`
      : `The store holds another history: ${file} attests another event ${line.seq} than the store's trail has`,
    acknowledgeRemedy,
  );

const unreadable = (file: string, why: string): StoreDisagrees =>
  new StoreDisagrees(
    `The sink ${file} ${why}, so the store's trail cannot be compared with it`,
    `Put the file back, or mount it. If this sink is new, create an empty file: \`touch ${file}\``,
  );
