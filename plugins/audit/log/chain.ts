// The chain of events. The hash of an event covers the hash of the event before, and Quater computes the hash with a key that is
// not in the store. So an attacker who has only the store can neither change an event nor append an event.
//
// body_hash = SHA-256(salt || body), zeros if an event never had a body
// hash      = HMAC-SHA256(chain key, chain_u32 || seq_u64 || previous hash || meta || body_hash)
// genesis   = HMAC-SHA256(chain key, "quater.trail.v1\n" || RFC 8785 text of { app, chain, createdAt, checkpointKey })

import { hash as digest, type KeyObject, sign, verify } from "node:crypto";
import { canonicalText } from "../../../core/schema/digest.ts";

export const noBody = "0".repeat(64);

const block = 64;
const hashBytes = 32;

/**
 * HMAC-SHA256 by RFC 2104, computed with Node's one-shot hash. For the few hundred bytes of an event, this takes a third of the
 * time of createHmac. Quater hashes each event when Quater writes the event, and in every verification.
 */
export class Keyed {
  #inner = Buffer.alloc(4_096);
  readonly #outer = Buffer.alloc(block + hashBytes);

  /** @param secret  The secret of a key, at most 64 bytes. */
  constructor(secret: Buffer) {
    if (secret.length > block) throw new RangeError("The chain key is longer than 64 bytes, which Quater does not support");
    for (let at = 0; at < block; at++) {
      const byte = secret[at] ?? 0;
      this.#inner[at] = byte ^ 0x36;
      this.#outer[at] = byte ^ 0x5c;
    }
  }

  /** Returns the HMAC of a text, 64 hexadecimal digits. */
  ofText(text: string): string {
    this.#reserve(block + text.length * 3);
    return this.#finish(block + this.#inner.write(text, block));
  }

  /** Returns the hash of an event. @param previous  The hash of the event before, hexadecimal. `bodyHash` is hexadecimal, too. */
  ofEvent(chain: number, seq: number, previous: string, meta: string, bodyHash: string): string {
    this.#reserve(block + 12 + 2 * hashBytes + meta.length * 3);
    const inner = this.#inner;
    inner.writeUInt32BE(chain, block);
    inner.writeUInt32BE(Math.floor(seq / 2 ** 32), block + 4);
    inner.writeUInt32BE(seq >>> 0, block + 8);
    let end = block + 12;
    end += hexInto(inner, previous, end);
    end += inner.write(meta, end);
    end += hexInto(inner, bodyHash, end);
    return this.#finish(end);
  }

  #finish(end: number): string {
    // Request the inner digest as text, because Node takes three times as long to return a digest as a Buffer.
    this.#outer.write(digest("sha256", this.#inner.subarray(0, end), "binary"), block, "latin1");
    return digest("sha256", this.#outer, "hex");
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#inner.length) return;
    const larger = Buffer.alloc(bytes * 2);
    this.#inner.copy(larger, 0, 0, block);
    this.#inner = larger;
  }
}

/**
 * Writes the bytes of a hexadecimal hash into `target`. A value that is not a hash adds a different number of bytes, so such a
 * value cannot imitate a hash.
 */
const hexInto = (target: Buffer, text: string, at: number): number =>
  text.length === 2 * hashBytes ? target.write(text, at, "hex") : target.write(`!${text.slice(0, 100)}`, at);

let salted = Buffer.alloc(4_096);

/** Returns the hash of an event's body. @param salt  The salt of the body: 16 bytes, hexadecimal. */
export const bodyHashOf = (salt: string, body: string): string => {
  const most = salt.length + body.length * 3;
  if (most > salted.length) salted = Buffer.alloc(most * 2);
  const saltEnd = salted.write(salt, 0, "hex");
  return digest("sha256", salted.subarray(0, saltEnd + salted.write(body, saltEnd)), "hex");
};

export interface Genesis {
  readonly app: string;
  readonly chain: number;
  /** When the trail began, milliseconds since the epoch, by the store's clock. */
  readonly createdAt: number;
  /** The fingerprint of the checkpoint key at the beginning of the trail. */
  readonly checkpointKey: string;
  /** The id of the chain key that computes the hash of the genesis. */
  readonly key: string;
}

export const genesisHash = (keyed: Keyed, genesisText: string): string => keyed.ofText(`quater.trail.v1\n${genesisText}`);

/**
 * The trail format that this version of Quater writes. Quater still reads trails of format 1, in which events have no `link`, and
 * the head does not contain the newest linked event.
 */
export const trailFormat = 2;

/** The fields of the head that the MAC of the head covers. */
export interface Head {
  readonly format: number;
  readonly seq: number;
  readonly hash: string;
  readonly floor_seq: number;
  readonly floor_hash: string;
  readonly approval_seq: number;
  readonly approval_hash: string;
  readonly genesis: string;
}

/**
 * Returns the MAC that protects the head row. Without this MAC, an attacker could delete the newest events and set the head back,
 * and the shortened chain would still verify. The MAC of format 2 also covers the newest approval event and the genesis text.
 */
export const headMac = (keyed: Keyed, head: Head): string => {
  const { format, seq, hash, floor_seq, floor_hash, approval_seq, approval_hash, genesis } = head;
  if (format === 1) return keyed.ofText(`quater.head.v1\n${seq} ${hash} ${floor_seq} ${floor_hash}`);
  const covered = [format, seq, hash, floor_seq, floor_hash, approval_seq, approval_hash, genesis];
  return keyed.ofText(`quater.head.v2\n${JSON.stringify(covered)}`);
};

/** The content of a checkpoint: after `size` events, the hash of the newest event was `head`. */
export interface Checkpoint {
  readonly app: string;
  readonly chain: number;
  /** The hash of the trail's genesis, by which Quater recognises checkpoints of another trail. */
  readonly genesis: string;
  readonly size: number;
  readonly head: string;
  /** When Quater made the checkpoint, milliseconds since the epoch. */
  readonly at: number;
  /** The id of the checkpoint key that signed the checkpoint. */
  readonly key: string;
}

export interface SignedCheckpoint extends Checkpoint {
  /** The Ed25519 signature of the checkpoint in base64url. */
  readonly signature: string;
}

const signedText = ({ app, chain, genesis, size, head, at, key }: Checkpoint): Buffer =>
  Buffer.from(`quater.checkpoint.v1\n${canonicalText({ app, chain, genesis, size, head, at, key })}`);

export const signed = (checkpoint: Checkpoint, key: KeyObject): SignedCheckpoint => ({
  ...checkpoint,
  signature: sign(null, signedText(checkpoint), key).toString("base64url"),
});

export const isSignedBy = (checkpoint: SignedCheckpoint, key: KeyObject): boolean => {
  try {
    return verify(null, signedText(checkpoint), key, Buffer.from(checkpoint.signature, "base64url"));
  } catch {
    return false; // A field is not JSON, or the signature is malformed.
  }
};
