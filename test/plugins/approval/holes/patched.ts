// What the gate suite says of the shop when one check is missing from the sources. The files stay as they are: a process of
// its own reads the changed text in their place. So nothing is copied, and tsx compiles the changed files alone.

import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const beside = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

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
 * @returns The changed files: their texts by path.
 * @throws {Error} when an edit does not fit the source any more: then the hole would prove nothing.
 */
export const textsWith = (edits: readonly Edit[]): ReadonlyMap<string, string> => {
  const texts = new Map<string, string>();
  for (const edit of edits) {
    const path = join(root, edit.file);
    texts.set(path, patched(texts.get(path) ?? readFileSync(path, "utf8"), edit));
  }
  return texts;
};

/**
 * @param only  Handlers of the shop.
 * @throws {Error} when an edit does not fit.
 */
export const suiteWith = async (edits: readonly Edit[], only: readonly string[]): Promise<Verdict> => {
  const sources = Object.fromEntries([...textsWith(edits)].map(([path, text]) => [pathToFileURL(path).href, text]));
  const imports = [pathToFileURL(beside("sources.mjs")).href, "tsx"].flatMap((name) => ["--import", name]);
  const argv = ["-C", "quater-source", ...imports, beside("child.ts"), ...only];
  const env = { ...process.env, NODE_OPTIONS: "", QUATER_TEST_SOURCES: JSON.stringify(sources) };
  const { stdout } = await promisify(execFile)(process.execPath, argv, { cwd: root, env });
  return JSON.parse(stdout) as Verdict;
};

const patched = (text: string, { file, from, to }: Edit): string => {
  const words = from.split(/\s+/).map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const found = [...text.matchAll(new RegExp(words.join("\\s*"), "g"))];
  const [only] = found;
  if (only === undefined || found.length > 1)
    throw new Error(`${file} has the text that the hole takes out ${found.length} times, not once: ${from}`);
  return text.slice(0, only.index) + to + text.slice(only.index + only[0].length);
};
