// Makes the settings file of a package manager, for package managers whose default settings do not work with Quater.

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ProjectFile } from "./example.ts";
import type { Manager } from "./manager.ts";

/** The settings with which a package manager can install the project, for managers whose default settings do not work. */
const settings: Readonly<Partial<Record<Manager, ProjectFile>>> = {
  pnpm: {
    path: "pnpm-workspace.yaml",
    text: `# esbuild works without its install script. Without this entry, pnpm 11 and later stop the installation.
allowBuilds:
  esbuild: false
`,
  },
  yarn: {
    path: ".yarnrc.yml",
    text: `# TypeScript and other tools find packages only in node_modules.
nodeLinker: node-modules
`,
  },
};

/**
 * Returns the settings file of the package manager. A part of a larger project uses the settings file of the larger project. For
 * such a part, the function returns advice about the settings that the user has to add to the file of the larger project.
 */
export const settingsOf = (manager: Manager, root: string): { readonly file?: ProjectFile; readonly advice?: string } => {
  const file = settings[manager];
  if (file === undefined) return {};
  for (let folder = dirname(root); folder !== dirname(folder); folder = dirname(folder)) {
    const outer = join(folder, file.path);
    if (!existsSync(outer)) continue;
    const lines = file.text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    return { advice: `If the installation fails, add this to ${outer}: ${lines.map((line) => line.trim()).join(" ")}` };
  }
  return { file };
};
