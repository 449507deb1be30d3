// The key file of API keys. The key file contains only hashes of API keys, and only the owner of the key file can read the key
// file. Quater replaces the key file as a whole, so that no reader sees an incomplete key file.

import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { changeKeysOf, readKeysOf, type WrongKey } from "../../core/boot/key-file.ts";
import { isInstant, visible } from "../../core/diagnostics/text.ts";
import type { Principal } from "../../core/index.ts";

export interface KeyRecord {
  readonly id: string;
  /** The SHA-256 of the secret in the API key, hexadecimal. */
  readonly hash: string;
  /** The name of the API key's user or purpose. This name becomes the principal's subject. */
  readonly name: string;
  readonly kind: Principal["kind"];
  readonly person?: string;
  readonly actsFor?: string;
  readonly scopes: readonly string[];
  readonly roles: readonly string[];
  /** When the API key was created, ISO 8601 text. */
  readonly createdAt: string;
  readonly expiresAt?: string;
  readonly revokedAt?: string;
  /** Whether `quater dev` created the API key. Only `quater dev` accepts a key that `quater dev` created. */
  readonly isDevelopment?: boolean;
}

/**
 * Reads the key file.
 * @returns The records of the API keys; an empty list when there is no key file.
 * @throws {QuaterError} when the key file is malformed.
 */
export const readKeyFile = (file: string): readonly KeyRecord[] =>
  readKeysOf<{ readonly keys: readonly KeyRecord[] }>(file, { name: "a key file", remedy: restore, wrongIn })?.keys ?? [];

const restore = "Restore the key file from a backup, or remove the key file and create new keys";

const shownValue = (value: unknown): string => visible(JSON.stringify(value)?.slice(0, 100) ?? "(missing)");

const kinds: readonly unknown[] = ["user", "service", "agent", "operator"] satisfies Principal["kind"][];
const isText = (value: unknown): boolean => typeof value === "string" && value !== "";
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every(isText);
const optional = (isRight: (value: unknown) => boolean) => (value: unknown) => value === undefined || isRight(value);
const instant = "Write the time in the form 2026-12-31T00:00:00Z, or revoke the key and create a new key";
const recreate = "Revoke the key and create a new key with `quater keys create`";

/**
 * The check of each field of a record, and the remedy for a wrong field. A record gives access, so Quater never corrects a
 * mistake in a record by guessing.
 */
const fields: Readonly<Record<keyof KeyRecord, readonly [isRight: (value: unknown) => boolean, remedy: string]>> = {
  id: [(value) => /^[a-z2-7]{8}$/.test(String(value)), "Remove the record of the key from the file, and create a new key"],
  hash: [
    (value) => typeof value === "string" && /^[0-9a-f]{64}$/.test(value),
    "Remove the record of the key from the file, and create a new key",
  ],
  name: [isText, "Write the name of the key as name"],
  kind: [(value) => kinds.includes(value), `Write one of these values as kind: ${kinds.join(", ")}`],
  person: [optional(isText), "Write the name of the person as person, or remove person"],
  actsFor: [optional(isText), "Write the name of a person as actsFor, or remove actsFor"],
  scopes: [isTexts, "Write scopes as a list of strings"],
  roles: [isTexts, "Write roles as a list of strings"],
  createdAt: [isInstant, instant],
  expiresAt: [optional(isInstant), instant],
  revokedAt: [optional(isInstant), "Write the time of the revocation in the form 2026-12-31T00:00:00Z"],
  isDevelopment: [optional((value) => typeof value === "boolean"), "Write true as isDevelopment, or remove isDevelopment"],
};

const wrongIn = (record: unknown): WrongKey | undefined => {
  if (record === null || typeof record !== "object" || Array.isArray(record))
    return { what: `an invalid form: ${shownValue(record)}`, remedy: recreate };
  const given = record as Readonly<Record<string, unknown>>;
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(fields, name));
  // Refuse records with unknown fields. Otherwise a record with a misspelt expiresAt would be a key that never expires.
  if (unknown !== undefined) {
    const remedy = `Remove the field ${visible(unknown)}. The fields of a key are ${Object.keys(fields).join(", ")}`;
    return { what: `an unknown field ${visible(unknown)}: ${shownValue(given[unknown])}`, remedy };
  }
  for (const [field, [isRight, remedy]] of Object.entries(fields)) {
    if (isRight(given[field])) continue;
    return { what: `an invalid value for ${field}${field === "hash" ? "" : `: ${shownValue(given[field])}`}`, remedy };
  }
  return undefined;
};

/** Changes the key file under a lock, so that two processes change the key file one after the other. */
export const changeKeyFile = <Result>(
  file: string,
  change: (records: readonly KeyRecord[]) => { records: readonly KeyRecord[]; result: Result },
): Result =>
  changeKeysOf(file, () => {
    const { records, result } = change(readKeyFile(file));
    return { content: { keys: records }, result };
  }).result;

// The form of an API key (threat T19): qk_<id>_<secret>_<check>. With the part <check>, Quater finds typing errors, and scanners
// find leaked keys. The part <check> does not protect the API key.
const keyText = /^qk_([a-z2-7]{8})_([a-z2-7]{40})_([0-9a-f]{6})$/;
const alphabet = "abcdefghijklmnopqrstuvwxyz234567";

const randomText = (length: number): string => Array.from(randomBytes(length), (byte) => alphabet[byte & 31]).join("");
const sha256 = (text: string): Buffer => createHash("sha256").update(text).digest();
const checkOf = (id: string, secret: string): string => sha256(`qk_${id}_${secret}`).toString("hex", 0, 3);

export interface NewKey {
  readonly id: string;
  /** The text of the whole API key. Quater shows this text once and never stores it. */
  readonly key: string;
  readonly hash: string;
}

/** Makes an API key of 200 random bits. */
export const newKey = (): NewKey => {
  const id = randomText(8);
  const secret = randomText(40);
  return { id, key: `qk_${id}_${secret}_${checkOf(id, secret)}`, hash: sha256(secret).toString("hex") };
};

export const parseKey = (key: string): { readonly id: string; readonly secret: string } | undefined => {
  const [, id = "", secret = "", check = ""] = keyText.exec(key) ?? [];
  return id !== "" && checkOf(id, secret) === check ? { id, secret } : undefined;
};

/** Compares a secret with the hash of an API key in constant time. For an unknown key id, the hash is zeros. */
export const isSecretOf = (secret: string, hash: string | undefined): boolean =>
  timingSafeEqual(sha256(secret), Buffer.from(hash ?? "0".repeat(64), "hex")) && hash !== undefined;
