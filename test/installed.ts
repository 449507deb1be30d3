// Tools of other projects that tests run. Each tool has its own lockfile, and may need a newer Node.

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const cache = fileURLToPath(new URL("../node_modules/.cache", import.meta.url));

/**
 * Installs tools once for each content of their lockfile.
 *
 * @param sources  The folder with package.json and package-lock.json.
 * @returns The folder with `node_modules`.
 */
export const installed = async (sources: string): Promise<string> => {
  const lock = readFileSync(join(sources, "package-lock.json"));
  const digest = createHash("sha256").update(lock).digest("hex").slice(0, 16);
  const folder = join(cache, `quater-${basename(sources)}-${digest}`);
  if (existsSync(folder)) return folder;
  mkdirSync(cache, { recursive: true });
  const fresh = mkdtempSync(`${folder}-`);
  for (const name of ["package.json", "package-lock.json"]) cpSync(join(sources, name), join(fresh, name));
  await promisify(execFile)("npm", ["ci", "--no-audit", "--no-fund", "--prefer-offline"], { cwd: fresh });
  renameSync(fresh, folder);
  return folder;
};
