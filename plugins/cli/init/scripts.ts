// The scripts of a new project, and the commands that run them.

import type { ManagerWords } from "./manager.ts";

export const scripts = {
  dev: "quater dev",
  start: "quater serve",
  // The pattern is not quoted, because the shell must expand the pattern for Node 20.
  test: "node --import tsx --test test/*.test.ts",
  // The flag is needed, because an existing tsconfig.json may emit JavaScript beside the sources.
  check: "tsc --noEmit",
  // Lints every folder except those in .gitignore, such as `.quater/` with keys and builds.
  lint: "biome lint --error-on-warnings --vcs-enabled=true --vcs-client-kind=git --vcs-use-ignore-file=true",
} as const;

/** Returns the command that does the work of a script. */
export type CommandOf = (script: keyof typeof scripts) => string;

/**
 * @param there  The scripts of the completed package.json. If the project has another script of the same name, the returned
 * command does not use the script.
 */
export const commandIn =
  (there: Readonly<Record<string, unknown>>, { run, exec }: ManagerWords): CommandOf =>
  (script) => {
    const line = scripts[script];
    if (`${there[script]} `.startsWith(`${line} `)) return `${run} ${script}`;
    // `npx node` would download a package with the name `node`.
    return line.startsWith("node ") ? line : `${exec} ${line}`;
  };
