// Session ids for clients of the revisions of 2025. With a session id, Quater finds the call that a client cancels. The id of a
// request and the credential are not enough to find the call, because clients number their requests from 0, and several clients
// may use the same credential. A session id is a signed text. The server stores no sessions, so any instance accepts a session
// id. A session id is never a credential.

import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Principal } from "../../../core/index.ts";
import { principalKey } from "../answering/principal-counts.ts";

const randomLength = 16;
const timeLength = 6;
const signatureLength = 32;
/**
 * How long a session id is valid, milliseconds. After this time, the client must send `initialize` again to get a new session id.
 */
const lifetimeMs = 30 * 24 * 3_600_000;
/** How far the clock of another instance may be ahead, milliseconds. */
const skewMs = 300_000;

export class Sessions {
  readonly #secrets: () => readonly Buffer[];
  readonly #now: () => number;

  /**
   * @param secrets  Returns the keys for session ids. The first key signs, and all keys verify. All instances of an app need the
   * same keys.
   * @param now  Returns the current time, milliseconds since the epoch.
   */
  constructor(secrets: () => readonly Buffer[], now: () => number = Date.now) {
    this.#secrets = secrets;
    this.#now = now;
  }

  /** Returns a new session id of 72 characters. */
  issue(principal: Principal): string {
    const time = Buffer.alloc(timeLength);
    time.writeUIntBE(this.#now(), 0, timeLength);
    const head = Buffer.concat([randomBytes(randomLength), time]);
    return Buffer.concat([head, signed(this.#secrets()[0] as Buffer, head, principal)]).toString("base64url");
  }

  /** Whether Quater issued the session id to this principal, and the session id is not too old. */
  accepts(id: string, principal: Principal): boolean {
    const bytes = Buffer.from(id, "base64url");
    // The second condition refuses other Base64 spellings of the bytes of a session id.
    if (bytes.length !== randomLength + timeLength + signatureLength || bytes.toString("base64url") !== id) return false;
    const ageMs = this.#now() - bytes.readUIntBE(randomLength, timeLength);
    if (ageMs > lifetimeMs || ageMs < -skewMs) return false;
    const head = bytes.subarray(0, -signatureLength);
    const signature = bytes.subarray(-signatureLength);
    return this.#secrets().some((secret) => timingSafeEqual(signed(secret, head, principal), signature));
  }
}

/** Computes a signature that covers the principal, so that a session id of one principal is not valid for another principal. */
const signed = (secret: Buffer, head: Buffer, principal: Principal): Buffer =>
  createHmac("sha256", secret).update(head).update(principalKey(principal)).digest();
