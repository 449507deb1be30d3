// Writes files without overwriting. An existing file is kept, but missing lines are added to two of the files.

import { lstatSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ProjectFile } from "./example.ts";

/** What `quater init` did with one file. */
export interface Written {
  readonly path: string;
  readonly what: "wrote" | "added" | "kept";
  /** The lines that were added to the file, or the reason why the file was kept. */
  readonly detail?: string;
}

export const readIfThere = (file: string): string | undefined => {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
};

/**
 * Returns the path that prevents writing a file: another file at this path, or a file in place of a folder. Returns `undefined`
 * if the file can be written, or exists with the same text.
 */
export const obstacleTo = (root: string, { path, text }: ProjectFile): string | undefined => {
  const folder = dirname(path);
  if (statSync(join(root, folder), { throwIfNoEntry: false })?.isDirectory() === false) return folder;
  const file = join(root, path);
  const stats = lstatSync(file, { throwIfNoEntry: false });
  return stats === undefined || (stats.isFile() && readFileSync(file, "utf8") === text) ? undefined : path;
};

/**
 * Creates a file exclusively. So this function does not follow a symbolic link, and does not overwrite a file that another
 * process creates at the same time.
 */
export const writeNew = (root: string, { path, text }: ProjectFile): Written => {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  try {
    writeFileSync(file, text, { flag: "wx" });
    return { path, what: "wrote" };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return { path, what: "kept" };
  }
};

/** Adds the missing lines at the end of a file. */
export const addLines = (root: string, path: string, lines: readonly string[]): Written => {
  const file = join(root, path);
  const old = readIfThere(file);
  if (old === undefined) return writeNew(root, { path, text: lines.map((line) => `${line}\n`).join("") });
  const plain = (line: string) => line.trim().replace(/^\//, "").replace(/\/$/, "");
  const there = new Set(old.split("\n").map(plain));
  const missing = lines.filter((line) => !there.has(plain(line)));
  if (missing.length === 0) return { path, what: "kept" };
  const gap = old === "" || old.endsWith("\n") ? "" : "\n";
  writeFileSync(file, `${old}${gap}${missing.map((line) => `${line}\n`).join("")}`);
  return { path, what: "added", detail: missing.join(", ") };
};
