// Authenticates API keys from a key file. A running server reads a change of the key file within a second, so a revoked key stops
// working without a restart.

import { statSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { authenticator, type Principal, Type } from "../../core/index.ts";
import { defineAuthenticator, type Log } from "../../core/plugin-api.ts";
import { withDefault } from "../../core/schema/with-default.ts";
import { isSecretOf, type KeyRecord, parseKey, readKeyFile } from "./keyfile.ts";

export const defaultKeyFile = ".quater/keys.json";
/**
 * How long `apiKeys()` uses the content of the key file before the next check of the key file, milliseconds. In development,
 * `apiKeys()` checks the key file for each call, because `quater dev` writes development keys after the authenticators have
 * opened.
 */
const freshMs = 500;

const apiKeysOptions = {
  /** The path of the key file: absolute, or relative to the folder of the manifest. Default `.quater/keys.json`. */
  file: withDefault(Type.String({ minLength: 1 }), defaultKeyFile),
};

/**
 * Accepts the API keys in the key file that are neither expired nor revoked. Callers send a key as `Authorization: Bearer
 * qk_...`.
 */
export const apiKeys = defineAuthenticator(apiKeysOptions, ({ file }) => {
  let path = file;
  let records: ReadonlyMap<string, KeyRecord> = new Map();
  let stamp = "";
  /** The time of the last check of the key file by `performance.now()`, because an operator may set the system clock back. */
  let lookedAt = Number.NEGATIVE_INFINITY;
  let isDevelopment = false;
  const look = (): void => {
    const stats = statSync(path, { throwIfNoEntry: false });
    const current = stats === undefined ? "" : `${stats.ino}:${stats.mtimeMs}:${stats.size}`;
    if (current !== stamp) records = new Map(readKeyFile(path).map((record) => [record.id, record]));
    stamp = current;
  };
  const refresh = (isForced: boolean): void => {
    const now = performance.now();
    if (!isForced && now - lookedAt < freshMs) return;
    look();
    lookedAt = now;
  };
  return authenticator({
    name: "apiKeys",
    reads: { schemes: ["Bearer"] },
    secretFiles: [{ file, read: readKeyFile }],
    open: ({ root, mode, log }) => {
      isDevelopment = mode === "dev";
      path = isAbsolute(file) ? file : join(root, file);
      look(); // The first check of the key file reads no clock, because loading `performance` takes 3 ms of a start.
      if (mode === "serve" && ![...records.values()].some(isInUse)) warnOnce(log, path);
    },
    listed: () => {
      refresh(true);
      const now = Date.now();
      const known = [...records.values()].map((record) => ({
        id: record.id,
        principal: principalOf(record),
        refused: refusalOf(record, isDevelopment, now),
      }));
      return { known, others: [] };
    },
    authenticate: ({ token, isCheckedAgain = false }) => {
      if (token === undefined) return undefined;
      const now = Date.now();
      refresh(isCheckedAgain || isDevelopment);
      const parsed = parseKey(token);
      const record = parsed === undefined ? undefined : records.get(parsed.id);
      const isRight = isSecretOf(parsed?.secret ?? "", record?.hash);
      if (!isRight || record === undefined || refusalOf(record, isDevelopment, now) !== undefined) return undefined;
      return principalOf(record);
    },
  });
});

const isInUse = (record: KeyRecord): boolean => refusalOf(record, false, Date.now()) === undefined;

/** The key files about which Quater has already warned in each log. Several surfaces may use the same key file. */
const warned = new WeakMap<Log, Set<string>>();

const warnOnce = (log: Log | undefined, path: string): void => {
  if (log === undefined) return;
  const files = warned.get(log) ?? new Set();
  warned.set(log, files);
  if (files.has(path)) return;
  files.add(path);
  log.warn(`${path} has no valid key, so every call that needs a key is refused. Create a key: quater keys create --name <name>`);
};

/** Returns why Quater refuses a key with the right secret. The returned text is the end of a sentence about the key. */
const refusalOf = (
  { revokedAt, isDevelopment, expiresAt }: KeyRecord,
  isInDevelopment: boolean,
  now: number,
): string | undefined => {
  if (revokedAt !== undefined) return `was revoked at ${revokedAt}`;
  if (isDevelopment === true && !isInDevelopment) return "is a development key, which only quater dev accepts";
  return expiresAt !== undefined && Date.parse(expiresAt) <= now ? `expired at ${expiresAt}` : undefined;
};

const principals = new WeakMap<KeyRecord, Principal>();

const principalOf = (record: KeyRecord): Principal => {
  const known = principals.get(record);
  if (known !== undefined) return known;
  const made: Principal = Object.freeze({
    issuer: "keys",
    subject: record.name,
    kind: record.kind,
    ...(record.person === undefined ? {} : { person: record.person }),
    ...(record.actsFor === undefined ? {} : { actsFor: record.actsFor }),
    credential: `key:${record.id}`,
    scopes: Object.freeze([...record.scopes]),
    roles: Object.freeze([...record.roles]),
    claims: Object.freeze({}),
  });
  principals.set(record, made);
  return made;
};
