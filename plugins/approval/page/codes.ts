// One-time sign-in codes. A person who has an approver key at a terminal can sign in on a phone without typing the key on the
// phone. The store contains a keyed hash of the sign-in code, and the approver key, encrypted with the sign-in code. An attacker
// who has the store, but not the project's key file, can neither try sign-in codes nor decrypt the approver key.

import { createHmac, hkdfSync, randomInt } from "node:crypto";
import type { Audit } from "../../audit/service.ts";
import type { Migration, Store } from "../../store/service.ts";
import { sealed, unsealed } from "../seal.ts";

export interface CodeParts {
  readonly store: Store;
  readonly audit: Audit;
}

export interface IssuedCode {
  /** The sign-in code in a form for people to type: `7KWX-M3QD`. */
  readonly code: string;
  /** When the sign-in code expires, milliseconds since the epoch, by the store's clock. */
  readonly expiresAt: number;
}

const lifetimeMs = 300_000;
const length = 8;
/**
 * The characters of sign-in codes. The alphabet does not contain characters that look alike: 0 and O, 1, I and L, 5 and S, 8 and
 * B, and U, which looks like V.
 */
const alphabet = "234679ACDEFGHJKMNPQRTVWXYZ";
const use = "quater.approval.code.v1";
const label = "approval.code";

interface Tables {
  approval_page_code: { code_hash: string; sealed_key: string; expires_at: number };
}

export const codeMigrations: readonly Migration[] = [
  {
    version: 1,
    tables: ["approval_page_code"],
    up: (build) => [
      build.schema
        .createTable("approval_page_code")
        .addColumn("code_hash", "text", (column) => column.notNull().primaryKey())
        .addColumn("sealed_key", "text", (column) => column.notNull())
        .addColumn("expires_at", "bigint", (column) => column.notNull()),
    ],
  },
];

/**
 * Creates a sign-in code and stores it.
 *
 * @param key  An approver key that Quater has authenticated directly before.
 * @throws {StoreFailure}
 */
export const issueCode = async (parts: CodeParts, key: string): Promise<IssuedCode> => {
  const open = await parts.store.open();
  const db = open.queries<Tables>();
  const text = Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join("");
  const expiresAt = (await open.now()) + lifetimeMs;
  const secret = parts.audit.deriveSecret(label);
  const row = { code_hash: hashOf(secret, text), sealed_key: sealed(keyOf(secret, text), use, key), expires_at: expiresAt };
  await open.apply([
    db.deleteFrom("approval_page_code").where("expires_at", "<=", open.clock),
    db.insertInto("approval_page_code").values(row),
  ]);
  return { code: `${text.slice(0, length / 2)}-${text.slice(length / 2)}`, expiresAt };
};

/**
 * Uses a sign-in code, which then stops working. @returns The approver key of the sign-in code; `undefined` for wrong, used and
 * expired sign-in codes.
 */
export const redeemCode = async (parts: CodeParts, typed: string): Promise<string | undefined> => {
  const text = typed.toUpperCase().replaceAll(/[\s-]/g, "");
  if (text.length !== length || [...text].some((character) => !alphabet.includes(character))) return undefined;
  const open = await parts.store.open();
  // Try the secrets of all keys in the key file. The sign-in code may be older than a key rotation, or come from an instance with
  // other keys.
  const secrets = new Map(parts.audit.deriveSecrets(label).map((secret) => [hashOf(secret, text), secret]));
  // One SQL statement finds and deletes the sign-in code. If two people type the same sign-in code at the same time, only one of
  // them gets the approver key.
  const taking = open
    .queries<Tables>()
    .deleteFrom("approval_page_code")
    .where("code_hash", "in", [...secrets.keys()])
    .where("expires_at", ">", open.clock)
    .returning(["code_hash", "sealed_key"]);
  const [taken] = await open.apply([taking]);
  const [row] = (taken?.rows ?? []) as readonly Pick<Tables["approval_page_code"], "code_hash" | "sealed_key">[];
  const secret = secrets.get(row?.code_hash ?? "");
  return row === undefined || secret === undefined || typeof row.sealed_key !== "string"
    ? undefined
    : unsealed(keyOf(secret, text), use, row.sealed_key);
};

const hashOf = (secret: Buffer, code: string): string => createHmac("sha256", secret).update(`find ${code}`).digest("base64url");

const keyOf = (secret: Buffer, code: string): Buffer => Buffer.from(hkdfSync("sha256", secret, code, use, 32));
