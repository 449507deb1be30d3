// Lists the package managers, and the words with which each package manager runs scripts and programs.

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Env } from "../program/context.ts";

export const managers = ["npm", "pnpm", "yarn", "bun"] as const;
export type Manager = (typeof managers)[number];

export interface ManagerWords {
  readonly install: string;
  /** The words of the package manager before the name of a script, such as `npm run`. */
  readonly run: string;
  /** The words of the package manager before a program of a dependency, such as `npx`. */
  readonly exec: string;
}

export const wordsOf: Readonly<Record<Manager, ManagerWords>> = {
  npm: { install: "npm install", run: "npm run", exec: "npx" },
  pnpm: { install: "pnpm install", run: "pnpm run", exec: "pnpm exec" },
  yarn: { install: "yarn install", run: "yarn run", exec: "yarn run" },
  bun: { install: "bun install", run: "bun run", exec: "bunx" },
};

const lockFiles: readonly (readonly [string, Manager])[] = [
  ["package-lock.json", "npm"],
  ["pnpm-lock.yaml", "pnpm"],
  ["yarn.lock", "yarn"],
  ["bun.lock", "bun"],
  ["bun.lockb", "bun"],
];

export const isManager = (name: string | undefined): name is Manager => managers.some((manager) => manager === name);

/**
 * Returns the package manager whose lock file exists, or else the package manager that started this program; undefined if neither
 * is known.
 */
export const detectManager = (root: string, env: Env): Manager | undefined => {
  const locked = lockFiles.find(([file]) => existsSync(join(root, file)))?.[1];
  // Package managers set this variable for programs that they start, for example to `pnpm/10.34.9 npm/? node/v20.20.2 linux x64`.
  const [name] = (env["npm_config_user_agent"] ?? "").split("/");
  return locked ?? (isManager(name) ? name : undefined);
};
