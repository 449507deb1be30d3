// The temporary folder of a run of tests: in memory where Linux offers it, and removed when the run ends. Tests make thousands of
// databases, and a disk that syncs each of them costs more than what they test.

import { execFileSync } from "node:child_process";
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";

const memory = "/dev/shm";
const neededBytes = 4 * 1024 ** 3;
const variable = "QUATER_TEST_FOLDER";

/** Runs in Vitest's main process, once per project of a run: the folder of the first project is for all. */
export default (project: TestProject): (() => void) | undefined => {
  if (process.env[variable] !== undefined) return undefined;
  const parent = process.env["TMPDIR"] === undefined && hasRoom() ? memory : tmpdir();
  if (parent === memory) removeLeft(parent);
  const folder = mkdtempSync(join(parent, `quater-tests-${process.pid}-`));
  chmodSync(folder, 0o1777); // PostgreSQL and PgBouncer run as other users
  process.env["TMPDIR"] = folder;
  process.env[variable] = folder;
  project.onTestsRerun(() => rmSync(join(folder, "quater-built"), { recursive: true, force: true })); // sources changed
  return () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
};

/** Removes the folders of runs that were killed: they would fill the memory. A test may have mounted a small disk there. */
const removeLeft = (parent: string): void => {
  for (const name of readdirSync(parent)) {
    const [, pid] = /^quater-tests-(\d+)-/.exec(name) ?? [];
    if (pid === undefined || existsSync(`/proc/${pid}`)) continue;
    const folder = join(parent, name);
    for (const mounted of mountsIn(folder)) execFileSync("umount", [mounted]);
    rmSync(folder, { recursive: true, force: true });
  }
};

const mountsIn = (folder: string): readonly string[] =>
  readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .filter((path) => path.startsWith(`${folder}/`));

const hasRoom = (): boolean => {
  try {
    accessSync(memory, constants.W_OK);
    const { bavail, bsize } = statfsSync(memory);
    return bavail * bsize >= neededBytes;
  } catch {
    return false;
  }
};
