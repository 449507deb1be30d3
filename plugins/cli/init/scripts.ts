// The scripts that a project gets, and what to type for each.

import type { ManagerWords } from "./manager.ts";

export const scripts = {
  dev: "quater dev",
  start: "quater serve",
  // Not quoted: Node 20 leaves the pattern to the shell.
  test: "node --import tsx --test test/*.test.ts",
  // Said here, too: a tsconfig.json that was there may emit, and would put JavaScript beside the sources.
  check: "tsc --noEmit",
  // Every folder, except for those in .gitignore: `.quater/` holds keys and builds.
  lint: "biome lint --error-on-warnings --vcs-enabled=true --vcs-client-kind=git --vcs-use-ignore-file=true",
} as const;

/** What to type to have a script's work done. */
export type CommandOf = (script: keyof typeof scripts) => string;

/**
 * @param there  The scripts of package.json, completed. One that does something else is the user's own, and what ours would
 *   have done is said in full.
 */
export const commandIn =
  (there: Readonly<Record<string, unknown>>, { run, exec }: ManagerWords): CommandOf =>
  (script) => {
    const line = scripts[script];
    if (`${there[script]} `.startsWith(`${line} `)) return `${run} ${script}`;
    // `npx node` would fetch a package of that name.
    return line.startsWith("node ") ? line : `${exec} ${line}`;
  };
