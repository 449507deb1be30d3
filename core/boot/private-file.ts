// Files that hold secrets. Only their owner can read them, and only the owner can write their folder. They are replaced as a whole, so
// that a reader never sees half a file.

import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fstatSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { QuaterError } from "../diagnostics/errors.ts";
import { type Distrust, distrustOfStats, distrustOfWay } from "./ownership.ts";

/**
 * Reads a secret file. The checks are made on the file that is open, so that it cannot be exchanged in between.
 *
 * @returns `undefined` when there is no file.
 * @throws {QuaterError} `unavailable` when other users may read or write it, own it, or may replace it.
 */
export const readPrivateFile = (file: string): string | undefined => {
  if (!existsSync(file)) {
    assertWay(file); // others could put a file there, or behind a link
    return undefined;
  }
  const real = realpathSync(file);
  const descriptor = openSync(real, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) throw wrong(`${file} is not a file`, "Remove it");
    if (process.getuid !== undefined && (stats.mode & 0o077) !== 0)
      throw wrong(`${file} may be read by other users`, `Run \`chmod 600 ${file}\``);
    refuse(file, distrustOfStats(stats, file) ?? distrustOfWay(file));
    return readFileSync(descriptor, "utf8");
  } finally {
    closeSync(descriptor);
  }
};

/**
 * Replaces the whole file, and creates its folder if it is missing. A link stays a link: the file behind the link is replaced, or
 * created if it is missing.
 *
 * @throws {QuaterError} `unavailable` when other users may write the folder.
 */
export const replacePrivateFile = (file: string, text: string): void => {
  const { target, fresh } = writtenBeside(file, text);
  try {
    renameSync(fresh, target);
  } catch (error) {
    rmSync(fresh, { force: true });
    throw error;
  }
};

/**
 * Creates the file if it does not exist. When two processes do so at once, one of them wins.
 *
 * @returns Whether this call made it.
 * @throws {QuaterError} `unavailable` when other users may write the folder.
 */
export const createPrivateFile = (file: string, text: string): boolean => {
  const { target, fresh } = writtenBeside(file, text);
  try {
    linkSync(fresh, target); // fails when the file exists, where a rename would replace it
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return false;
  } finally {
    rmSync(fresh, { force: true });
  }
};

/**
 * Returns the path of the file behind links, also when that file does not exist yet: otherwise two names of one file would have
 * two locks, and writing it would replace the link. The folders on the way are made.
 *
 * @throws {QuaterError} `unavailable` when other users may write one of these folders.
 */
export const fileBehind = (file: string): string => {
  assertWay(file);
  let path = resolve(file);
  for (;;) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    // `native` resolves `..` behind a link as the operating system does, and not as text.
    path = join(realpathSync.native(dirname(path)), basename(path));
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats?.isSymbolicLink() !== true) return path;
    const target = readlinkSync(path);
    path = isAbsolute(target) ? target : `${dirname(path)}/${target}`;
  }
};

/** @throws {QuaterError} `unavailable` when other users may write a folder on the way, or the file is a link without an end. */
const assertWay = (file: string): void => {
  try {
    refuse(file, distrustOfWay(file));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ELOOP") throw error;
    throw wrong(`${file} is a link that leads to itself`, "Remove the link");
  }
};

const writtenBeside = (file: string, text: string): { readonly target: string; readonly fresh: string } => {
  const target = fileBehind(file);
  // Write to a new file with a random name. The file must not exist yet, so a link of another user is never followed.
  const fresh = `${target}.${randomBytes(12).toString("hex")}.new`;
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW = 0 } = constants;
  const descriptor = openSync(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    fchmodSync(descriptor, 0o600);
    writeFileSync(descriptor, text);
    fsyncSync(descriptor);
  } catch (error) {
    rmSync(fresh, { force: true });
    throw error;
  } finally {
    closeSync(descriptor);
  }
  return { target, fresh };
};

const refuse = (file: string, distrust: Distrust | undefined): void => {
  if (distrust !== undefined) throw wrong(`${file} ${distrust.what}, so another user could change it`, distrust.remedy);
};

const wrong = (message: string, hint: string): QuaterError =>
  new QuaterError({ code: "unavailable", kind: "unavailable", message, hint });
