// Makes ids of calls: random UUIDs (RFC 9562 version 4).

import { randomFillSync } from "node:crypto";

const size = 16;
const pool = Buffer.allocUnsafeSlow(size * 256);
let at = pool.length;

/**
 * Returns a UUID with 122 random bits from the system. Node's `randomUUID` joins the text from 20 pieces, which would take 0.7 µs
 * more CPU for a small call of 30 µs (Node 20).
 */
export const newCallId = (): string => {
  if (at === pool.length) {
    randomFillSync(pool);
    at = 0;
  }
  pool[at + 6] = ((pool[at + 6] as number) & 0x0f) | 0x40;
  pool[at + 8] = ((pool[at + 8] as number) & 0x3f) | 0x80;
  const hex = pool.toString("hex", at, at + size);
  at += size;
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
};
