// Creates a project in a folder. This file writes missing files, and keeps existing files.

import { existsSync, lstatSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { manifestNames } from "../../../core/boot/load.ts";
import { type DevelopmentKeys, developmentKeyFile } from "../../offered.ts";
import { UsageError } from "../output/exit.ts";
import type { Example, Project } from "./example.ts";
import { type ExampleName, examples } from "./examples.ts";
import { ignored, readme, tsconfig } from "./files.ts";
import { type Manager, wordsOf } from "./manager.ts";
import { settingsOf } from "./manager-settings.ts";
import { completePackage, type OwnPackage } from "./package-file.ts";
import { commandIn } from "./scripts.ts";
import { addLines, obstacleTo, readIfThere, type Written, writeNew } from "./write.ts";

export interface Wanted {
  readonly root: string;
  readonly name: string;
  readonly manager: Manager;
  readonly example: ExampleName;
  /** The dependency on Quater as package.json contains it, such as a version or a path. */
  readonly quater: string;
  readonly own: OwnPackage;
}

export interface Initialized extends Wanted {
  readonly files: readonly Written[];
  /** Sentences about the changes that the user has to make by hand. */
  readonly advice: readonly string[];
  readonly project: Project;
  /** Whether the folder of the project contains the manifest of the example. */
  readonly hasExample: boolean;
}

/**
 * @param keys  The function that creates the development key. Without this function, `quater init` writes no key.
 * @throws {UsageError} before any file is written, if the folder cannot become a project.
 */
export const initialize = (wanted: Wanted, keys: DevelopmentKeys | undefined): Initialized => {
  const { root, name, manager, quater, own } = wanted;
  const example: Example = examples[wanted.example];
  assertFolder(root);
  const oldPackage = readIfThere(join(root, "package.json"));
  const completed = completePackage(oldPackage, name, quater, own);
  mkdirSync(root, { recursive: true });
  const words = wordsOf[manager];
  const managing = settingsOf(manager, root);
  const project: Project = { name, exec: words.exec, command: commandIn(completed.scripts, words) };
  const exampleFiles = example.files(project);
  const manifest = manifestNames.find((file) => existsSync(join(root, file)));
  const changed = exampleFiles.map((file) => obstacleTo(root, file)).find((path) => path !== undefined);
  // True if an earlier run of `quater init` wrote the example's files, and the files have not changed since that run.
  const isThere = changed === undefined && exampleFiles.every(({ path }) => existsSync(join(root, path)));
  const obstacle = isThere ? undefined : (manifest ?? changed);
  const hasExample = obstacle === undefined;
  const files: Written[] = [
    // Write .gitignore first, so that nobody commits keys.
    addLines(root, ".gitignore", ignored),
    // Write all files of the example or none. With another manifest, no surface would expose the example's handler. With another
    // handler, the example's manifest would not boot.
    ...(hasExample
      ? exampleFiles.map((file) => writeNew(root, file))
      : [{ path: obstacle, what: "kept", detail: "already exists, so no example was written" } as const]),
    packageOf(root, oldPackage, completed),
    writeNew(root, tsconfig),
    ...(managing.file === undefined ? [] : [writeNew(root, managing.file)]),
    ...(hasExample ? [writeNew(root, readme(project, example))] : []),
    ...(keys === undefined ? [] : [keyOf(root, example, keys)]),
  ];
  const advice = [...completed.advice, managing.advice ?? []].flat();
  if (manifest === undefined && !hasExample)
    advice.push(`Write quater.config.ts, or move ${obstacle} to another place and run quater init again to get the example`);
  return { ...wanted, files, advice, project, hasExample };
};

const assertFolder = (root: string): void => {
  const stats = statSync(root, { throwIfNoEntry: false });
  if (stats !== undefined && !stats.isDirectory()) throw new UsageError(`${root} is a file. Write the path of a folder`);
  for (const path of [".gitignore", "package.json"]) {
    const link = lstatSync(join(root, path), { throwIfNoEntry: false });
    if (link?.isSymbolicLink() === true)
      throw new UsageError(`${path} is a symbolic link, and quater init does not change linked files. Choose another folder`);
  }
};

const packageOf = (root: string, old: string | undefined, { text, added }: ReturnType<typeof completePackage>): Written => {
  const path = "package.json";
  if (old === undefined) return writeNew(root, { path, text });
  if (added.length === 0) return { path, what: "kept" };
  writeFileSync(join(root, path), text);
  return { path, what: "added", detail: added.join(", ") };
};

/** Creates the development key. Does not change an existing key, because a running server may use the existing key. */
const keyOf = (root: string, { scopes }: Example, keys: DevelopmentKeys): Written => {
  if (existsSync(join(root, developmentKeyFile))) return { path: developmentKeyFile, what: "kept" };
  keys.developmentKey(root, { scopes, roles: [] });
  return { path: developmentKeyFile, what: "wrote", detail: "works only with `quater dev`, not committed" };
};
