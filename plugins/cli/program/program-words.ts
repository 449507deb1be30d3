// Finds the words with which the user must start this program, for command lines that are ready to paste.

import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { detectManager, wordsOf } from "../init/manager.ts";
import type { Context } from "./context.ts";

/** Returns `quater` if a shell finds it, otherwise the words of the package manager: `npx quater`, `pnpm exec quater`. */
export const programWords = ({ env, cwd }: Pick<Context, "env" | "cwd">): string => {
  const isStartedByManager = env["npm_config_user_agent"] !== undefined;
  if (!isStartedByManager && isOnPath(env["PATH"] ?? "")) return "quater";
  return `${wordsOf[detectManager(cwd, env) ?? "npm"].exec} quater`;
};

const names = process.platform === "win32" ? ["quater.cmd", "quater.exe"] : ["quater"];

/**
 * Whether a shell finds the path. Folders that a package manager added to PATH do not count, because the user's shell does not
 * have them.
 */
const isOnPath = (path: string): boolean =>
  path
    .split(delimiter)
    .filter((folder) => folder !== "" && !/node_modules[\\/]\.bin[\\/]?$/.test(folder))
    .some((folder) => names.some((name) => existsSync(join(folder, name))));
