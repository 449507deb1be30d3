// Node 22 and later keep what they compiled for the next start. In a folder of the user's own, because whoever can write
// there decides what runs, and Node's default is a folder that all users share.

import { mkdirSync, statSync } from "node:fs";
import nodeModule from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";

/** Does nothing on an older Node, in a home that cannot be written to, or where Node has been told otherwise. */
export const keepCompiled = (env: Readonly<Record<string, string | undefined>>): void => {
  const { enableCompileCache } = nodeModule as { readonly enableCompileCache?: (folder: string) => unknown };
  if (enableCompileCache === undefined || env["NODE_COMPILE_CACHE"] !== undefined) return;
  const folder = join(env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "quater");
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const { uid, mode } = statSync(folder);
    const isOwn = process.getuid === undefined || (uid === process.getuid() && (mode & 0o022) === 0);
    if (isOwn) enableCompileCache(folder);
  } catch {
    // Every start is then like the first.
  }
};
