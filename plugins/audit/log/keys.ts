// The keys of the trail. The keys are in the key file, a file outside the store that only the owner of the file can read.
// Instances that share a store have the same key file. Old keys stay in the key file, because events that Quater wrote with old
// keys must still verify.

import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from "node:crypto";
import { existsSync } from "node:fs";
import { brokenKeys, changeKeysOf, keysText, readKeysOf, type WrongKey } from "../../../core/boot/key-file.ts";
import { createPrivateFile } from "../../../core/boot/private-file.ts";
import { isInstant } from "../../../core/diagnostics/text.ts";

/**
 * The uses of keys: `checkpoint` signs checkpoints and the lines in sinks, `chain` links events, `tag` makes keyed digests of
 * arguments and secrets.
 */
export const keyUses = ["checkpoint", "chain", "tag"] as const;
export type KeyUse = (typeof keyUses)[number];

interface KeyRecord {
  readonly id: string;
  readonly use: KeyUse;
  /** The secret of the key in base64url: 32 random bytes, or the Ed25519 private key as PKCS #8. */
  readonly secret: string;
  /** When Quater made the key, ISO 8601 text. */
  readonly createdAt: string;
  /** When a newer key replaced this key. A retired key verifies and decrypts, but does not sign or encrypt any more. */
  readonly retiredAt?: string;
  /**
   * Marks a key that operators distribute and have not activated yet. Quater uses a prepared key only to verify and decrypt data
   * that another instance wrote with this key.
   */
  readonly isPrepared?: true;
}

export interface TrailKeys {
  readonly chain: { readonly id: string; readonly secret: Buffer };
  readonly tag: { readonly id: string; readonly secret: Buffer };
  /** All tag keys: the current tag key first, then prepared and retired keys, newest first. */
  readonly tags: readonly { readonly id: string; readonly secret: Buffer }[];
  readonly checkpoint: { readonly id: string; readonly privateKey: KeyObject; readonly fingerprint: string };
  /** The secrets of all chain keys by id, including retired chain keys. */
  readonly chainSecrets: ReadonlyMap<string, Buffer>;
  /** The public keys of all checkpoint keys, by key id. */
  readonly publicKeys: ReadonlyMap<string, KeyObject>;
}

/** Reads the key file, and creates the key file if it is missing. @throws {QuaterError} for a malformed or unsafe key file. */
export const openKeys = (file: string): TrailKeys => {
  if (!existsSync(file)) createPrivateFile(file, keysText({ keys: keyUses.map(newKey) }));
  return readKeys(file);
};

/** Returns the keys in the key file. @throws {QuaterError} for a missing, malformed or unsafe key file. */
export const readKeys = (file: string): TrailKeys => readTrailFile(file).keys;

export interface TrailFile {
  readonly keys: TrailKeys;
  /** The hash of the genesis of the trail that was begun with these keys. */
  readonly trail: string | undefined;
}

/** Reads the key file. @throws {QuaterError} for a missing, malformed or unsafe key file. */
export const readTrailFile = (file: string): TrailFile => {
  const { keys, trail } = contentOf(file);
  return { keys: keysOf(file, keys), trail };
};

/**
 * Records in the key file that a trail was begun with these keys. By this record, a start distinguishes a lost trail from a new
 * store.
 */
export const recordTrail = (file: string, genesis: string): void => {
  changeFile(file, (content) => ({ ...content, trail: content.trail ?? genesis }));
};

/**
 * Adds prepared keys to the key file. After the operators have distributed the key file, `activateKeys` activates the prepared
 * keys.
 *
 * @returns The fingerprint of the new checkpoint key.
 * @throws {QuaterError} when the key file already has prepared keys.
 */
export const prepareKeys = (file: string): string => {
  const added = keyUses.map((use): KeyRecord => ({ ...newKey(use), isPrepared: true }));
  changeFile(file, (content) => {
    if (content.keys.some(({ isPrepared }) => isPrepared === true))
      throw brokenKeys(`${file} already has prepared keys`, "Activate the prepared keys with `quater audit rotate --activate`");
    return { ...content, keys: [...content.keys, ...added] };
  });
  return fingerprintIn(added);
};

/**
 * Retires the current keys and makes the prepared keys current. Instances that use the same key file notice the change.
 *
 * @returns The fingerprint of the new current checkpoint key.
 * @throws {QuaterError} when the key file has no prepared keys.
 */
export const activateKeys = (file: string): string => {
  const now = new Date().toISOString();
  const { keys } = changeFile(file, (content) => {
    if (!content.keys.some(({ isPrepared }) => isPrepared === true))
      throw brokenKeys(`${file} has no prepared keys`, "Prepare keys first with `quater audit rotate --prepare`");
    return {
      ...content,
      keys: content.keys.map(({ isPrepared, ...record }) =>
        isPrepared === true || record.retiredAt !== undefined ? record : { ...record, retiredAt: now },
      ),
    };
  });
  return keysOf(file, keys).checkpoint.fingerprint;
};

/**
 * Prepares and activates new keys in one step, for a project with a single instance. @returns The fingerprint of the new
 * checkpoint key.
 */
