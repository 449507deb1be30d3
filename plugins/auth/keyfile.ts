// The file of API keys: hashes only, readable by its owner alone, replaced as a whole so that a reader never sees half.

import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { type Principal, QuaterError } from "../../core/index.ts";

export interface KeyRecord {
  readonly id: string;
  /** SHA-256 of the secret, hexadecimal. */
  readonly hash: string;
  /** Who or what the key is for; the principal's subject. */
  readonly name: string;
  readonly kind: Principal["kind"];
  readonly person?: string;
  readonly actsFor?: string;
  readonly scopes: readonly string[];
  readonly roles: readonly string[];
  /** ISO 8601. */
  readonly createdAt: string;
  readonly expiresAt?: string;
  readonly revokedAt?: string;
  /** Made by `quater dev`, and let in by it alone. */
  readonly isDevelopment?: boolean;
}

const version = 1;

/** @returns The records; none when there is no file. @throws {QuaterError} when the file is not what it should be. */
export const readKeyFile = (file: string): readonly KeyRecord[] => {
  if (!existsSync(file)) return [];
  if (process.getuid !== undefined && (statSync(file).mode & 0o077) !== 0) {
    throw broken(`${file} may be read by other users`, `Run \`chmod 600 ${file}\``);
  }
  let content: { version?: unknown; keys?: unknown };
  try {
    content = JSON.parse(readFileSync(file, "utf8")) as typeof content;
  } catch {
    throw broken(`${file} is not valid JSON`, "Restore it from a backup, or remove it and create new keys");
  }
  if (content.version !== version || !Array.isArray(content.keys))
    throw broken(`${file} is no key file of this version`, "Restore it, or remove it and create new keys");
  return content.keys as KeyRecord[];
};

/** Changes the file under a lock; concurrent changes wait for each other. */
export const changeKeyFile = <Result>(
  file: string,
  change: (records: readonly KeyRecord[]) => { records: readonly KeyRecord[]; result: Result },
): Result => {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const lock = lockFile(file);
  try {
    const { records, result } = change(readKeyFile(file));
    const fresh = `${file}.new`;
    writeFileSync(fresh, `${JSON.stringify({ version, keys: records }, null, 2)}\n`, { mode: 0o600 });
    chmodSync(fresh, 0o600); // an older file of that name would keep its own mode
    renameSync(fresh, file);
    return result;
  } finally {
    rmSync(lock, { force: true });
  }
};

const lockFile = (file: string): string => {
  const lock = `${file}.lock`;
  for (let attempt = 0; attempt < 50; attempt++) {
    try {
      closeSync(openSync(lock, "wx", 0o600));
      return lock;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      // Left behind by a process that died: nobody holds it for ten seconds.
      const held = statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
      if (Date.now() - held > 10_000) rmSync(lock, { force: true });
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    }
  }
  throw broken(`${lock} is held by another process`, "Try again, or remove it when no other command is running");
};

const broken = (message: string, hint: string): QuaterError =>
  new QuaterError({ code: "unavailable", kind: "unavailable", message, hint });

// trust.md T19: qk_<id>_<secret>_<check>. The check finds typing errors and lets scanners find leaked keys; it protects
// nothing.
const keyText = /^qk_([a-z2-7]{8})_([a-z2-7]{40})_([0-9a-f]{6})$/;
const alphabet = "abcdefghijklmnopqrstuvwxyz234567";

const randomText = (length: number): string => Array.from(randomBytes(length), (byte) => alphabet[byte & 31]).join("");
const sha256 = (text: string): Buffer => createHash("sha256").update(text).digest();
const checkOf = (id: string, secret: string): string => sha256(`qk_${id}_${secret}`).toString("hex", 0, 3);

export interface NewKey {
  readonly id: string;
  /** The whole key; shown once, never stored. */
  readonly key: string;
  readonly hash: string;
}

/** 200 random bits. */
export const newKey = (): NewKey => {
  const id = randomText(8);
  const secret = randomText(40);
  return { id, key: `qk_${id}_${secret}_${checkOf(id, secret)}`, hash: sha256(secret).toString("hex") };
};

export const parseKey = (key: string): { readonly id: string; readonly secret: string } | undefined => {
  const [, id = "", secret = "", check = ""] = keyText.exec(key) ?? [];
  return id !== "" && checkOf(id, secret) === check ? { id, secret } : undefined;
};

/** In constant time, also against the zeros of an unknown id. */
export const isSecretOf = (secret: string, hash: string | undefined): boolean =>
  timingSafeEqual(sha256(secret), Buffer.from(hash ?? "0".repeat(64), "hex")) && hash !== undefined;
