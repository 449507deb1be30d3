// A manifest that was built ahead: one JavaScript file beside a list of what it was built from. Used only while every
// input is unchanged, so that a forgotten build can be slow but never old.

import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";

/** Under the manifest's folder; not for version control. */
export const buildFolder = ".quater/build";

export interface BuildInput {
  /** Under the manifest's folder. */
  readonly path: string;
  readonly mtimeMs: number;
  /** Bytes. */
  readonly size: number;
}

export interface BuildRecord {
  readonly format: 1;
  /** The manifest's file name. */
  readonly manifest: string;
  /** The built file's name. */
  readonly output: string;
  readonly inputs: readonly BuildInput[];
  /** Files that were not there and would change what is loaded: lock files, tsconfig.json. */
  readonly absent: readonly string[];
}

export const inputOf = (root: string, path: string): BuildInput => {
  const { mtimeMs, size } = statSync(path);
  return { path: relative(root, path), mtimeMs, size };
};

/** The built file for this manifest, when it is there and nothing has changed since. */
export const freshBuild = (file: string): string | undefined => {
  const root = dirname(file);
  const place = join(root, buildFolder, "build.json");
  if (!existsSync(place)) return undefined;
  const record = readRecord(place);
  if (record === undefined) return undefined;
  const isSame = ({ path, mtimeMs, size }: BuildInput): boolean => {
    const stats = statSync(join(root, path), { throwIfNoEntry: false });
    return stats?.mtimeMs === mtimeMs && stats.size === size;
  };
  const isFresh =
    record.format === 1 &&
    Array.isArray(record.inputs) &&
    Array.isArray(record.absent) &&
    // What is loaded instead of the manifest was made from it, and stands where builds stand.
    record.inputs.some(({ path }) => path === record.manifest) &&
    record.output === basename(String(record.output)) &&
    join(root, record.manifest) === file &&
    record.inputs.every(isSame) &&
    !record.absent.some((path) => existsSync(join(root, path)));
  return isFresh ? join(root, buildFolder, record.output) : undefined;
};

const readRecord = (place: string): BuildRecord | undefined => {
  try {
    return JSON.parse(readFileSync(place, "utf8")) as BuildRecord;
  } catch {
    return undefined; // half written, or of another kind: as good as none
  }
};
