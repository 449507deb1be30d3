// Reads the list of actions for completion from a file in the project's `.quater` folder, so that completion loads no manifest.
// `quater dev` and `quater build` write this file. A user may also press Tab in a folder that other people control. So completion
// follows no link to the file, refuses a file of another owner, and uses only names with harmless characters.

import { existsSync, lstatSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { readPrivateFile } from "../../../core/boot/private-file.ts";
import { cut, visible } from "../../../core/diagnostics/text.ts";

export interface ListedFlag {
  readonly flag: string;
  readonly takesValue: boolean;
  readonly values?: readonly string[];
}

export interface ListedAction {
  readonly name: string;
  readonly about: string;
  readonly flags: readonly ListedFlag[];
}

/** The version of the format in which the list of actions is stored. */
export const format = 1;
export const folderName = ".quater";
export const fileName = "completion.json";
const manifests = ["quater.config.ts", "quater.config.mts", "quater.config.js", "quater.config.mjs"];
/** The largest size of the file with the list of actions, in bytes, and the largest number of entries used from one list. */
const most = { bytes: 1_048_576, entries: 2_000 } as const;

/** Matches a completion candidate that needs no quotes in any shell and contains no word break of bash. */
const harmless = /^[\w.,@/+-]{1,100}$/;

/** Returns a description as one line of at most 80 characters, without control characters. */
export const lineOf = (text: string): string => cut(visible(text.replaceAll(/\s+/g, " ").trim()), 80);

/**
 * Reads the list of actions of the project in which the user types.
 *
 * @param config  The value of `--config`.
 * @returns The actions, without entries that are not valid. Without a list that can be trusted, the result is empty. Never
 * throws.
 */
export const listedActions = (cwd: string, config: string | undefined): readonly ListedAction[] => {
  try {
    const root = config === undefined ? projectAt(cwd) : dirname(resolve(cwd, config));
    const folder = root === undefined ? undefined : join(root, folderName);
    if (folder === undefined || !lstatSync(folder).isDirectory()) return [];
    const file = join(folder, fileName);
    const stats = lstatSync(file); // A symbolic link does not count as a file here.
    if (!stats.isFile() || stats.size > most.bytes) return [];
    return actionsIn(JSON.parse(readPrivateFile(file) ?? "null"));
  } catch {
    return [];
  }
};

const projectAt = (from: string): string | undefined => {
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    if (manifests.some((name) => existsSync(join(folder, name)))) return folder;
    const isTop = existsSync(join(folder, "package.json")) || existsSync(join(folder, ".git")) || folder === homedir();
    if (isTop || folder === dirname(folder)) return undefined;
  }
};

const tableOf = (value: unknown): Readonly<Record<string, unknown>> => Object(value) as Readonly<Record<string, unknown>>;
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value.slice(0, most.entries) : []);
const isHarmless = (value: unknown): value is string => typeof value === "string" && harmless.test(value);

const actionsIn = (read: unknown): readonly ListedAction[] => {
  const { format: found, actions } = tableOf(read);
  if (found !== format) return [];
  return listOf(actions).flatMap((entry) => {
    const { name, about, flags } = tableOf(entry);
    if (!isHarmless(name) || name.startsWith("-")) return [];
    return [{ name, about: typeof about === "string" ? lineOf(about) : "", flags: listOf(flags).flatMap(flagIn) }];
  });
};

const flagIn = (entry: unknown): readonly ListedFlag[] => {
  const { flag, takesValue, values } = tableOf(entry);
  if (!isHarmless(flag) || !flag.startsWith("--")) return [];
  return [
    {
      flag,
      takesValue: takesValue === true,
      ...(Array.isArray(values) ? { values: listOf(values).filter(isHarmless) } : {}),
    },
  ];
};
