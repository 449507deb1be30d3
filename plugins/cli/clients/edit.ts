// Edits the configuration file of a client: reads the file, adds the entry, checks the result, and replaces the file in one step.

import { randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  closeSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { UsageError } from "../output/exit.ts";
import type { Format, Scope } from "./clients.ts";
import { BrokenFile, type Edit, type Edited, isSame, type Wanted } from "./edited.ts";

/** The change of one configuration file. */
export interface Change extends Edited {
  readonly file: string;
  /** The text of the configuration file before the change; `undefined` for a file that does not exist. */
  readonly before: string | undefined;
  /**
   * The text of a configuration file that contains only the entry, before and after the change. Quater shows these texts and not
   * the whole file, because other entries may contain secrets.
   */
  readonly shown: { readonly before: string; readonly after: string };
}

interface Editor {
  readonly edit: Edit;
  readonly fresh: (member: string, name: string, entry: unknown) => string;
  readonly read: (text: string) => unknown;
}

/** Loads the editor for a format at its first use, because only `quater mcp add` needs the libraries of the editors. */
export const editorOf = async (format: Format): Promise<Editor> => {
  if (format === "toml") {
    const { editToml, newToml, readToml } = await import("./edit-toml.ts");
    return { edit: editToml, fresh: newToml, read: readToml };
  }
  const { editJson, newJson, readJson } = await import("./edit-json.ts");
  return { edit: editJson, fresh: newJson, read: (text) => readJson(text, format === "jsonc") };
};

const mark = "\u{feff}";

/**
 * Computes the change of a configuration file, but does not write the file.
 *
 * @throws {UsageError} when the file is not valid, or has another entry of the same name.
 */
export const changeOf = (
  file: string,
  { edit, fresh, read }: Editor,
  wanted: Wanted,
  { isForced, flag }: { readonly isForced: boolean; readonly flag: string },
): Change => {
  const before = textOf(file);
  const { member, name, entry } = wanted;
  const after = fresh(member, name, entry);
  if (before === undefined || before.trim() === "")
    return { file, before, text: after, was: "absent", shown: { before: "", after } };
  const start = before.startsWith(mark) ? mark : "";
  const plain = before.slice(start.length);
  try {
    const old = read(plain) as Readonly<Record<string, object>>;
    const { text, was } = edit(plain, wanted);
    if (was === "other" && !isForced)
      throw new UsageError(`${file} already has another entry ${name}. Choose another --name, or replace the entry with ${flag}`);
    if (!isSame(read(text), { ...old, [member]: { ...old[member], [name]: entry } }))
      throw new BrokenFile("the entry could not be added without changing other entries");
    const shown = { before: was === "other" ? fresh(member, name, Reflect.get(old[member] ?? {}, name)) : "", after };
    return { file, before, text: start + text, was, shown };
  } catch (error) {
    if (!(error instanceof BrokenFile)) throw error;
    throw new UsageError(
      `${file} cannot be edited: ${error.message}. The file was not changed. Correct the file, or add the entry by hand`,
    );
  }
};

/** Reads a configuration file. @returns `undefined` for a file that does not exist. @throws {UsageError} if it cannot be read. */
const textOf = (file: string): string | undefined => {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(readFileSync(file));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    throw new UsageError(`${file} cannot be read: ${code === "ERR_ENCODING_INVALID_ENCODED_DATA" ? "it is not UTF-8" : message}`);
  }
};

/**
 * Replaces the configuration file in one step, so that a client that reads the file at the same time never reads half of the
 * file. An existing file keeps its owner and mode, and a symbolic link stays a link. For `--scope user`, only the user can read a
 * new file.
 *
 * @throws {UsageError} when the file cannot be written, or changed since `changeOf`.
 */
export const write = ({ file, before, text }: Change, scope: Scope): void => {
  let fresh: string | undefined;
  try {
    mkdirSync(dirname(file), { recursive: true, ...(scope === "user" ? { mode: 0o700 } : {}) });
    const target = before === undefined ? file : realpathSync(file);
    fresh = `${target}.${randomBytes(12).toString("hex")}.new`;
    // Only the user can read the new copy until the copy gets the mode of the existing file, because the file may contain
    // secrets.
    const descriptor = openSync(fresh, "wx", scope === "user" || before !== undefined ? 0o600 : 0o666);
    try {
      writeFileSync(descriptor, text);
      fsyncSync(descriptor);
      if (before !== undefined) takeOwnerAndMode(fresh, fstatSync(descriptor), statSync(target));
    } finally {
      closeSync(descriptor);
    }
    if (textOf(file) !== before) throw new UsageError(`${file} has changed in the meantime. Run the command again`);
    renameSync(fresh, target);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${file} cannot be written: ${(error as Error).message}`);
  } finally {
    if (fresh !== undefined) rmSync(fresh, { force: true });
  }
};

/**
 * Gives the new file the owner and the mode of the old file. If root edits the configuration file of a user, the user must still
 * be able to read the file.
 */
const takeOwnerAndMode = (file: string, now: Stats, { uid, gid, mode }: Stats): void => {
  if (now.uid !== uid || now.gid !== gid) chownSync(file, uid, gid);
  chmodSync(file, mode & 0o7777);
};

/**
 * Returns the changed lines of the entry, and no other lines of the configuration file, because these may contain a secret of
 * another entry.
 */
export const diffOf = ({ file, before = "", text, shown }: Change): string => {
  const [old, now] = [shown.before.split("\n"), shown.after.split("\n")];
  const start = sameLines(old, now);
  let same = 0;
  while (same < Math.min(old.length, now.length) - start && old.at(-1 - same) === now.at(-1 - same)) same++;
  const lines = [
    `--- ${before === "" ? "(no file)" : file}`,
    `+++ ${file}`,
    `@@ line ${sameLines(before.split("\n"), text.split("\n")) + 1} @@`,
    ...old.slice(start, old.length - same).map((line) => `-${line}`),
    ...now.slice(start, now.length - same).map((line) => `+${line}`),
  ];
  return lines.map((line) => `${line}\n`).join("");
};

/** Returns the number of lines at the start of both texts that are the same. */
const sameLines = (old: readonly string[], now: readonly string[]): number => {
  let count = 0;
  while (count < old.length && count < now.length && old[count] === now[count]) count++;
  return count;
};