export const rotateKeys = (file: string): string => {
  if (!contentOf(file).keys.some(({ isPrepared }) => isPrepared === true)) prepareKeys(file);
  return activateKeys(file);
};

const changeFile = (file: string, change: (content: Content) => Content): Content =>
  changeKeysOf(file, () => ({ content: change(contentOf(file)) })).content;

const fingerprintIn = (records: readonly KeyRecord[]): string => {
  const record = records.find(({ use }) => use === "checkpoint") as KeyRecord;
  return fingerprintOf(createPublicKey(privateOf(record)));
};

/**
 * Returns the fingerprint of a public key in the form of ssh-keygen: `SHA256:` and 43 characters of base64, over its
 * SubjectPublicKeyInfo.
 */
export const fingerprintOf = (key: KeyObject): string =>
  `SHA256:${createHash("sha256")
    .update(key.export({ type: "spki", format: "der" }))
    .digest("base64")
    .replace(/=+$/, "")}`;

/** Derives a secret from a key by RFC 5869 (HKDF). The derived secret reveals neither the key nor the secrets of other labels. */
export const derivedFrom = (secret: Buffer, label: string): Buffer =>
  Buffer.from(hkdfSync("sha256", secret, "", `quater.${label}`, 32));

const newKey = (use: KeyUse): KeyRecord => ({
  id: `${use}-${randomBytes(3).toString("hex")}`,
  use,
  secret: (use === "checkpoint"
    ? generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "der" })
    : randomBytes(32)
  ).toString("base64url"),
  createdAt: new Date().toISOString(),
});

interface Content {
  readonly keys: readonly KeyRecord[];
  readonly trail: string | undefined;
}

const contentOf = (file: string): Content => {
  const content = readKeysOf<Content>(file, { name: "a file of trail keys", remedy: `${restore}, because ${needed}`, wrongIn });
  if (content === undefined)
    throw brokenKeys(`${file} does not exist`, "Set audit({ keys }) to the key file with which the trail was written");
  const { keys, trail } = content;
  if (trail !== undefined && !/^[0-9a-f]{64}$/.test(String(trail)))
    throw brokenKeys(`${file}: /trail is not a SHA-256 hash`, restore);
  return { keys, trail };
};

const restore = "Restore the key file from a backup";
const needed = "the trail cannot be verified without the file";

const wrongIn = (record: unknown): WrongKey | undefined => {
  const what = wrongFieldIn(Object(record) as Readonly<Record<string, unknown>>);
  return what === undefined ? undefined : { what, remedy: restore };
};

/**
 * @returns The first wrong field of a key record, with the field's value unless the field is the secret; `undefined` for a
 * correct record.
 */
const wrongFieldIn = ({
  id,
  use,
  secret,
  createdAt,
  retiredAt,
  isPrepared,
}: Readonly<Record<string, unknown>>): string | undefined => {
  if (typeof id !== "string" || id === "") return "no id";
  if (!keyUses.includes(use as KeyUse)) return `the use ${JSON.stringify(use)}, which is not one of ${keyUses.join(", ")}`;
  if (typeof secret !== "string" || !/^[\w-]{40,}$/.test(secret)) return "no secret in base64url";
  if (!isInstant(createdAt)) return `createdAt ${JSON.stringify(createdAt)}, which is not an ISO 8601 instant`;
  if (retiredAt !== undefined && !isInstant(retiredAt))
    return `retiredAt ${JSON.stringify(retiredAt)}, which is not an ISO 8601 instant`;
  return isPrepared === undefined || isPrepared === true
    ? undefined
    : `isPrepared ${JSON.stringify(isPrepared)}, which is not true`;
};

const isCurrent = ({ retiredAt, isPrepared }: KeyRecord): boolean => retiredAt === undefined && isPrepared !== true;

const bytes = ({ secret }: KeyRecord): Buffer => Buffer.from(secret, "base64url");

const privateOf = (record: KeyRecord): KeyObject => createPrivateKey({ key: bytes(record), format: "der", type: "pkcs8" });

const keysOf = (file: string, all: readonly KeyRecord[]): TrailKeys => {
  const of = (use: KeyUse) => all.filter((record) => record.use === use);
  const current = (use: KeyUse): KeyRecord => {
    const found = of(use).find(isCurrent);
    if (found === undefined) throw brokenKeys(`${file} has no current ${use} key`, restore);
    return found;
  };
  const [chain, tag, checkpoint] = [current("chain"), current("tag"), current("checkpoint")];
  const otherTags = of("tag").filter((record) => record !== tag);
  const publicKeys = new Map(of("checkpoint").map((record) => [record.id, createPublicKey(privateOf(record))]));
  return {
    chain: { id: chain.id, secret: bytes(chain) },
    tag: { id: tag.id, secret: bytes(tag) },
    tags: [tag, ...otherTags.reverse()].map((record) => ({ id: record.id, secret: bytes(record) })),
    checkpoint: {
      id: checkpoint.id,
      privateKey: privateOf(checkpoint),
      fingerprint: fingerprintOf(createPublicKey(privateOf(checkpoint))),
    },
    chainSecrets: new Map(of("chain").map((record) => [record.id, bytes(record)])),
    publicKeys,
  };
};
