// The key that `quater dev` prints: kept in a file of its own so that a command can be pasted again tomorrow, let in by
// `dev` and by nothing else.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { dirname, join } from "node:path";
import { defaultKeyFile } from "./api-keys.ts";
import { changeKeyFile, isSecretOf, type KeyRecord, newKey, parseKey } from "./keyfile.ts";

/** Beside the key file, readable by its owner alone. */
export const developmentKeyFile = ".quater/development-key";

/**
 * @param rights  What the key may do, as of now: usually all that the manifest's policies name.
 * @returns The key itself.
 */
export const developmentKey = (root: string, rights: Pick<KeyRecord, "scopes" | "roles">): string => {
  const shown = join(root, developmentKeyFile);
  const known = existsSync(shown) ? readFileSync(shown, "utf8").trim() : "";
  return changeKeyFile(join(root, defaultKeyFile), (records) => {
    const parsed = parseKey(known);
    const found = records.find(
      ({ id, hash, revokedAt }) => id === parsed?.id && revokedAt === undefined && isSecretOf(parsed.secret, hash),
    );
    if (found !== undefined) {
      return { records: records.map((record) => (record === found ? { ...record, ...rights } : record)), result: known };
    }
    const { id, key, hash } = newKey();
    mkdirSync(dirname(shown), { recursive: true, mode: 0o700 });
    writeFileSync(shown, `${key}\n`, { mode: 0o600 });
    const record: KeyRecord = {
      id,
      hash,
      name: `development-${id}`,
      kind: "agent",
      actsFor: userInfo().username,
      ...rights,
      createdAt: new Date().toISOString(),
      isDevelopment: true,
    };
    return { records: [...records.filter(({ isDevelopment }) => isDevelopment !== true), record], result: key };
  });
};
