// Loads a manifest that `quater build` made. The build consists of one JavaScript file and a list of the sources of this file.
// Quater uses the built file only while every source is unchanged. After a change of a source, Quater loads the sources, which is
// slower but never out of date.

import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";

/**
 * The folder for built manifests, relative to the manifest's folder. Users must not add the folder for built manifests to version
 * control.
 */
export const buildFolder = ".quater/build";

export interface BuildInput {
  /** The path of the source file, relative to the manifest's folder. */
  readonly path: string;
  /**
   * The digest of the bytes of the source file. The build record contains no file times, because file times change with every
   * checkout and copy, and because programs can set file times back.
   */
  readonly sha256: string;
}

export interface BuildRecord {
  readonly format: 2;
  /** The file name of the manifest. */
  readonly manifest: string;
  /** The name of the JavaScript file that `quater build` made. */
  readonly output: string;
  readonly inputs: readonly BuildInput[];
  /**
   * The paths of files that did not exist at build time, and that would change the loaded modules, such as lock files and
   * tsconfig.json.
   */
  readonly absent: readonly string[];
}

/**
 * Reads a source file and returns its path and digest. @throws the error of the operating system when the source file cannot be
 * read.
 */
export const inputOf = (root: string, path: string): BuildInput => ({ path: relative(root, path), sha256: digestOf(path) });

const digestOf = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");

const isUnchanged = (path: string, sha256: string): boolean => {
  try {
    return digestOf(path) === sha256;
  } catch {
    return false; // A build whose source was deleted or replaced by a folder is out of date.
  }
};

/** Returns the path of the built file for this manifest, if the built file exists and no source has changed. */
export const freshBuild = (file: string): string | undefined => {
  const root = dirname(file);
  const place = join(root, buildFolder, "build.json");
  if (!existsSync(place)) return undefined;
  const record = readRecord(place);
  if (record === undefined) return undefined;
  const isFresh =
    record.format === 2 &&
    Array.isArray(record.inputs) &&
    Array.isArray(record.absent) &&
    // The build record must name this manifest as a source, and the built file must be in the folder for builds.
    record.inputs.some(({ path }) => path === record.manifest) &&
    record.output === basename(String(record.output)) &&
    join(root, record.manifest) === file &&
    record.inputs.every(({ path, sha256 }) => isUnchanged(join(root, path), sha256)) &&
    !record.absent.some((path) => existsSync(join(root, path)));
  return isFresh ? join(root, buildFolder, record.output) : undefined;
};

const readRecord = (place: string): BuildRecord | undefined => {
  try {
    return JSON.parse(readFileSync(place, "utf8")) as BuildRecord;
  } catch {
    return undefined; // The build record is incomplete or has another format, so load the sources.
  }
};
