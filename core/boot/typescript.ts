// Loads modules that are written in TypeScript, through tsx.

import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import * as module from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { unmarked } from "./one-copy.ts";

/**
 * Imports the TypeScript file and returns the module of the file. @param imported  Gets the URL of each loaded file, including
 * files that are loaded later.
 */
export const importTypeScript = async (file: string, imported: string[]): Promise<unknown> => {
  const [esm, cjs] = await Promise.all([import("tsx/esm/api"), import("tsx/cjs/api")]);
  const namespace = randomUUID();
  cjs.register({ namespace }); // This hook of tsx handles require() in the project. Another hook handles imports.
  const loader = esm.register({ namespace, onImport: (url) => void imported.push(url), tsconfig: tsconfigOf(file) ?? false });
  shareCopy(); // Register this hook after tsx, because the last hook gets the results of the other hooks.
  return loader.import(pathToFileURL(file).href, import.meta.url);
};

/**
 * Returns the nearest tsconfig.json of the manifest. Returns `undefined` if no folder up to the top of the repository has a
 * tsconfig.json. By default, tsx would read the tsconfig.json of the current folder. If `--config` names a manifest elsewhere,
 * that file is the wrong tsconfig.json.
 */
const tsconfigOf = (manifest: string): string | undefined => {
  for (let folder = dirname(manifest); ; folder = dirname(folder)) {
    const path = join(folder, "tsconfig.json");
    if (existsSync(path)) return path;
    if (existsSync(join(folder, ".git")) || folder === dirname(folder)) return undefined;
  }
};

type ResolveHook = (
  specifier: string,
  context: unknown,
  next: (specifier: string, context: unknown) => { url: string },
) => object;
/**
 * The types of the oldest supported Node do not contain `registerHooks`. tsx uses `registerHooks` if Node has it, so
 * typescript.ts must also use `registerHooks`.
 */
const { registerHooks } = module as { registerHooks?: (hooks: { readonly resolve: ResolveHook }) => void };

/**
 * Registers the hook of one-copy.ts. When Quater itself runs from source, Quater needs no hook, because the manifest imports a
 * build or the source of Quater.
 */
const shareCopy = (): void => {
  const here = import.meta.url;
  if (here.endsWith(".ts")) return;
  const home = here.slice(0, here.lastIndexOf("/dist/") + "/dist/".length);
  if (registerHooks === undefined) module.register(new URL("core/boot/one-copy.js", home), { data: home });
  else registerHooks({ resolve: (specifier, context, next) => unmarked(next(specifier, context), home) });
};
