// The head of the trail: the row that says where the chain stands. What it begins with, how it is checked, and the ways in
// which it can be wrong.

import { canonicalText } from "../../core/index.ts";
import { type Genesis, genesisHash, headMac, Keyed, noBody, trailFormat } from "./chain.ts";
import type { KeyRing } from "./key-ring.ts";
import { chain, type HeadRow } from "./tables.ts";

export class DamagedHead extends Error {}

/** The store lacks what this process wrote. */
export class SetBack extends DamagedHead {}

/** The trail names a key that the key file does not have yet. Nothing is known to be wrong with the trail. */
export class MissingKey extends Error {}

/** The keys have begun a trail, and the store holds none. */
export class LostTrail extends Error {}

export const restoreHint =
  'If a standby was promoted or a backup restored, stop all instances and run `quater store restored --reason "..."`';

export const setBack = (written: number, found: number): SetBack =>
  new SetBack(`The store was set back: this process wrote event ${written}, and the trail ends at ${found}. ${restoreHint}`);

export const genesisOf = (head: HeadRow): Genesis => {
  try {
    return JSON.parse(head.genesis) as Genesis;
  } catch {
    throw new DamagedHead("The beginning of the trail cannot be read");
  }
};

export const keyedOf = (keys: KeyRing, id: string): Keyed => {
  // Another instance may have activated keys that were distributed a moment ago.
  if (!keys.current.chainSecrets.has(id)) keys.reload();
  const secret = keys.current.chainSecrets.get(id);
  if (secret === undefined) throw new MissingKey(`The trail names the key ${id}, which the key file does not have`);
  return new Keyed(secret);
};

/** @throws {DamagedHead | MissingKey} */
export const assertHonest = (keys: KeyRing, head: HeadRow): void => {
  const [id = "", mac] = head.mac.split(":");
  if (headMac(keyedOf(keys, id), head) !== mac) throw new DamagedHead("The head of the trail was not written by Quater");
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
