// The keys of a verification: the key that an event was chained with, and the keys that may sign a checkpoint.

import type { KeyObject } from "node:crypto";
import { isSignedBy, Keyed, type SignedCheckpoint } from "../log/chain.ts";
import { fingerprintOf, type TrailKeys } from "../log/keys.ts";
import { metaOf } from "./meta.ts";

export class VerifyKeys {
  readonly #secrets: ReadonlyMap<string, Buffer>;
  /** By id: those whose signatures count. */
  readonly #publicKeys: ReadonlyMap<string, KeyObject>;
  readonly #keyed = new Map<string, Keyed>();
  /** As the last event said it: nearly always the next one says the same. */
  #said = "";
  #now: Keyed | undefined;

  constructor(keys: TrailKeys, fingerprint: string) {
    this.#secrets = keys.chainSecrets;
    this.#publicKeys = trusted(keys, fingerprint);
  }

  /** The chain key that an event names. */
  ofEvent(meta: string): Keyed | undefined {
    // Only short values without this key follow it, so its last place is the event's own, even if `detail` has a key.
    if (this.#now !== undefined && meta.startsWith(this.#said, meta.lastIndexOf('"key":'))) return this.#now;
    const id = metaOf(meta)?.key;
    if (typeof id !== "string") return undefined;
    this.#said = `"key":${JSON.stringify(id)}`;
    this.#now = this.of(id);
    return this.#now;
  }

  of(id: string): Keyed | undefined {
    const known = this.#keyed.get(id);
    const secret = this.#secrets.get(id);
    if (known !== undefined || secret === undefined) return known;
    const keyed = new Keyed(secret);
    this.#keyed.set(id, keyed);
    return keyed;
  }

  hasSigned(checkpoint: SignedCheckpoint): boolean {
    const key = this.#publicKeys.get(checkpoint.key);
    return key !== undefined && isSignedBy(checkpoint, key);
  }
}

/**
 * The keys that signatures may be by. With a fingerprint that is not the current key's, only that one: the key file then
 * vouches for nothing.
 */
export const trusted = (keys: TrailKeys, fingerprint: string): ReadonlyMap<string, KeyObject> => {
  if (fingerprint === keys.checkpoint.fingerprint) return keys.publicKeys;
  return new Map([...keys.publicKeys].filter(([, key]) => fingerprintOf(key) === fingerprint));
};
