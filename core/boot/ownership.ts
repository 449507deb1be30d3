// Checks who may write a file. A file that runs as code or holds keys must belong to this process's user, to root, or to a
// user that the operator trusts. Nobody else may write the file, or replace the file or a folder above it.

import { lstatSync, readFileSync, readlinkSync, type Stats, statSync } from "node:fs";
import { basename, dirname, isAbsolute, join, parse, resolve } from "node:path";
import { BootError } from "../diagnostics/problem.ts";

/** Why a file is not trusted, as the end of a sentence, and what to do. */
export interface Distrust {
  readonly what: string;
  readonly remedy: string;
}

/**
 * Names more users whose files are trusted, by their numbers: `1000,1001`. For containers whose files belong to another
 * user than the one that runs the process. `.env` cannot set it, because a file must not declare itself trusted.
 */
export const trustedOwnersVariable = "QUATER_TRUSTED_OWNERS";

/**
 * Checks the file behind `path`, and every folder on the way to it. Links are followed: the mode of a link says nothing about
 * who may write the file.
 *
 * @param shown  The path as messages write it.
 * @returns What is wrong; `undefined` for a file that nobody else may change, and on Windows, which has no such modes.
 * @throws {BootError} when QUATER_TRUSTED_OWNERS is not a list of numbers.
 */
export const distrustOf = (path: string, shown: string = path, known: KnownWays = new Map()): Distrust | undefined => {
  if (process.getuid === undefined) return undefined;
  return distrustOfStats(statSync(path), shown) ?? distrustOfWay(path, known);
};

/** Does the same as `distrustOf` for an open file, so that nobody can exchange the file between the check and the reading. */
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

/** Folders that were already checked, by path. Used for one batch of files only, because modes may change before the next batch. */
export type KnownWays = Map<string, Way>;

interface Way {
  /** The path without links. */
  readonly real: string;
  /** The stats of the file; `undefined` for a missing file. */
  readonly stats: Stats | undefined;
  /** The fault of the first folder on the way that other users could change. */
  readonly distrust: Distrust | undefined;
}

/**
 * Checks every folder from the root to `path`, and those on the way of each link, as OpenSSH's StrictModes does: a user who may
 * write one of them may put another file, folder or link in the place of what is in it. A `path` that is a folder is checked,
 * too; what is missing passes.
 */
export const distrustOfWay = (path: string, known: KnownWays = new Map()): Distrust | undefined =>
  process.getuid === undefined ? undefined : wayTo(resolve(path), known, 0).distrust;

const wayTo = (path: string, known: KnownWays, links: number): Way => {
  const before = known.get(path);
  if (before !== undefined) return before;
  const parent = dirname(path);
  const way = parent === path ? checked(path, lstatSync(path)) : step(wayTo(parent, known, links), basename(path), known, links);
  known.set(path, way);
  return way;
};

/** The largest number of links that Linux follows. */
const maxLinks = 40;

const step = (from: Way, name: string, known: KnownWays, links: number): Way => {
  if (from.distrust !== undefined || from.stats === undefined) return from;
  const real = join(from.real, name);
  const stats = lstatSync(real, { throwIfNoEntry: false });
  if (stats === undefined) return { real, stats, distrust: undefined };
  // In a sticky folder such as /tmp, users may replace only files that they own.
  if (isWritableByOthers(from.stats) && !isTrusted(stats))
    return { real, stats, distrust: foreign(`is reached through ${real}, which`, stats, real) };
  if (!stats.isSymbolicLink()) return checked(real, stats);
  if (links === maxLinks) throw Object.assign(new Error(`ELOOP: too many links, ${real}`), { code: "ELOOP" });
  const target = readlinkSync(real);
  let way = isAbsolute(target) ? wayTo(parse(target).root, known, links + 1) : from;
  // Not resolved as text: behind a link, `../..` means the folder above the link's target.
  for (const part of target.split("/")) {
    if (way.distrust !== undefined || part === "" || part === ".") continue;
    way = part === "../.." ? wayTo(dirname(way.real), known, links + 1) : step(way, part, known, links + 1);
  }
  return way;
};

const checked = (real: string, stats: Stats): Way => ({
  real,
  stats,
  distrust: stats.isDirectory() ? distrustOfFolder(real, stats) : undefined,
});

const distrustOfFolder = (folder: string, stats: Stats): Distrust | undefined => {
  if (!isTrusted(stats)) return foreign(`is in ${folder}, which`, stats, folder);
  const isSticky = (stats.mode & 0o1000) !== 0;
  if (isWritableByOthers(stats) && !isSticky)
    return {
      what: `is in ${folder}, which other users may write (mode ${(stats.mode & 0o7777).toString(8)})`,
      remedy: `Run \`chmod go-w ${folder}\``,
    };
  return undefined;
};

const foreign = (which: string, { uid }: Stats, path: string): Distrust => ({
  what: `${which} belongs to the user ${uid}`,
  remedy: `Move it, or run \`chown -h $(id -u) ${path}\`, or set ${trustedOwnersVariable}=${uid} in the environment`,
});

const isTrusted = ({ uid }: Stats): boolean => isTrustedUser(uid);
const isTrustedUser = (uid: number): boolean => uid === 0 || uid === process.getuid?.() || trustedOwners().includes(uid);

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

/** A group that the process's user has alone may write: with it, files of a umask of 002 are open to nobody else. */
const isWritableByOthers = (stats: Stats): boolean =>
  (stats.mode & 0o002) !== 0 || ((stats.mode & 0o020) !== 0 && !isOwnGroup(stats.gid));

const isOwnGroup = (gid: number): boolean => gid === process.getgid?.() && !ownGroupIsShared();

let isShared: boolean | undefined;

const ownGroupIsShared = (): boolean => {
  isShared ??= hasOtherMembers(process.getgid?.() ?? 0, textOf("/etc/passwd"), textOf("/etc/group"), isTrustedUser);
  return isShared;
};

const textOf = (file: string): string => {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return ""; // a container without users has nobody else in the group
  }
};

/** Users below are the system's services; some have a group of root for historical reasons. */
const firstPerson = 1_000;

/**
 * Returns whether a user who is not trusted is in the group, by its list of members or as the user's own group.
 *
 * @param passwd  The text of /etc/passwd.
 * @param group  The text of /etc/group.
 */
export const hasOtherMembers = (gid: number, passwd: string, group: string, isTrustedId: (uid: number) => boolean): boolean => {
  const users = passwd.split("\n").map((line) => line.split(":"));
  const members = group
    .split("\n")
    .map((line) => line.split(":"))
    .filter(([, , id]) => id === String(gid))
    .flatMap(([, , , names = ""]) => names.split(",").filter((name) => name !== ""));
  const idOf = (name: string) => Number(users.find(([user]) => user === name)?.[2] ?? -1); // -1: known elsewhere, and so another user
  return (
    members.some((name) => !isTrustedId(idOf(name))) ||
    users.some(([, , uid, own]) => own === String(gid) && Number(uid) >= firstPerson && !isTrustedId(Number(uid)))
  );
};
