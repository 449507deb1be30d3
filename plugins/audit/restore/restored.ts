// Runs `quater store restored`, by which an operator acknowledges that the store was set back to an older state. `quater store
// restored` voids every open approval request. The trail begins a new segment above all numbers that a sink attests, and every
// sink gets a line about the new segment.

import { conflict, QuaterError } from "../../../core/index.ts";
import type { OpenStore, Statement } from "../../store/service.ts";
import { checkpointing } from "../log/checkpoints.ts";
import type { Draft } from "../log/entry.ts";
import { headOf } from "../log/head.ts";
import type { TrailKeys } from "../log/keys.ts";
import { runningInstances } from "../log/leases.ts";
import type { Ledger } from "../log/ledger.ts";
import type { LikeTags } from "../log/like-tags.ts";
import { compiled } from "../log/queries.ts";
import { chain, type HeadRow } from "../log/tables.ts";
import type { Trail } from "../log/trail.ts";
import type { Sink } from "../sinks/sinks.ts";
import { linesOf } from "../verify/source.ts";
import type { RestoredDetail } from "./acknowledged.ts";
import { type Claim, claimIn, type Missing, signedLine } from "./attestation.ts";
import { contradictions } from "./compare.ts";

/** The use of an approval that a sink proves and that the restored store no longer has. */
export interface LostUse {
  readonly approvalId: string;
  readonly callId: string;
  readonly at: number;
  /** The keyed digests of the call; absent in lines that an older version of Quater wrote. */
  readonly tags?: LikeTags;
}

/** The changes of a plugin's rows that the transaction of the `store.restored` event makes. */
export interface Voiding {
  /** The SQL statements of the plugin, each with the number of rows that the statement must change. */
  readonly changes: readonly Statement[];
  readonly events: readonly Draft[];
  /** How many rows of each kind the plugin changes, for the output of `quater store restored`. */
  readonly counts: Readonly<Record<string, number>>;
}

export type Restorer = (open: OpenStore, lost: readonly LostUse[]) => Promise<Voiding>;

export interface RestoreParts {
  readonly trail: Trail;
  readonly keys: () => TrailKeys;
  readonly sinks: readonly Sink[];
  readonly restorers: readonly Restorer[];
  readonly app: string;
}

export interface RestoreGiven {
  readonly reason: string;
  readonly by: string;
  /** The paths of the sink files of other instances. */
  readonly against: readonly string[];
  /** Whether to continue although the row of an instance has a lease that has not expired. */
  readonly despiteLeases: boolean;
}

export interface Restored {
  /** The number of the `store.restored` event that records the restore. */
  readonly event: number;
  readonly missing: Missing;
  readonly lostUses: readonly LostUse[];
  readonly counts: Readonly<Record<string, number>>;
  /** The sinks that did not accept the line about the restore, each with the reason. */
  readonly untold: readonly string[];
}

const withinMs = 60_000;
/** How many lost uses the `store.restored` event lists. The sinks contain all lost uses. */
const usesNamed = 100;

/**
 * Acknowledges a restore. @throws {QuaterError} `conflict` while an instance runs, when the store and the sinks agree, or when
 * Quater cannot read a sink.
 */
export const acknowledgeRestore = async (
  { trail, keys, sinks, restorers, app }: RestoreParts,
  { reason, by, against, despiteLeases }: RestoreGiven,
  store: OpenStore,
): Promise<Restored> => {
  trail.acknowledgeRestore();
  if (!despiteLeases) await assertNobodyRuns(store);
  const ledger = await trail.open();
  const head = await headOf(store);
  if (head === undefined) throw new Error("The record of the trail's end (audit_head) is missing");
  const files = [...sinks.flatMap(({ path }) => path ?? []), ...against];
  const lost = await lostEvents({ store, keys: keys(), genesis: ledger.genesis, files }, head);
  if (lost === undefined && files.length > 0)
    conflict("The store and its sinks agree, so no event is lost. The command quater store restored is not needed");
  const missing = lost?.missing ?? { from: head.seq + 1, through: head.seq };
  const lostUses = lost?.uses ?? [];
  const voidings: Voiding[] = [];
  for (const restorer of restorers) voidings.push(await restorer(store, lostUses));
  const detail: RestoredDetail = {
    after: { seq: head.seq, hash: head.hash },
    missing,
    ...(lost?.genesis === undefined ? {} : { genesis: lost.genesis }),
    by,
    reason,
    used: lostUses.slice(0, usesNamed).map(({ approvalId, callId }) => ({ approvalId, callId })),
  };
  const voided = voidings.flatMap(({ events }) => events);
  const receipt = await trail.recordFirst(
    {
      changes: [headStands(ledger, head), ...voidings.flatMap(({ changes }) => changes)],
      above: missing.through,
      events: [{ fields: { type: "store.restored", detail } }, ...signedBetween(voided, () => trail.checkpointDraft())],
    },
    withinMs,
  );
  if ("refusal" in receipt) throw changedMeanwhile(receipt.refusal);
  const { checkpoint } = keys();
  const about = { app, chain, genesis: ledger.genesis, at: Date.now(), key: checkpoint.id };
  const place = { seq: receipt.seq, hash: receipt.hash };
  const line = signedLine("store.restored", { ...about, ...place, after: detail.after, missing }, checkpoint.privateKey);
  const untold = sinks.flatMap((sink) => toldTo(sink, line));
  const counts = Object.assign({}, ...voidings.map((each) => each.counts)) as Record<string, number>;
  return { event: receipt.seq, missing, lostUses, counts, untold };
};

