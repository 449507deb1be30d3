// Makes ids of calls. The ids are random UUIDs (RFC 9562 version 4).

import { randomFillSync } from "node:crypto";

const size = 16;
const pool = Buffer.allocUnsafeSlow(size * 256);
/** The pool of random bytes as hexadecimal digits. Converting all ids of the pool at once saves 0.15 µs per id (Node 20). */
let digits = "";
let at = 0;

/**
 * Returns a UUID with 122 random bits from the operating system. Node's `randomUUID` joins the UUID from 20 pieces, which would
 * take 0.7 µs more CPU time for a small call of 30 µs (Node 20).
 */
export const newCallId = (): string => {
  if (at === digits.length) refill();
  const first = at;
  at += 2 * size;
  return `${digits.slice(first, first + 8)}-${digits.slice(first + 8, first + 12)}-${digits.slice(first + 12, first + 16)}-${digits.slice(first + 16, first + 20)}-${digits.slice(first + 20, at)}`;
};

const refill = (): void => {
  randomFillSync(pool);
  for (let byte = 0; byte < pool.length; byte += size) {
    pool[byte + 6] = ((pool[byte + 6] as number) & 0x0f) | 0x40; // version 4
    pool[byte + 8] = ((pool[byte + 8] as number) & 0x3f) | 0x80; // variant
  }
  digits = pool.toString("hex");
  at = 0;
};
