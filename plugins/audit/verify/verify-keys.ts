// The keys for a verification of the trail: the chain keys of events, and the checkpoint keys that may sign a checkpoint.

import type { KeyObject } from "node:crypto";
import { isSignedBy, Keyed, type SignedCheckpoint } from "../log/chain.ts";
import { fingerprintOf, type TrailKeys } from "../log/keys.ts";
import { metaOf } from "./meta.ts";

export class VerifyKeys {
  readonly #secrets: ReadonlyMap<string, Buffer>;
  /** The public checkpoint keys whose signatures the verification accepts, by key id. */
  readonly #publicKeys: ReadonlyMap<string, KeyObject>;
  readonly #keyed = new Map<string, Keyed>();
  /** The text of the field `key` in the last event. Nearly always, the next event has the same key id. */
  #said = "";
  #now: Keyed | undefined;

  constructor(keys: TrailKeys, fingerprint: string) {
    this.#secrets = keys.chainSecrets;
    this.#publicKeys = trusted(keys, fingerprint);
  }

  /** Returns the chain key that the `meta` of an event names. */
  ofEvent(meta: string): Keyed | undefined {
    // Only short values without a field `key` follow the event's `key`, so the last `key` in `meta` is the field of the event,
    // even if `detail` has a field `key`.
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
 * Returns the checkpoint keys whose signatures the verification accepts. If `fingerprint` is not the fingerprint of the current
 * key, the verification does not trust the key file and accepts only the key with `fingerprint`.
 */
export const trusted = (keys: TrailKeys, fingerprint: string): ReadonlyMap<string, KeyObject> => {
  if (fingerprint === keys.checkpoint.fingerprint) return keys.publicKeys;
  return new Map([...keys.publicKeys].filter(([, key]) => fingerprintOf(key) === fingerprint));
};
