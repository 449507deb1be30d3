// Salts of bodies: sixteen random bytes each, so that nobody can guess a short body from its hash.

import { randomBytes } from "node:crypto";

const saltBytes = 16;
let randomness = Buffer.alloc(0);

/** Asking the system for each sixteen bytes would take longer than hashing with them. */
export const freshSalt = (): string => {
  if (randomness.length < saltBytes) randomness = randomBytes(saltBytes * 256);
  const salt = randomness.toString("hex", 0, saltBytes);
  randomness = randomness.subarray(saltBytes);
  return salt;
};
