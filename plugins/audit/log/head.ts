// Makes the first head of a trail, checks heads, and defines an error class for each way in which a head can be wrong. The head
// is the row with the number and hash of the newest event.

import { canonicalText } from "../../../core/schema/digest.ts";
import type { Reading } from "../../store/service.ts";
import { type Genesis, genesisHash, headMac, Keyed, noBody, trailFormat } from "./chain.ts";
import type { KeyRing } from "./key-ring.ts";
import { queriesOn } from "./queries.ts";
import { chain, type HeadRow, newestLinked } from "./tables.ts";

export class DamagedHead extends Error {}

/** The error when the store lacks events that this process has seen in the store. */
export class SetBack extends DamagedHead {}

/** The error when the trail contains the id of a key that the key file does not have yet. The trail itself may be correct. */
export class MissingKey extends Error {}

/** The error when the key file records that a trail was begun, but the store has no trail. */
export class LostTrail extends Error {}

export const restoreHint =
  'If a standby was promoted or a backup restored, stop all instances and run `quater store restored --reason "..."`';

const setBack = (seen: number, found: number): SetBack =>
  new SetBack(
    `The store was replaced by an old copy: this process has seen event ${seen}, but the trail ends at event ${found}. ${restoreHint}`,
  );

/** Returns the error for a trail that does not continue the trail that this process has seen. */
export const otherHistory = (seq: number): SetBack =>
  new SetBack(
    `The store was replaced by an old copy: its trail does not continue from event ${seq}, which this process has seen. ${restoreHint}`,
  );

/**
 * Checks that the trail in the store still continues after the newest event that this process has seen.
 *
 * @param held  The hash of the event `seen.seq` in the store.
 * @throws {SetBack}
 */
export const assertContinues = (seen: HeadRow, head: HeadRow, held: string | null): void => {
  if (head.seq < seen.seq) throw setBack(seen.seq, head.seq);
  if (head.genesis !== seen.genesis || newestLinked(head).seq < newestLinked(seen).seq) throw otherHistory(seen.seq);
  // The MAC of the head covers the hashes at both ends of the trail. The hash of an event between the two ends comes from the row
  // of the event. A pruned event has no row.
  if (seen.seq < head.floor_seq || seen.seq === 0) return;
  const found = seen.seq === head.seq ? head.hash : seen.seq === head.floor_seq ? head.floor_hash : held;
  if (found !== seen.hash) throw otherHistory(seen.seq);
};

export const genesisOf = (head: HeadRow): Genesis => {
  try {
    return JSON.parse(head.genesis) as Genesis;
  } catch {
    throw new DamagedHead("The first record of the trail cannot be read");
  }
};

export const keyedOf = (keys: KeyRing, id: string): Keyed => {
  // Read the key file again, because another instance may have activated prepared keys.
  if (!keys.current.chainSecrets.has(id)) keys.reload();
  const secret = keys.current.chainSecrets.get(id);
  if (secret === undefined) throw new MissingKey(`The trail names the key ${id}, which the key file does not have`);
  return new Keyed(secret);
};

const texts = ["hash", "mac", "genesis", "floor_hash", "approval_hash"] as const;
const numbers = ["seq", "floor_seq", "format", "approval_seq"] as const;

/**
 * Replaces cells of a wrong type in the row of a head, which SQLite accepts, by values that no head has. The MAC of such a head
 * does not verify.
 */
export const readHead = <Head extends HeadRow>(row: Head): Head => {
  const damagedTexts = texts.filter((name) => typeof row[name] !== "string").map((name) => [name, ""]);
  const damagedNumbers = numbers.filter((name) => !Number.isSafeInteger(row[name])).map((name) => [name, -1]);
  return { ...row, ...Object.fromEntries([...damagedTexts, ...damagedNumbers]) };
};

export const headOf = async (store: Reading): Promise<HeadRow | undefined> =>
  (await store.read<HeadRow>(queriesOn(store).head)).map(readHead)[0];

/** Checks the MAC of a head. @throws {DamagedHead | MissingKey} */
export const assertHonest = (keys: KeyRing, head: HeadRow): void => {
  const [id = "", mac] = head.mac.split(":");
  if (mac === undefined)
    throw new DamagedHead("The record of the trail's end (audit_head) was not written by Quater: it has no MAC");
  if (headMac(keyedOf(keys, id), head) !== mac)
    throw new DamagedHead("The record of the trail's end (audit_head) was not written by Quater: its MAC is wrong");
};

/** Returns the head of a trail that begins now. */
export const firstHead = ({ app, keys }: { readonly app: string; readonly keys: KeyRing }, createdAt: number): HeadRow => {
  const { checkpoint, chain: chainKey } = keys.current;
  const keyed = new Keyed(chainKey.secret);
  const about: Genesis = { app, chain, createdAt, checkpointKey: checkpoint.fingerprint, key: chainKey.id };
  const genesis = canonicalText(about);
  const hash = genesisHash(keyed, genesis);
  const none = { approval_seq: 0, approval_hash: noBody };
  const head = { seq: 0, hash, genesis, floor_seq: 0, floor_hash: hash, format: trailFormat, ...none };
  return { ...head, mac: `${chainKey.id}:${headMac(keyed, head)}` };
};
