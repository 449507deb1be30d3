// Removes events that are too old, and records the removal with an event in the same transaction. Missing events without such a
// record are damage. Quater verifies each event before the removal, because otherwise a recorded removal could hide that an
// attacker has changed the event.

import type { OpenStore } from "../../store/service.ts";
import type { Attestation } from "../restore/attestation.ts";
import { contradictions } from "../restore/compare.ts";
import { NewestLines } from "../restore/newest-lines.ts";
import { readerOf, type TrailReader, type Verified, verifiedRows } from "../verify/find.ts";
import { assertVerified, erasedIn, Unverified, verifiedPages } from "../verify/verified.ts";
import { VerifyKeys } from "../verify/verify-keys.ts";
import { isBodyGone } from "../verify/verify-row.ts";
import type { SignedCheckpoint } from "./chain.ts";
import type { EventLink } from "./event.ts";
import { headOf } from "./head.ts";
import type { TrailKeys } from "./keys.ts";
import { oldestOpenFiling, openSinceMs } from "./open-requests.ts";
import { compiled, queriesOn } from "./queries.ts";
import { readRows } from "./rows.ts";
import { chain, type HeadRow } from "./tables.ts";
import type { Trail } from "./trail.ts";

/** The most events per transaction. A transaction that removes a year of events would block other writers for too long. */
const perPrune = 5_000;

export interface PruneParts {
  readonly trail: Trail;
  readonly store: OpenStore;
  readonly keys: TrailKeys;
  /** The absolute paths of the configured sink files, which Quater can read back. */
  readonly sinkFiles: readonly string[];
}

/**
 * Removes events older than `beforeMs`, up to the newest checkpoint that every sink file has. So the sinks still prove after
 * which event the trail begins. Quater keeps the filing event of an open approval request, and all later events.
 *
 * @returns The number of removed events.
 * @throws {Unverified} when an event does not verify, or a sink file does not confirm the trail. Quater does not remove that
 * event and later events.
 */
export const prune = async (parts: PruneParts, beforeMs: number): Promise<number> => {
  const { trail, store, keys } = parts;
  const reader = readerOf(store, keys);
  const { genesis } = await trail.open();
  const head = await headOf(store);
  if (head === undefined) return 0;
  let floor: EventLink = { seq: head.floor_seq, hash: head.floor_hash };
  let most: number | undefined;
  let removed = 0;
  try {
    for (;;) {
      const old = await oldEvents(reader, floor, most ?? head.seq, beforeMs);
      if (old.length === 0) return removed;
      if (most === undefined) {
        most = Math.min(
          await attested(parts, reader, head, genesis),
          await beforeOpen(reader, head, beforeMs, await store.now()),
        );
        continue;
      }
      floor = await removeEvents(parts, reader, floor, old);
      removed += old.length;
    }
  } catch (error) {
    // Ignore the error if another instance has removed events while this process read these events.
    if (error instanceof Unverified && ((await headOf(store))?.floor_seq ?? 0) > floor.seq) return removed;
    throw error;
  }
};

/**
 * @returns The number of the event before the oldest filing event that must stay, or the number of the newest event if no filing
 * event must stay.
 */
const beforeOpen = async (reader: TrailReader, head: HeadRow, beforeMs: number, now: number): Promise<number> => {
  if (beforeMs <= openSinceMs(now)) return head.seq;
  const filing = await oldestOpenFiling(reader, head.floor_seq, head.seq, now);
  return filing === undefined ? head.seq : filing - 1;
};

/** Returns the verified events after `floor`, up to the last event of the page that is old enough to be removed. */
const oldEvents = async (reader: TrailReader, floor: EventLink, most: number, beforeMs: number): Promise<readonly Verified[]> => {
  const old: Verified[] = [];
  for await (const page of verifiedPages(reader, floor, most)) {
    const last = page.findLastIndex(({ meta }) => meta.at < beforeMs);
    old.push(...page.slice(0, last + 1));
    if (last < page.length - 1 || old.length >= perPrune) break;
  }
  return old;
};

