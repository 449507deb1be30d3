// A copy of the source tree with one check taken out, and what the gate suite says of it there.

import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const child = fileURLToPath(new URL("./child.ts", import.meta.url));

export interface Edit {
  readonly file: string;
  /** Stands in the file exactly once, however it is laid out. */
  readonly from: string;
  readonly to: string;
}

export interface Verdict {
  readonly isGreen: boolean;
  readonly holes: readonly string[];
}

/**
 * @param only  Handlers of the shop.
 * @throws {Error} when an edit does not fit the source any more: then the hole would prove nothing.
 */
export const suiteWith = async (edits: readonly Edit[], only: readonly string[]): Promise<Verdict> => {
  // Inside the project, so that packages are found; in a folder that git ignores.
  mkdirSync(join(root, ".quater"), { recursive: true });
  const copy = mkdtempSync(join(root, ".quater/hole-"));
  try {
    for (const part of ["core", "plugins", "app", "package.json", "tsconfig.json", "quater.config.ts", "quater.gate.json"])
      cpSync(join(root, part), join(copy, part), { recursive: true });
    cpSync(child, join(copy, "child.ts"));
    for (const edit of edits) patch(join(copy, edit.file), edit);
    const argv = ["-C", "quater-source", "--import", "tsx", join(copy, "child.ts"), ...only];
    const { stdout } = await promisify(execFile)(process.execPath, argv, {
      cwd: copy,
      env: { ...process.env, NODE_OPTIONS: "" },
    });
    return JSON.parse(stdout) as Verdict;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
};

const patch = (path: string, { file, from, to }: Edit): void => {
  const text = readFileSync(path, "utf8");
  const words = from.split(/\s+/).map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const found = [...text.matchAll(new RegExp(words.join("\\s*"), "g"))];
  const [only] = found;
  if (only === undefined || found.length > 1)
    throw new Error(`${file} has ${found.length} times what the hole takes out: ${from}`);
  writeFileSync(path, text.slice(0, only.index) + to + text.slice(only.index + only[0].length));
};
