// Makes the salts for the hashes of bodies. Each salt has sixteen random bytes, so that nobody can guess a short body from its
// hash.

import { randomBytes } from "node:crypto";

const saltBytes = 16;
let randomness = Buffer.alloc(0);

/**
 * Returns a new salt. Quater requests the random bytes for many salts together, because one request to the operating system takes
 * longer than hashing a body.
 */
export const freshSalt = (): string => {
  if (randomness.length < saltBytes) randomness = randomBytes(saltBytes * 256);
  const salt = randomness.toString("hex", 0, saltBytes);
  randomness = randomness.subarray(saltBytes);
  return salt;
};
