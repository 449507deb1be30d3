// What has to be typed here for this program to start: lines that are ready to paste begin with it.

import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { detectManager, wordsOf } from "../init/manager.ts";
import type { Context } from "./context.ts";

/** `quater` where a shell finds it, otherwise by way of the package manager: `npx quater`, `pnpm exec quater`. */
export const programWords = ({ env, cwd }: Pick<Context, "env" | "cwd">): string => {
  const isStartedByManager = env["npm_config_user_agent"] !== undefined;
  if (!isStartedByManager && isOnPath(env["PATH"] ?? "")) return "quater";
  return `${wordsOf[detectManager(cwd, env) ?? "npm"].exec} quater`;
};

const names = process.platform === "win32" ? ["quater.cmd", "quater.exe"] : ["quater"];

/** What a package manager put in front of the path is gone in the next line that is typed. */
const isOnPath = (path: string): boolean =>
  path
    .split(delimiter)
    .filter((folder) => folder !== "" && !/node_modules[\\/]\.bin[\\/]?$/.test(folder))
    .some((folder) => names.some((name) => existsSync(join(folder, name))));
