// Who may write a file. A file that runs as code or decides who is let in must belong to this process's user, to root, or
// to a user that the operator trusts. Nobody else may write the file or replace it in its folder.

import { existsSync, realpathSync, type Stats, statSync } from "node:fs";
import { dirname } from "node:path";
import { BootError } from "./problem.ts";

/** Why a file is not trusted, as the end of a sentence, and what to do. */
export interface Distrust {
  readonly what: string;
  readonly remedy: string;
}

/**
 * Names more users whose files are trusted, by their numbers: `1000,1001`. For containers whose files belong to another
 * user than the one that runs. `.env` cannot set it, because a file must not vouch for itself.
 */
export const trustedOwnersVariable = "QUATER_TRUSTED_OWNERS";

/**
 * Checks the file behind `path`, and the folder that holds it. Links are followed first: the mode of a link says nothing
 * about who may write the file.
 *
 * @param shown  The path as messages write it.
 * @returns What is wrong; `undefined` for a file that nobody else may change, and on Windows, which has no such modes.
 * @throws {BootError} when QUATER_TRUSTED_OWNERS is not a list of numbers.
 */
export const distrustOf = (path: string, shown: string = path): Distrust | undefined => {
  if (process.getuid === undefined) return undefined;
  const real = realpathSync(path);
  return distrustOfStats(statSync(real), shown) ?? distrustOfFolder(dirname(real));
};

/** As `distrustOf`, for a file that is open already: the file that is read is the file that was checked. */
export const distrustOfStats = (stats: Stats, shown: string): Distrust | undefined => {
  if (process.getuid === undefined) return undefined;
  if (!isTrusted(stats))
    return {
      what: "belongs to another user",
      remedy: `Read it, then run \`chown $(id -u) ${shown}\`, or set ${trustedOwnersVariable}=${stats.uid} in the environment`,
    };
  if (isWritableByOthers(stats))
    return { what: "may be written by other users", remedy: `Read it, then run \`chmod go-w ${shown}\`` };
  return undefined;
};

/** Checks a folder: a user who may write it may replace the files in it. A missing folder passes. */
export const distrustOfFolder = (folder: string): Distrust | undefined => {
  if (process.getuid === undefined || !existsSync(folder)) return undefined;
  const stats = statSync(folder);
  if (!isTrusted(stats))
    return {
      what: "is in a folder of another user",
      remedy: `Move it, or run \`chown $(id -u) ${folder}\`, or set ${trustedOwnersVariable}=${stats.uid} in the environment`,
    };
  const isSticky = (stats.mode & 0o1000) !== 0; // in such a folder users may replace their own files alone
  if (isWritableByOthers(stats) && !isSticky)
    return { what: "is in a folder that other users may write", remedy: `Run \`chmod go-w ${folder}\`` };
  return undefined;
};

const isTrusted = ({ uid }: Stats): boolean => uid === 0 || uid === process.getuid?.() || trustedOwners().includes(uid);

const trustedOwners = (): readonly number[] => {
  const text = process.env[trustedOwnersVariable]?.trim() ?? "";
  if (text === "") return [];
  const parts = text.split(",").map((part) => part.trim());
  if (!parts.every((part) => /^\d{1,10}$/.test(part)))
    throw new BootError([
      {
        place: "environment",
        cause: `${trustedOwnersVariable} is ${JSON.stringify(text)}, which is not a list of user ids`,
        remedy: `Write numbers with commas between them, as \`id -u\` prints them: ${trustedOwnersVariable}=1000,1001`,
      },
    ]);
  return parts.map(Number);
};

// Many systems give every user a group of their own; a file that this group may write is not open to other users.
const isWritableByOthers = (stats: Stats): boolean =>
  (stats.mode & 0o002) !== 0 || ((stats.mode & 0o020) !== 0 && stats.gid !== process.getgid?.());
