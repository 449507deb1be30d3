// Describes errors of the operating system about files in one sentence, because the stack of such an error does not help.

import type { CauseAndRemedy } from "./problem.ts";
import { cut, visible } from "./text.ts";

const reasons: Readonly<Record<string, readonly [reason: string, remedy: string]>> = {
  EACCES: ["permission denied", "Give the user that runs this program access to the path, or run the program as another user"],
  EPERM: ["the system does not permit it", "Check the owner and the permissions of the path"],
  ENOENT: ["the path does not exist", "Create the path, or correct it"],
  ENOTDIR: ["a part of the path is not a folder", "Correct the path, or move the file that is in the place of a folder"],
  EISDIR: ["the path is a folder", "Write the path of a file, or move the folder"],
  EROFS: ["the file system is read-only", "Mount the file system with write access, or use another folder"],
  ENOSPC: ["no space is left on the device", "Free some space on the device"],
  EDQUOT: ["the disk quota is used up", "Free some space, or ask for a larger quota"],
  ELOOP: ["the path has too many symbolic links", "Remove the loop of symbolic links"],
  EMFILE: ["the process has too many open files", "Raise the limit of open files: ulimit -n"],
  ENAMETOOLONG: ["the path is too long", "Use a shorter path"],
};

/**
 * Returns cause and remedy of an error of Node about a file, such as
 * `/srv/keys.json cannot be used (lstat): permission denied (EACCES)`. Returns `undefined` for other errors. The cause and the
 * remedy are safe to print.
 */
export const fileProblem = (error: unknown): CauseAndRemedy | undefined => {
  if (!(error instanceof Error)) return undefined;
  const { code = "", path, syscall } = error as NodeJS.ErrnoException;
  // Another process may have deleted the current folder. The error about a deleted current folder has no path.
  const place = typeof path === "string" ? path : syscall === "uv_cwd" ? "The current folder" : undefined;
  const known = reasons[code];
  if (place === undefined || known === undefined) return undefined;
  const [reason, remedy] = known;
  return { cause: `${cut(visible(place), 500)} cannot be used (${syscall}): ${reason} (${code})`, remedy };
};