/**
 * Adds checkpoints between the events of the restore, because verification reports damage when too many events follow each other
 * without a checkpoint.
 */
const signedBetween = (events: readonly Draft[], checkpoint: () => Draft): readonly Draft[] =>
  events.flatMap((event, index) => ((index + 1) % checkpointing.events === 0 ? [event, checkpoint()] : [event]));

const assertNobodyRuns = async (store: OpenStore): Promise<void> => {
  const { count, text } = await runningInstances(store);
  if (count === 0) return;
  conflict(
    `${count === 1 ? "An instance is" : `${count} instances are`} running. Stop all instances, then repeat this command. If you have already stopped all instances, wait until the leases of the instances expire: ${text}. If you are sure that no instance runs, add --despite-leases`,
  );
};

interface Lost {
  readonly missing: Missing;
  readonly genesis: string | undefined;
  readonly uses: readonly LostUse[];
}

type Held = Parameters<typeof contradictions>[0] & { readonly files: readonly string[] };

/** How many sink lines Quater compares with the store at a time. */
const blockLines = 256;

/**
 * Reads the sinks completely, because an attacker may have appended copies of old lines, and a trail that was set back uses the
 * same event numbers again.
 *
 * @returns The lost events; `undefined` when the sinks attest no event that the store lacks.
 */
const lostEvents = async (held: Held, head: HeadRow): Promise<Lost | undefined> => {
  const byPlace = new Map<string, Claim>();
  for await (const { contradicting } of comparedBlocks(held, head))
    for (const line of contradicting) byPlace.set(`${line.genesis} ${line.seq} ${line.hash}`, line);
  const lost = [...byPlace.values()].sort((one, other) => other.seq - one.seq);
  const [newest] = lost;
  if (newest === undefined) return undefined;
  const isOther = newest.genesis !== held.genesis;
  return {
    missing: { from: isOther ? 1 : await firstLost(held, head, lost), through: newest.seq, head: newest.hash },
    genesis: isOther ? newest.genesis : undefined,
    uses: lost.flatMap(({ used, at }) => (used === undefined ? [] : [{ ...used, at }])),
  };
};

/**
 * @param lost  The lines about lost events, highest event number first. @returns The number after the newest event on which store
 * and sinks agree.
 */
const firstLost = async (held: Held, head: HeadRow, lost: readonly Claim[]): Promise<number> => {
  const lowest = lost.filter(({ genesis }) => genesis === held.genesis).at(-1)?.seq ?? head.seq + 1;
  if (lowest > head.seq) return head.seq + 1;
  let agreed = head.floor_seq;
  for await (const { agreeing } of comparedBlocks(held, head))
    for (const line of agreeing) if (line.seq < lowest && line.seq > agreed && line.isSigned()) agreed = line.seq;
  return agreed + 1;
};

/** Yields all lines of all sinks. This function checks the signature of a line only if the line contradicts the store. */
const comparedBlocks = async function* (held: Held, head: HeadRow) {
  for (const file of held.files) {
    for (const block of blocksOf(file, held)) {
      const lines = block.map((line) => ({ file, line }));
      const found = new Set((await contradictions(held, head, lines)).map(({ line }) => line));
      yield {
        contradicting: [...found].filter((line) => line.isSigned()),
        agreeing: block.filter((line) => line.genesis === held.genesis && line.seq <= head.seq && !found.has(line)),
      };
    }
  }
};

const blocksOf = function* (file: string, { keys }: Held): Generator<readonly Claim[]> {
  let block: Claim[] = [];
  try {
    for (const line of linesOf(file)) {
      const read = claimIn(line, keys.publicKeys);
      if (typeof read === "string") continue;
      block.push(read);
      if (block.length < blockLines) continue;
      yield block;
      block = [];
    }
  } catch (error) {
    if (error instanceof QuaterError) throw error;
    conflict(
      `The sink ${file} cannot be read, so Quater cannot find out which events were lost. Put the file back first (${String(error)})`,
    );
  }
  if (block.length > 0) yield block;
};

/**
 * Makes an SQL statement that fails if the head of the trail has moved, because no process may write events between the
 * comparison with the sinks and the commit of the restore.
 */
const headStands = ({ queries }: Ledger, { seq, hash }: HeadRow): Statement => ({
  ...compiled(
    queries.db.updateTable("audit_head").set({ seq }).where("chain", "=", chain).where("seq", "=", seq).where("hash", "=", hash),
  ),
  expects: 1,
});

const changedMeanwhile = (cause: Error): QuaterError =>
  new QuaterError({
    code: "conflict",
    kind: "conflict",
    message:
      "Another process changed the store at the same time, so the restore was not acknowledged. Stop all instances and repeat this command",
    cause,
  });

const toldTo = (sink: Sink, line: string): string[] => {
  try {
    sink.send(line);
    return [];
  } catch (error) {
    return [`${sink.name}: ${String(error)}`];
  }
};
