// Stores compiled code for the next start of the program, on Node 22 and later. The folder of the cache must belong to the user,
// because another user who can write to this folder could change the code that runs. All users share the default folder of Node.

import { mkdirSync, realpathSync, statSync } from "node:fs";
import nodeModule from "node:module";
import { homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Turns on the compile cache of Node. Does nothing on an older Node, without a safe home folder, or if the environment turns the
 * cache off.
 */
export const keepCompiled = (env: Env): void => {
  const { enableCompileCache } = nodeModule as { readonly enableCompileCache?: (folder: string) => unknown };
  if (enableCompileCache === undefined || env["NODE_COMPILE_CACHE"] !== undefined) return;
  try {
    const base = cacheHome(env);
    if (base === undefined) return;
    mkdirSync(join(base, "quater"), { recursive: true, mode: 0o700 });
    const folder = realpathSync(join(base, "quater"));
    if (isOnlyOurs(folder)) enableCompileCache(folder);
  } catch {
    // Without the compile cache, Node compiles the code again at every start.
  }
};

/**
 * Returns the cache folder by the XDG Base Directory Specification, which ignores a path that is not absolute. Returns
 * `undefined` for a user without a home folder.
 */
const cacheHome = (env: Env): string | undefined => {
  const said = env["XDG_CACHE_HOME"];
  if (said !== undefined && isAbsolute(said)) return said;
  const home = homedir();
  return isAbsolute(home) ? join(home, ".cache") : undefined;
};

/** Whether only this user can read or replace the folder of the compile cache. */
const isOnlyOurs = (folder: string): boolean => {
  if (process.getuid === undefined) return true;
  const uid = process.getuid();
  const own = statSync(folder);
  if (own.uid !== uid || (own.mode & 0o077) !== 0) return false;
  for (let at = dirname(folder), below = folder; at !== below; below = at, at = dirname(at)) {
    const { uid: owner, mode } = statSync(at);
    const isSticky = (mode & 0o1000) !== 0;
    if ((owner !== uid && owner !== 0) || ((mode & 0o022) !== 0 && !isSticky)) return false;
  }
  return true;
};
