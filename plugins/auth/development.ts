// The keys that `quater dev` prints: each kept in a file of its own so that a command can be pasted again tomorrow, let in
// by `dev` and by nothing else.

import { userInfo } from "node:os";
import { join } from "node:path";
import { readPrivateFile, replacePrivateFile } from "../../core/boot/private-file.ts";
import { demoApproverKeyFile, developmentKeyFile } from "../offered.ts";
import { defaultKeyFile } from "./api-keys.ts";
import { changeKeyFile, isSecretOf, type KeyRecord, newKey, parseKey, readKeyFile } from "./keyfile.ts";

type Rights = Pick<KeyRecord, "scopes" | "roles">;

interface Kind {
  readonly file: string;
  /** Of the record's name; the key's id follows. */
  readonly name: string;
  readonly who: () => Pick<KeyRecord, "kind" | "person" | "actsFor">;
}

/** Calls as the developer's agent would. */
const caller: Kind = {
  file: developmentKeyFile,
  name: "development-",
  who: () => ({ kind: "agent", actsFor: userInfo().username }),
};

/** Somebody else than the developer, because nobody may agree to what they ask for. */
const approver: Kind = {
  file: demoApproverKeyFile,
  name: "demo-approver-",
  who: () => ({ kind: "user", person: "demo-approver" }),
};

/**
 * @param rights  What the key may do, as of now: usually all that the manifest's policies name.
 * @returns The key itself.
 */
export const developmentKey = (root: string, rights: Rights): string => shownKey(root, rights, caller);

/**
 * The key of a person who exists in development alone, and may agree to what is asked for there.
 *
 * @param roles  Those that approval's policies name.
 * @returns The key itself.
 */
export const demoApproverKey = (root: string, roles: readonly string[]): string =>
  shownKey(root, { scopes: [], roles }, approver);

/**
 * Whether this is a whole key that `dev` lets in and nothing else does. For the terminal of a user who can read the key file
 * anyway: told over a network it would say which keys there are.
 */
export const isDevelopmentKey = (root: string, key: string): boolean => {
  try {
    return readKeyFile(join(root, defaultKeyFile)).some((record) => record.isDevelopment === true && isKeyOf(record, key));
  } catch {
    return false; // the project may keep its keys elsewhere, and then this file does not matter
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
