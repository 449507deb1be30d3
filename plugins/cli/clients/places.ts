// Finds the folders of clients on each operating system, and the file of the program that a client starts.

import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, relative } from "node:path";
import { UsageError } from "../output/exit.ts";
import type { Env } from "../program/context.ts";

/** The place of the project and of the user's settings. */
export interface Place {
  /** The folder of the manifest. */
  readonly root: string;
  readonly env: Env;
  readonly platform: NodeJS.Platform;
}

export const homeOf = ({ env, platform }: Place): string =>
  (platform === "win32" ? env["USERPROFILE"] : env["HOME"]) || homedir();

/** Returns the folder in which programs store the settings of the user. */
export const settingsOf = (place: Place): string => {
  const { env, platform } = place;
  if (platform === "darwin") return join(homeOf(place), "Library", "Application Support");
  if (platform === "win32") return env["APPDATA"] || join(homeOf(place), "AppData", "Roaming");
  return env["XDG_CONFIG_HOME"] || join(homeOf(place), ".config");
};

/** Returns the file of the program `quater` that the project has installed. @throws {UsageError} without an installed Quater. */
export const programOf = (root: string): string => {
  for (let folder = root; ; folder = dirname(folder)) {
    const found = join(folder, "node_modules", "quater");
    if (existsSync(join(found, "package.json"))) {
      const { bin } = JSON.parse(readFileSync(join(found, "package.json"), "utf8")) as { bin: { quater: string } };
      return join(found, bin.quater);
    }
    if (folder === dirname(folder)) break;
  }
  throw new UsageError(`The package quater is not installed in ${root}. Run npm install there, or name a server with --http URL`);
};

/** Returns the relative path of a file from a folder, with forward slashes. Every operating system accepts forward slashes. */
export const pathFrom = (folder: string, file: string): string => relative(folder, file).replaceAll("\\", "/");
