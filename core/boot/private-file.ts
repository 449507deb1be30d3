// Reads and writes secret files. Only the owner can read a secret file, and only the owner can write its folder. Quater always
// replaces a secret file as a whole, so a reader never sees an incomplete file.

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
 * Returns the text of a secret file. The checks use the open file, so nobody can exchange the file between the checks and the
 * reading.
 *
 * @returns The text, or `undefined` when the secret file does not exist.
 * @throws {QuaterError} `unavailable` when other users can read, write or replace the secret file, or own the secret file.
 */
export const readPrivateFile = (file: string): string | undefined => {
  if (!existsSync(file)) {
    assertWay(file); // Users who can write a folder of the path could create the missing file later.
    return undefined;
  }
  const real = realpathSync(file);
  const descriptor = openSync(real, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) throw wrong(`${file} is a folder or a device, but must be a file`, `Move ${file} to another path`);
    if (process.getuid !== undefined && (stats.mode & 0o077) !== 0)
      throw wrong(`${file} can be read by other users`, `Run \`chmod 600 ${file}\``);
    refuse(file, distrustOfStats(stats, file) ?? distrustOfWay(file));
    return readFileSync(descriptor, "utf8");
  } finally {
    closeSync(descriptor);
  }
};

/**
 * Replaces the whole secret file. Creates the file and its folder if they are missing. If the file is a link,
 * `replacePrivateFile` replaces the target of the link, and keeps the link.
 *
 * @throws {QuaterError} `unavailable` when other users can write the folder of the file.
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
 * Creates the secret file if the file does not exist. When two processes create the file at the same time, one process succeeds.
 *
 * @returns Whether this call of `createPrivateFile` created the file.
 * @throws {QuaterError} `unavailable` when other users can write the folder of the file.
 */
export const createPrivateFile = (file: string, text: string): boolean => {
  const { target, fresh } = writtenBeside(file, text);
  try {
    linkSync(fresh, target); // linkSync fails when the file exists. renameSync would replace the file.
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return false;
  } finally {
    rmSync(fresh, { force: true });
  }
};

/**
 * Returns the path of a link's target, even when the target does not exist yet. Creates missing folders on the way to the target.
 * Without `fileBehind`, two names of one file would have two locks, and a write would replace the link.
 *
 * @throws {QuaterError} `unavailable` when other users can write a folder on the way to the target.
 */
export const fileBehind = (file: string): string => {
  assertWay(file);
  let path = resolve(file);
  for (;;) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    // realpathSync.native resolves `..` behind a link like the operating system. `realpathSync` of Node shortens the text of the
    // path instead.
    path = join(realpathSync.native(dirname(path)), basename(path));
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats?.isSymbolicLink() !== true) return path;
    const target = readlinkSync(path);
    path = isAbsolute(target) ? target : `${dirname(path)}/${target}`;
  }
};

/** @throws {QuaterError} `unavailable` when other users can write a folder on the way to the file, or a link points to itself. */
const assertWay = (file: string): void => {
  try {
    refuse(file, distrustOfWay(file));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ELOOP") throw error;
    throw wrong(`${file} is a symbolic link that leads to itself`, `Remove the symbolic link ${file}`);
  }
};

const writtenBeside = (file: string, text: string): { readonly target: string; readonly fresh: string } => {
  const target = fileBehind(file);
  // Write to a new file with a random name. The new file must not exist yet, so Node never follows a link of another user.
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
