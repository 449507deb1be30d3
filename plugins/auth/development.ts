// The development keys that `quater dev` prints. Quater stores each of these keys in a file, so that a printed command with a key
// also works the next day. Only `quater dev` accepts development keys.

import { userInfo } from "node:os";
import { join } from "node:path";
import { readPrivateFile, replacePrivateFile } from "../../core/boot/private-file.ts";
import { demoApproverKeyFile, developmentKeyFile } from "../offered.ts";
import { defaultKeyFile } from "./api-keys.ts";
import { changeKeyFile, isSecretOf, type KeyRecord, newKey, parseKey, readKeyFile } from "./keyfile.ts";

type Rights = Pick<KeyRecord, "scopes" | "roles">;

interface Kind {
  readonly file: string;
  /** The beginning of the name of a development key. In the name, the id of the key follows. */
  readonly name: string;
  readonly who: () => Pick<KeyRecord, "kind" | "person" | "actsFor">;
}

/** The development key for calls of the developer's agent. */
const caller: Kind = {
  file: developmentKeyFile,
  name: "development-",
  who: () => ({ kind: "agent", actsFor: userInfo().username }),
};

/**
 * The development key of a person other than the developer. `quater dev` needs this second development key, because nobody may
 * approve their own approval requests.
 */
const approver: Kind = {
  file: demoApproverKeyFile,
  name: "demo-approver-",
  who: () => ({ kind: "user", person: "demo-approver" }),
};

/**
 * Returns the development key for calls, and creates this key if it is missing.
 *
 * @param rights  The rights of the development key from now on: usually all scopes and roles that the manifest's policies name.
 */
export const developmentKey = (root: string, rights: Rights): string => shownKey(root, rights, caller);

/**
 * Returns the development key of a demo person, and creates this key if it is missing. The demo person exists only in
 * development, and may approve requests in development.
 *
 * @param roles  The roles that approval policies name.
 */
export const demoApproverKey = (root: string, roles: readonly string[]): string =>
  shownKey(root, { scopes: [], roles }, approver);

/**
 * Whether `key` is a valid development key. Call this function only for the terminal of a user who can read the key file, because
 * an answer over a network would show which keys exist.
 */
export const isDevelopmentKey = (root: string, key: string): boolean => {
  try {
    return readKeyFile(join(root, defaultKeyFile)).some((record) => record.isDevelopment === true && isKeyOf(record, key));
  } catch {
    return false; // The key file may be malformed, or the project may keep its keys in another file.
  }
};

const isKeyOf = ({ id, hash, revokedAt }: KeyRecord, key: string): boolean => {
  const parsed = parseKey(key);
  return id === parsed?.id && revokedAt === undefined && isSecretOf(parsed.secret, hash);
};

const shownKey = (root: string, rights: Rights, { file, name, who }: Kind): string => {
  const shown = join(root, file);
  const known = readPrivateFile(shown)?.trim() ?? "";
  return changeKeyFile(join(root, defaultKeyFile), (records) => {
    const found = records.find((record) => isKeyOf(record, known));
    if (found !== undefined) {
      return { records: records.map((record) => (record === found ? { ...record, ...rights } : record)), result: known };
    }
    const { id, key, hash } = newKey();
    replacePrivateFile(shown, `${key}\n`);
    const record: KeyRecord = {
      id,
      hash,
      name: `${name}${id}`,
      ...who(),
      ...rights,
      createdAt: new Date().toISOString(),
      isDevelopment: true,
    };
    const isOld = (old: KeyRecord) => old.isDevelopment === true && old.name.startsWith(name);
    return { records: [...records.filter((old) => !isOld(old)), record], result: key };
  });
};
