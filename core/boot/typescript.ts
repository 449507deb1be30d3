// Loading what is written in TypeScript, through tsx.

import { randomUUID } from "node:crypto";
import * as module from "node:module";
import { pathToFileURL } from "node:url";
import { unmarked } from "./one-copy.ts";

/** @param imported  Gets the addresses of the files that are loaded, also later. */
export const importTypeScript = async (file: string, imported: string[]): Promise<unknown> => {
  // Once tsx is in place every import goes through the loader's thread; what every start needs is read before.
  const [esm, cjs] = await Promise.all([import("tsx/esm/api"), import("tsx/cjs/api"), import("../schema/compile.ts")]);
  const namespace = randomUUID();
  cjs.register({ namespace }); // what the project requires, and not imports
  const loader = esm.register({ namespace, onImport: (url) => void imported.push(url) });
  shareCopy(); // behind tsx, because the last hook is asked first and has the last word
  return loader.import(pathToFileURL(file).href, import.meta.url);
};

type ResolveHook = (
  specifier: string,
  context: unknown,
  next: (specifier: string, context: unknown) => { url: string },
) => object;
/** Newer than the types of the oldest Node that is supported; tsx uses it where it is there, so this must, too. */
const { registerHooks } = module as { registerHooks?: (hooks: { readonly resolve: ResolveHook }) => void };

/** See one-copy.ts. From source there is nothing to share: a manifest then imports a build, or its own source. */
const shareCopy = (): void => {
  const here = import.meta.url;
  if (here.endsWith(".ts")) return;
  const home = here.slice(0, here.lastIndexOf("/dist/") + "/dist/".length);
  if (registerHooks === undefined) module.register(new URL("core/boot/one-copy.js", home), { data: home });
  else registerHooks({ resolve: (specifier, context, next) => unmarked(next(specifier, context), home) });
};
