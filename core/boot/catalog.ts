// Builds the catalog: imports the handler modules of the manifest and makes an operation of each exposed handler.

import { listedProblem } from "../diagnostics/own-problem.ts";
import type { BootProblem } from "../diagnostics/problem.ts";
import { nearest, sameCase } from "../diagnostics/text.ts";
import type { Exposed } from "../model/exposure.ts";
import { type Handler, isHandler, isStream } from "../model/handler.ts";
import type { Catalog, Operation } from "../model/operation.ts";
import { compilePolicy } from "../model/policy.ts";
import { says } from "../plugin/exposure-key.ts";
import type { ConfiguredPlugin } from "../plugin/plugin.ts";
import { closed, type JsonSchema } from "../schema/schema.ts";
import { type ExposedHandler, exposedHandlers, type KeysByName } from "./exposed-handlers.ts";
import { resolveKeys, valueProblems } from "./exposure-values.ts";
import { codeProblems, handlerProblems } from "./handler-problems.ts";
import { importProblem, type LoadedManifest } from "./load.ts";

/**
 * @param only  Import only the module of this handler. Checks that need no module still run for all handlers.
 * @returns The catalog, and all boot problems of the exposed handlers. With boot problems, the catalog is incomplete.
 */
export const buildCatalog = async (
  loaded: LoadedManifest,
  plugins: readonly ConfiguredPlugin[],
  only?: string,
): Promise<{ catalog: Catalog; problems: readonly BootProblem[] }> => {
  const keys: KeysByName = new Map(plugins.flatMap((plugin) => plugin.exposure ?? []).map((key) => [key.key, key]));
  const surfaces = new Set(plugins.flatMap((plugin) => plugin.surface?.name ?? []));
  const tables = exposedHandlers(loaded, keys);
  const { entries } = tables;
  const problems = [...tables.problems];
  const wanted = only === undefined ? entries : entries.filter((entry) => sameCase(entry.name) === sameCase(only));
  const operations: Operation[] = [];
  const declared: { name: string; module: string }[] = [];
  for (const exposed of new Set(wanted.map((entry) => entry.exposed))) {
    const module = await importModule(exposed, loaded, problems);
    if (module === undefined) continue;
    const listed = new Set(entries.filter((entry) => entry.exposed === exposed).map((entry) => entry.key));
    for (const [name, value] of Object.entries(module))
      if (isHandler(value) && !listed.has(name)) declared.push({ name, module: moduleName(exposed) });
    for (const entry of wanted.filter((candidate) => candidate.exposed === exposed)) {
      const value = module[entry.key];
      const found = isHandler(value) ? handlerProblems(value, entry.name, entry.place) : [notExported(entry, module)];
      problems.push(...found);
      if (isHandler(value) && found.length === 0) operations.push(operationOf(entry, value, surfaces, keys));
    }
  }
  const wrongValues = valueProblems(entries, keys);
  problems.push(...codeProblems(operations), ...wrongValues);
  // The own check of an exposure key runs only for values that the schema of the key accepts.
  const refused = new Set(wrongValues.map(({ place }) => place));
  for (const operation of operations) if (!refused.has(operation.place)) problems.push(...resolveKeys(operation, keys));
  const byName = new Map(operations.map((operation) => [operation.name, operation]));
  const names = entries.map((entry) => entry.name);
  return { catalog: { operations, declared, names, get: (name) => byName.get(name) }, problems };
};

const importModule = async (
  exposed: Exposed,
  loaded: LoadedManifest,
  problems: BootProblem[],
): Promise<Record<string, unknown> | undefined> => {
  try {
    return (await exposed.load()) as Record<string, unknown>;
  } catch (error) {
    const [key = "handlers"] = Object.keys(exposed.table as object);
    problems.push(importProblem(error, loaded.placeOf(key), loaded.root));
    return undefined;
  }
};

const importedPath = /import\w*\(\s*["'`]([^"'`]+)["'`]/;

/**
 * Returns the text inside `import("...")` in the manifest, for messages and listings. Returns `a module` if the source text of
 * the load function contains no `import("...")`. JavaScript does not say from which file a module object came. Only the source
 * text of the load function names the file of the module.
 */
const moduleName = ({ load }: Exposed): string => importedPath.exec(String(load))?.[1] ?? "a module";

/** Matches the function call that bundlers such as `quater build` write in place of an import of a module in the same file. */
const bundled = /\binit_(\w+?)\d*\(\)/;

/**
 * Returns the file name of the module in words, such as `order items` for `./order-items.ts`. Returns the name of the folder for
 * `index.ts`. Bundling writes `-` as `_`, but the words are the same before and after bundling.
 */
const moduleWords = ({ load }: Exposed): string | undefined => {
  const text = String(load);
  const path = importedPath.exec(text)?.[1]?.replace(/(?:\/index)?\.[cm]?[jt]sx?$/, "");
  const name = path?.slice(path.lastIndexOf("/") + 1) ?? bundled.exec(text)?.[1];
  const words = name?.split(/[^A-Za-z0-9]+/).filter((word) => word !== "");
  return words === undefined || words.length === 0 ? undefined : words.join(" ");
};

const notExported = ({ key, exposed, place }: ExposedHandler, module: Record<string, unknown>): BootProblem => {
  const handlers = Object.keys(module).filter((name) => isHandler(module[name]));
  const near = nearest(key, handlers);
  const name = moduleName(exposed);
  return {
    place,
    cause:
      key in module
        ? `The manifest exposes ${key}, but the export ${key} of ${name} is not a handler`
        : `The manifest exposes ${key}, but no export of ${name} has this name`,
    remedy:
      near === undefined
        ? handlers.length === 0
          ? `Export a handler from ${name}: export const ${key} = handler({ ... })`
          : `Use one of the handlers that ${name} exports: ${handlers.join(", ")}`
        : `Did you mean ${near}?`,
  };
};

const operationOf = (
  { name, exposure, exposed, place }: ExposedHandler,
  handler: Handler,
  surfaces: ReadonlySet<string>,
  keys: KeysByName,
): Operation => {
  const output = isStream(handler.output) ? handler.output.item : handler.output;
  return {
    name,
    handler,
    exposure,
    resolved: new Map(),
    surfaces: new Set([...surfaces].filter((surface) => Boolean(exposure[surface]))),
    isPublic: says(keys.values(), exposure, "public"),
    needsApproval: says(keys.values(), exposure, "approval"),
    showsPreview: exposure.preview === "caller",
    input: closed(handler.input) as JsonSchema,
    output: output === undefined ? undefined : (closed(output, "output") as JsonSchema),
    isStream: isStream(handler.output),
    problems: (handler.problems ?? []).map(listedProblem),
    policy: compilePolicy(handler.auth),
    module: moduleWords(exposed),
    place,
  };
};
