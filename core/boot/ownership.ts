// Checks who may write a file. A file that runs as code or contains keys must belong to this process's user, to root, or to a
// user that the operator trusts. Nobody else may write the file, or replace the file or a folder above the file.

import { lstatSync, readFileSync, readlinkSync, type Stats, statSync } from "node:fs";
import { basename, dirname, isAbsolute, join, parse, resolve } from "node:path";
import { BootError } from "../diagnostics/problem.ts";

/** Why Quater does not trust a file, as the end of a sentence, and the remedy. */
export interface Distrust {
  readonly what: string;
  readonly remedy: string;
}

/**
 * The environment variable that names further users whose files Quater trusts. The value lists the numeric ids of these users:
 * `1000,1001`. The variable is for containers in which the files belong to another user than the user of the process. `.env`
 * cannot set this variable, because a file must not declare itself trusted.
 */
export const trustedOwnersVariable = "QUATER_TRUSTED_OWNERS";

/**
 * Checks the file at `path`, and every folder on the way to the file. Follows links, because the mode of a link does not say who
 * can write the file.
 *
 * @param shown  The path in error messages.
 * @returns The fault and its remedy. Returns `undefined` for a file that no other user can change. Also returns `undefined` on
 * Windows, which has no such modes.
 * @throws {BootError} when QUATER_TRUSTED_OWNERS is not a list of numbers.
 */
export const distrustOf = (path: string, shown: string = path, known: KnownWays = new Map()): Distrust | undefined => {
  if (process.getuid === undefined) return undefined;
  return distrustOfStats(statSync(path), shown) ?? distrustOfWay(path, known);
};

/**
 * Checks the owner and mode of an open file like `distrustOf`. Because the file is open, nobody can exchange the file between the
 * check and the reading.
 */
export const distrustOfStats = (stats: Stats, shown: string): Distrust | undefined => {
  if (process.getuid === undefined) return undefined;
  if (!isTrusted(stats))
    return {
      what: "belongs to another user",
      remedy: `Check the content of ${shown}, then run \`chown $(id -u) ${shown}\`, or set ${trustedOwnersVariable}=${stats.uid} in the environment`,
    };
  if (isWritableByOthers(stats))
    return { what: "can be changed by other users", remedy: `Check the content of ${shown}, then run \`chmod go-w ${shown}\`` };
  return undefined;
};

/**
 * The results for folders that Quater already checked, by path. Use one map of results for one batch of files only, because file
 * modes may change before the next batch.
 */
export type KnownWays = Map<string, Way>;

interface Way {
  /** The path of the file after all links were resolved. */
  readonly real: string;
  /** The stats of the file or folder at the path; `undefined` if nothing exists at the path. */
  readonly stats: Stats | undefined;
  /** The fault of the first folder on the way to the file that other users could change. */
  readonly distrust: Distrust | undefined;
}

/**
 * Checks every folder from the root folder to `path`, and the folders on the way of each link, as OpenSSH's StrictModes does. A
 * user who can write a folder on the way to a file can replace the files, folders and links in the folder. If `path` is a folder,
 * `distrustOfWay` also checks this folder. A missing file or folder has no fault.
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

/** The largest number of links that Linux follows for one path. */
const maxLinks = 40;

const step = (from: Way, name: string, known: KnownWays, links: number): Way => {
  if (from.distrust !== undefined || from.stats === undefined) return from;
  const real = join(from.real, name);
  const stats = lstatSync(real, { throwIfNoEntry: false });
  if (stats === undefined) return { real, stats, distrust: undefined };
  // In a sticky folder such as /tmp, users can replace only files that they own, so the owner of the file must be trusted.
  if (isWritableByOthers(from.stats) && !isTrusted(stats))
    return { real, stats, distrust: foreign(`is reached through ${real}, which`, stats, real) };
  if (!stats.isSymbolicLink()) return checked(real, stats);
  if (links === maxLinks) throw Object.assign(new Error(`ELOOP: too many links, ${real}`), { code: "ELOOP" });
  const target = readlinkSync(real);
  let way = isAbsolute(target) ? wayTo(parse(target).root, known, links + 1) : from;
  // Follow the parts of the link's target one by one. Behind a link, `../..` means the folders above the link's target, so code
  // cannot shorten the text of the path.
  for (const part of target.split("/")) {
    if (way.distrust !== undefined || part === "" || part === ".") continue;
    way = part === ".." ? wayTo(dirname(way.real), known, links + 1) : step(way, part, known, links + 1);
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
      what: `is in ${folder}, where other users can write (mode ${(stats.mode & 0o7777).toString(8)})`,
      remedy: `Run \`chmod go-w ${folder}\``,
    };
  return undefined;
};

const foreign = (which: string, { uid }: Stats, path: string): Distrust => ({
  what: `${which} belongs to the user ${uid}`,
  remedy: `Move the file to a folder of your own, or run \`chown -h $(id -u) ${path}\`, or set ${trustedOwnersVariable}=${uid} in the environment`,
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
        remedy: `Write numeric user ids, separated by commas, as \`id -u\` prints them: ${trustedOwnersVariable}=1000,1001`,
      },
    ]);
  return parts.map(Number);
};

/**
 * Whether users other than the owner can write the file. If the group of the file has only the user of the process as a member,
 * the group counts as the owner, because with a umask of 002 the group can write all files.
 */
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
    return ""; // Without /etc/passwd and /etc/group, as in some containers, the group has no other members.
  }
};

/**
 * The first numeric user id of a person. Smaller ids belong to system services. Some system services are in the group of root for
 * historical reasons.
 */
const firstPerson = 1_000;

/**
 * Returns whether the group has a member who is not trusted. A user is a member through the group's list of members, or through
 * the group of the user's own account.
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
  // A member without a line in /etc/passwd comes from another directory of users. Quater does not trust such a member.
  const idOf = (name: string) => Number(users.find(([user]) => user === name)?.[2] ?? -1);
  return (
    members.some((name) => !isTrustedId(idOf(name))) ||
    users.some(([, , uid, own]) => own === String(gid) && Number(uid) >= firstPerson && !isTrustedId(Number(uid)))
  );
};
