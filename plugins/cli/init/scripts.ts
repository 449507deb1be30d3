// The scripts in the package.json of a new project, and the commands that run these scripts.

import type { ManagerWords } from "./manager.ts";

export const scripts = {
  dev: "quater dev",
  start: "quater serve",
  // The pattern is not quoted, because on Node 20 the shell must expand the pattern.
  test: "node --import tsx --test test/*.test.ts",
  // The flag `--noEmit` is needed, because an existing tsconfig.json may write JavaScript files beside the sources.
  check: "tsc --noEmit",
  // Lints every folder except the folders in .gitignore, such as `.quater/` with keys and builds.
  lint: "biome lint --error-on-warnings --vcs-enabled=true --vcs-client-kind=git --vcs-use-ignore-file=true",
} as const;

/** A function that returns the command line for the work of a script. */
export type CommandOf = (script: keyof typeof scripts) => string;

/**
 * @param there  The scripts of the completed package.json. If the project has another script of the same name, the returned
 * function does not use the script of the project.
 */
export const commandIn =
  (there: Readonly<Record<string, unknown>>, { run, exec }: ManagerWords): CommandOf =>
  (script) => {
    const line = scripts[script];
    if (`${there[script]} `.startsWith(`${line} `)) return `${run} ${script}`;
    // `npx node` would download a package with the name `node`.
    return line.startsWith("node ") ? line : `${exec} ${line}`;
  };