/** Removes the given events from the store. @returns The last removed event. @throws {Unverified} */
const removeEvents = async (
  { trail, store }: PruneParts,
  reader: TrailReader,
  floor: EventLink,
  old: readonly Verified[],
): Promise<EventLink> => {
  const { seq, hash } = old.at(-1)?.row ?? floor;
  await assertBodies(reader, floor.seq, seq, old);
  const { db } = queriesOn(store);
  const gone = db.deleteFrom("audit_event").where("chain", "=", chain).where("seq", ">", floor.seq).where("seq", "<=", seq);
  const receipt = await trail.record({
    // If the statement deletes another number of rows, a row between the removed events belongs to no event of the trail.
    changes: [{ ...compiled(gone), expects: old.length }],
    floor: { from: floor, to: { seq, hash } },
    events: [{ fields: { type: "audit.erased", detail: { pruned: { from: floor.seq + 1, through: seq, hash } } } }],
  });
  if (!("refusal" in receipt)) return { seq, hash };
  throw new Unverified(
    `The store must have exactly the events ${floor.seq + 1} to ${seq} to remove old events: ${receipt.refusal.message}`,
  );
};

/**
 * Checks the bodies of events: an event must record each missing body, and the store must not have a body that such an event
 * names.
 */
const assertBodies = async (reader: TrailReader, floor: number, through: number, events: readonly Verified[]): Promise<void> => {
  const erased = await erasedIn(reader, floor, through);
  for (const { row } of events) {
    if (isBodyGone(row) && !erased.has(row.seq))
      throw new Unverified(`The body of event ${row.seq} is missing, and no event records that it was erased`);
    // Read the body again, because another process may have erased the body after this process read the event.
    if (row.body !== null && erased.has(row.seq) && (await bodyOf(reader, row.seq)) !== null)
      throw new Unverified(`The body of event ${row.seq} was erased, but the store has a body for it again`);
  }
};

const bodyOf = async ({ store }: TrailReader, seq: number): Promise<string | null | undefined> =>
  (await readRows(store, queriesOn(store).page("after", seq - 1, 1)))[0]?.body;

/**
 * @returns The number of the newest event up to which the trail's newest checkpoint and the newest line of every sink file
 * attest the trail.
 */
const attested = async (parts: PruneParts, reader: TrailReader, head: HeadRow, genesis: string): Promise<number> => {
  const { store, keys, sinkFiles } = parts;
  const sizes = [await ownCheckpoint(reader, head, new VerifyKeys(keys, keys.checkpoint.fingerprint))];
  for (const file of sinkFiles) {
    const line = await newestIn(file, keys, genesis);
    if (line !== undefined) {
      const [contradiction] = await contradictions({ store, keys, genesis }, head, [{ file, line }]);
      if (contradiction !== undefined) throw new Unverified(`The sink ${file} has another event ${line.seq} than the store`);
    }
    sizes.push(line?.seq ?? 0);
  }
  return Math.min(...sizes);
};

const ownCheckpoint = async (reader: TrailReader, head: HeadRow, keys: VerifyKeys): Promise<number> => {
  const { page, previous } = queriesOn(reader.store);
  const newest = page("before", head.seq + 1, 1)
    .select(previous)
    .where("type", "=", "audit.checkpoint");
  const [found] = await verifiedRows(reader, newest);
  if (found === undefined) return 0;
  const { row, meta } = assertVerified(found);
  const checkpoint = meta.detail as SignedCheckpoint;
  if (keys.hasSigned(checkpoint) && checkpoint.size === row.seq - 1) return checkpoint.size;
  throw new Unverified(`The checkpoint in event ${row.seq} is not signed by a checkpoint key of the key file`);
};

/**
 * Returns the signed line in a sink file that attests the newest event of this trail; `undefined` when the sink file has no line
 * about this trail.
 */
const newestIn = async (file: string, keys: TrailKeys, genesis: string): Promise<Attestation | undefined> => {
  try {
    const { all } = await NewestLines.in(file, keys.publicKeys);
    return all.filter((line) => line.genesis === genesis).sort((one, other) => other.seq - one.seq)[0];
  } catch (error) {
    throw new Unverified(`The sink ${file} cannot be read (${String((error as NodeJS.ErrnoException).code)})`);
  }
};
