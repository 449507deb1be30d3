// The temporary folder of a run of tests: in memory where Linux offers it, and removed when the run ends. Tests make thousands of
// databases, and a disk that syncs each of them costs more than what they test.

import { accessSync, chmodSync, constants, mkdtempSync, rmSync, statfsSync } from "node:fs";
import { join } from "node:path";

const memory = "/dev/shm";
const neededBytes = 4 * 1024 ** 3;

/** Runs in Vitest's main process, once per project of a run. The folder of the first one, or a `TMPDIR` that is set, is for all. */
export default (): (() => void) | undefined => {
  if (process.env["TMPDIR"] !== undefined || !hasRoom()) return undefined;
  const folder = mkdtempSync(join(memory, "quater-tests-"));
  chmodSync(folder, 0o1777); // PostgreSQL and PgBouncer run as other users
  process.env["TMPDIR"] = folder;
  return () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
};

const hasRoom = (): boolean => {
  try {
    accessSync(memory, constants.W_OK);
    const { bavail, bsize } = statfsSync(memory);
    return bavail * bsize >= neededBytes;
  } catch {
    return false;
  }
};
