// Finds the words with which the user must start this program, for command lines that the user can paste.

import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { detectManager, wordsOf } from "../init/manager.ts";
import type { Context } from "./context.ts";

/** Returns `quater` if a shell finds the program, otherwise words of the package manager, such as `npx quater`. */
export const programWords = ({ env, cwd }: Pick<Context, "env" | "cwd">): string => {
  const isStartedByManager = env["npm_config_user_agent"] !== undefined;
  if (!isStartedByManager && isOnPath(env["PATH"] ?? "")) return "quater";
  return `${wordsOf[detectManager(cwd, env) ?? "npm"].exec} quater`;
};

const names = process.platform === "win32" ? ["quater.cmd", "quater.exe"] : ["quater"];

/**
 * Whether a shell of the user finds a path. Folders that a package manager added to PATH do not count, because the user's shell
 * does not search these folders.
 */
const isOnPath = (path: string): boolean =>
  path
    .split(delimiter)
    .filter((folder) => folder !== "" && !/node_modules[\\/]\.bin[\\/]?$/.test(folder))
    .some((folder) => names.some((name) => existsSync(join(folder, name))));
