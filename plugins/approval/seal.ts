// Encrypts texts that leave the process, such as cookies, and detects changes of these texts. seal.ts uses AES-256-GCM with a
// random nonce for each text. The encryption also authenticates the purpose, so a text that was encrypted for one purpose cannot
// be decrypted for another purpose.

import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

const nonceBytes = 12;
const tagBytes = 16;

/**
 * Encrypts a text. @param use  The purpose for which the text is encrypted. @returns base64url of nonce, encrypted text and
 * authentication tag.
 */
export const sealed = (key: Buffer, use: string, text: string): string => {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(Buffer.from(use));
  return Buffer.concat([nonce, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]).toString("base64url");
};

/** Decrypts a text. @returns `undefined` for a text that was not encrypted with the same key for the same purpose. */
export const unsealed = (key: Buffer, use: string, text: string): string | undefined => {
  const bytes = Buffer.from(text, "base64url");
  if (bytes.length < nonceBytes + tagBytes) return undefined;
  const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, nonceBytes), { authTagLength: tagBytes });
  decipher.setAAD(Buffer.from(use)).setAuthTag(bytes.subarray(bytes.length - tagBytes));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(nonceBytes, -tagBytes)), decipher.final()]).toString("utf8");
  } catch {
    return undefined;
  }
};
