// Reads and changes key files: `{ version: 1, keys: [...] }`. Only the owner can read a key file, and only one process at a time
// changes a key file. A key gives access or signs a trail. Quater therefore refuses a key record with a mistake and never guesses
// the meaning of the record.

import { QuaterError } from "../diagnostics/errors.ts";
import { visible } from "../diagnostics/text.ts";
import { withFileLock } from "./file-lock.ts";
import { readPrivateFile, replacePrivateFile } from "./private-file.ts";

/** The differences between kinds of key files: their names in error messages, and the check of a key record. */
export interface KeyFileKind {
  /** The name of the kind in the error message `keys.json is not <name> of this version`. */
  readonly name: string;
  /** The remedy in error messages about a key file that cannot be read. */
  readonly remedy: string;
  /**
   * Returns the fault of a key record and the remedy, or `undefined` for a correct key record. The text of the fault never
   * contains the secret of the key.
   */
  readonly wrongIn: (record: unknown) => WrongKey | undefined;
}
export interface WrongKey {
  /** The fault of the key record, as in the error message `keys.json: the key at /keys/0 has <what>`. */
  readonly what: string;
  readonly remedy: string;
}

const version = 1;

/**
 * Returns the content of the key file after a check of its `keys`. Returns `undefined` when the key file does not exist.
 *
 * @throws {QuaterError} `unavailable` when the key file is malformed, or when other users can read or write the key file.
 */
export const readKeysOf = <Content extends { readonly keys: readonly unknown[] }>(
  file: string,
  { name, remedy, wrongIn }: KeyFileKind,
): Content | undefined => {
  const text = readPrivateFile(file);
  if (text === undefined) return undefined;
  let content: { readonly version?: unknown; readonly keys?: unknown };
  try {
    content = Object(JSON.parse(text)) as typeof content;
  } catch {
    throw brokenKeys(`${file} is not valid JSON`, remedy);
  }
  if (content.version !== version || !Array.isArray(content.keys))
    throw brokenKeys(`${file} is not ${name} that this version of Quater can read`, remedy);
  const ids = new Set<unknown>();
  content.keys.forEach((record: unknown, index) => {
    const { id } = Object(record) as { readonly id?: unknown };
    const isTwice = ids.has(id);
    ids.add(id);
    const wrong =
      wrongIn(record) ??
      (isTwice ? { what: "the id of another key", remedy: "Remove one of the two key records that have this id" } : undefined);
    if (wrong === undefined) return;
    const which = typeof id === "string" && id !== "" ? `the key ${visible(id)}` : "the key";
    throw brokenKeys(`${file}: ${which} at /keys/${index} has ${wrong.what}`, wrong.remedy);
  });
  return content as unknown as Content;
};

/** Returns the text of a key file with this content. */
export const keysText = (content: { readonly keys: readonly unknown[] }): string =>
  `${JSON.stringify({ version, ...content }, null, 2)}\n`;

/**
 * Runs `change` under the lock of the key file, and replaces the content of the key file with the `content` that `change`
 * returns.
 */
export const changeKeysOf = <Change extends { readonly content: { readonly keys: readonly unknown[] } }>(
  file: string,
  change: () => Change,
): Change =>
  withFileLock(file, () => {
    const changed = change();
    replacePrivateFile(file, keysText(changed.content));
    return changed;
  });

export const brokenKeys = (message: string, hint: string): QuaterError =>
  new QuaterError({ code: "unavailable", kind: "unavailable", message, hint });
