// The keys for a verification: the keys by which events are chained, and the keys that may sign a checkpoint.

import type { KeyObject } from "node:crypto";
import { isSignedBy, Keyed, type SignedCheckpoint } from "../log/chain.ts";
import { fingerprintOf, type TrailKeys } from "../log/keys.ts";
import { metaOf } from "./meta.ts";

export class VerifyKeys {
  readonly #secrets: ReadonlyMap<string, Buffer>;
  /** The public keys whose signatures count, by id. */
  readonly #publicKeys: ReadonlyMap<string, KeyObject>;
  readonly #keyed = new Map<string, Keyed>();
  /** The key in the text of the last event. Nearly always the next event has the same one. */
  #said = "";
  #now: Keyed | undefined;

  constructor(keys: TrailKeys, fingerprint: string) {
    this.#secrets = keys.chainSecrets;
    this.#publicKeys = trusted(keys, fingerprint);
  }

  /** Returns the chain key that an event names. */
  ofEvent(meta: string): Keyed | undefined {
    // Only short values without a key follow it, so its last occurrence in the text is the event's own, even if `detail` has a
    // field `key`.
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
 * Returns the keys whose signatures count. If a fingerprint is given that is not the current key's, only the key with this
 * fingerprint counts, because the key file is then not trusted.
 */
export const trusted = (keys: TrailKeys, fingerprint: string): ReadonlyMap<string, KeyObject> => {
  if (fingerprint === keys.checkpoint.fingerprint) return keys.publicKeys;
  return new Map([...keys.publicKeys].filter(([, key]) => fingerprintOf(key) === fingerprint));
};
