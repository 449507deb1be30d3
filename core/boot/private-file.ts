// Files that hold secrets: readable by their owner alone, in a folder that nobody else may write, replaced as a whole so
// that a reader never sees half of one.

import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
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
    refuse(file, distrustOfWay(dirname(file))); // others could put a file there
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
 * Writes the whole file anew. Its folder is made when it is missing. A link stays a link: the file behind it is replaced.
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
 * Writes the file when there is none. When two processes do so at once, one of them wins.
 *
 * @returns Whether this call made it.
 * @throws {QuaterError} `unavailable` when other users may write the folder.
 */
export const createPrivateFile = (file: string, text: string): boolean => {
  const { fresh } = writtenBeside(file, text);
  try {
    linkSync(fresh, file); // fails when the file exists, where a rename would replace it
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return false;
  } finally {
    rmSync(fresh, { force: true });
  }
};

/** @throws {QuaterError} `unavailable` when other users could replace the file in its folder. */
export const assertPrivateFolder = (file: string): void => refuse(file, distrustOfWay(file));

const writtenBeside = (file: string, text: string): { readonly target: string; readonly fresh: string } => {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const target = existsSync(file) ? realpathSync(file) : file;
  refuse(file, distrustOfWay(file));
  // A random name, and only if nothing has it: a link that somebody put there is never followed.
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
