// Checks the files of a project that run as code: the manifest, the modules that it imports, and the files that `quater build`
// made. The check runs before Node runs the first file of the project, because a module that another user wrote could run any
// code.

import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { BootError, type BootProblem } from "../diagnostics/problem.ts";
import { distrustOf, distrustOfWay, type KnownWays } from "./ownership.ts";

/**
 * Checks one file. @param shown  The path of the file in error messages. @throws {BootError} when another user owns the file, or
 * can write or replace the file.
 */
export const assertTrusted = (file: string, shown: string): void => throwAny(problemsOf(file, shown));

/**
 * Checks the manifest, and all files of the project that the manifest imports through relative paths. Does not check packages,
 * because the package manager wrote them.
 *
 * @param from  The folder to which file paths in error messages are relative.
 * @throws {BootError} that names each file that another user can change.
 */
export const assertProjectTrusted = (manifest: string, from: string): void => {
  const known: KnownWays = new Map();
  throwAny(allProblems(reachableFrom(manifest), from, known));
  const folder = join(dirname(manifest), ".quater");
  const distrust = existsSync(folder) ? distrustOfWay(folder, known) : undefined;
  if (distrust === undefined) return;
  const place = relative(from, folder) || folder;
  throw new BootError([{ place, cause: `A file in this folder ${distrust.what}`, remedy: distrust.remedy }]);
};

/**
 * Returns a boot problem for each file that another user can change. Use `untrustedProblems` for modules that Quater knows only
 * after loading the modules.
 */
export const untrustedProblems = (files: Iterable<string>, from: string): BootProblem[] =>
  allProblems([...files].filter(existsSync), from, new Map());

const allProblems = (files: Iterable<string>, from: string, known: KnownWays): BootProblem[] => {
  // A folder that other users can write is a fault of each file in the folder. Report the fault of the folder once.
  const byRemedy = new Map<string, BootProblem>();
  for (const file of files)
    for (const problem of problemsOf(file, relative(from, file) || file, known))
      if (!byRemedy.has(problem.remedy)) byRemedy.set(problem.remedy, problem);
  return [...byRemedy.values()];
};

const problemsOf = (file: string, shown: string, known?: KnownWays): BootProblem[] => {
  const distrust = distrustOf(file, shown, known);
  if (distrust === undefined) return [];
  return [
    { place: shown, cause: `This file ${distrust.what}, so Quater refuses to run the file as code`, remedy: distrust.remedy },
  ];
};

const throwAny = (problems: readonly BootProblem[]): void => {
  if (problems.length > 0) throw new BootError(problems);
};

/**
 * Matches `from "./a.ts"`, `import "./a.ts"`, `import("./a.ts")` and `require("./a.ts")` in the source text of a file. Quater
 * does not import the file, because importing would run the file. The pattern also matches an import inside a comment. For an
 * import inside a comment, Quater checks one more file.
 */
const imports = /(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*)["'`](\.\.?\/[^"'`\n]+)["'`]/g;

const reachableFrom = (manifest: string): ReadonlySet<string> => {
  const found = new Set([manifest]);
  // A loop over a Set also visits the files that the loop adds to the Set.
  for (const file of found) {
    if (!/\.[cm]?[jt]sx?$/.test(file)) continue;
    for (const [, specifier = ""] of readFileSync(file, "utf8").matchAll(imports)) {
      const target = targetOf(resolve(dirname(file), specifier.replace(/[?#].*$/, "")));
      if (target !== undefined && !target.includes("/node_modules/")) found.add(target);
    }
  }
  return found;
};

const endings = [".ts", ".mts", ".tsx", ".js", ".mjs", ".json"];

/**
 * Returns the file to which an import path refers. The result is the file itself, the `.ts` file for a path that ends in `.js`,
 * or the file with an added ending.
 */
const targetOf = (path: string): string | undefined => {
  const typed = path.replace(/\.([cm]?)js(x?)$/, ".$1ts$2");
  const candidates = [
    path,
    typed,
    ...endings.map((ending) => path + ending),
    ...endings.map((ending) => join(path, `index${ending}`)),
  ];
  return candidates.find((candidate) => statSync(candidate, { throwIfNoEntry: false })?.isFile() === true);
};
