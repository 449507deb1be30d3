// Signs notices by the Standard Webhooks scheme (standardwebhooks.com, version 1, symmetric). Quater does not use the package
// `standardwebhooks`, because this package contains its own SHA-256 and base64, and sign.ts needs only five lines.

import { createHmac } from "node:crypto";

const prefix = "whsec_";

/** @returns The signing key, or undefined for a malformed secret. A secret is `whsec_` and 24 to 64 bytes in base64. */
export const signingKeyOf = (secret: string): Buffer | undefined => {
  const text = secret.startsWith(prefix) ? secret.slice(prefix.length) : undefined;
  if (text === undefined || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined;
  const key = Buffer.from(text, "base64");
  return key.length >= 24 && key.length <= 64 ? key : undefined;
};

/** Returns the value of the header `webhook-signature` for the body of a notice. */
export const signatureOf = (key: Buffer, id: string, timestampSeconds: number, body: string): string =>
  `v1,${createHmac("sha256", key).update(`${id}.${timestampSeconds}.${body}`).digest("base64")}`;
