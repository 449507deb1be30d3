// Makes operations from the manifest's tables. Checks names, keys, modules and handlers, and reports all problems together.

import { isQuaterError } from "../diagnostics/errors.ts";
import { listedProblem } from "../diagnostics/own-problem.ts";
import type { BootProblem } from "../diagnostics/problem.ts";
import { nearest, sameCase, visible } from "../diagnostics/text.ts";
import { type Exposed, isExposed, ownExposureKeys, type WrittenExposure } from "../model/exposure.ts";
import { type Handler, isHandler, isStream } from "../model/handler.ts";
import type { Catalog, Operation } from "../model/operation.ts";
import { compilePolicy } from "../model/policy.ts";
import { complaintsOf } from "../pipeline/complaints.ts";
import { type ExposureKey, type KeyProblem, keyOwnerOf, says } from "../plugin/exposure-key.ts";
import type { ConfiguredPlugin } from "../plugin/plugin.ts";
import { Check, Errors } from "../schema/compile.ts";
import { checkable } from "../schema/compiled-patterns.ts";
import { closed, isPlainObject, type JsonSchema } from "../schema/schema.ts";
import { codeProblems, handlerProblems } from "./handler-problems.ts";
import { importProblem, type LoadedManifest } from "./load.ts";

const namePattern = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;

interface ExposedHandler {
  readonly name: string;
  /** The module's export. */
  readonly key: string;
  readonly exposure: WrittenExposure;
  readonly exposed: Exposed;
  readonly place: string;
}

/**
 * @param only  Load just the module of this handler; everything that needs no module is checked all the same.
 */
export const buildCatalog = async (
  loaded: LoadedManifest,
  plugins: readonly ConfiguredPlugin[],
  only?: string,
): Promise<{ catalog: Catalog; problems: readonly BootProblem[] }> => {
  const problems: BootProblem[] = [];
  const keys = new Map(plugins.flatMap((plugin) => plugin.exposure ?? []).map((key) => [key.key, key]));
  const surfaces = new Set(plugins.flatMap((plugin) => plugin.surface?.name ?? []));
  const entries = readTables(loaded, keys, problems);
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
  problems.push(...codeProblems(operations));
  const values = valueProblems(entries, keys);
  problems.push(...values);
  operations.sort((a, b) => entries.findIndex(({ name }) => name === a.name) - entries.findIndex(({ name }) => name === b.name));
  // A plugin's own check sees only values that its schema let through.
  const refused = new Set(values.map(({ place }) => place));
  problems.push(...operations.filter(({ place }) => !refused.has(place)).flatMap((operation) => resolveKeys(operation, keys)));
  const byName = new Map(operations.map((operation) => [operation.name, operation]));
  const names = entries.map((entry) => entry.name);
  return { catalog: { operations, declared, names, get: (name) => byName.get(name) }, problems };
};

const readTables = (
  loaded: LoadedManifest,
  keys: ReadonlyMap<string, ExposureKey>,
  problems: BootProblem[],
): ExposedHandler[] => {
  const entries: ExposedHandler[] = [];
  const seen = new Map<string, ExposedHandler>();
  for (const exposed of loaded.manifest.handlers) {
    if (!isExposed(exposed)) {
      problems.push({
        place: loaded.placeOf("handlers"),
        cause: "An entry of handlers was not made by expose()",
        remedy: 'Write expose(() => import("./module.ts"), { ... })',
      });
      continue;
    }
    for (const [key, exposure] of Object.entries((exposed.table ?? {}) as Record<string, WrittenExposure>)) {
      if (!isPlainObject(exposure)) {
        problems.push({ place: loaded.placeOf(key), cause: `The exposure of ${key} is not an object`, remedy: "Write { ... }" });
        continue;
      }
      const name = typeof exposure.name === "string" ? exposure.name : key;
      const entry: ExposedHandler = { name, key, exposure, exposed, place: loaded.placeOf(key) };
      const before = seen.get(sameCase(name));
      if (!namePattern.test(name)) {
        problems.push({
          place: entry.place,
          cause: `"${visible(name)}" is not a valid name for a handler`,
          remedy: "Use letters, digits, - and _, beginning with a letter, at most 64",
        });
      } else if (before !== undefined) {
        const same = before.name === name ? "" : `: ${before.name} and ${name} differ only in case style`;
        problems.push({
          place: entry.place,
          cause: `Two handlers are named ${name}${same}`,
          remedy: 'Give one of them another name: "..." in its exposure',
        });
      }
      if (before === undefined) seen.set(sameCase(name), entry);
      problems.push(...ownValueProblems(entry));
      for (const used of Object.keys(exposure))
        if (!keys.has(used) && !ownExposureKeys.has(used)) problems.push(unowned(entry, used, keys));
      entries.push(entry);
    }
  }
  return entries;
};

const ownValueProblems = ({ name, exposure, place }: ExposedHandler): BootProblem[] => {
  const found: BootProblem[] = [];
  if ("name" in exposure && typeof exposure.name !== "string")
    found.push({ place, cause: `${name}: name must be a string`, remedy: "Write the other name in quotes, or remove it" });
  if ("preview" in exposure && exposure.preview !== "caller")
    found.push({
      place,
      cause: `${name}: preview must be "caller"`,
      remedy: "Remove preview. A handler without this option shows its preview to approvers only",
    });
  return found;
};

const unowned = (entry: ExposedHandler, key: string, keys: ReadonlyMap<string, ExposureKey>): BootProblem => {
  const near = nearest(key, [...keys.keys(), ...ownExposureKeys]);
  return {
    place: entry.place,
    cause: `${entry.name} uses the exposure key "${key}", which no configured plugin owns`,
    remedy:
      near === undefined
        ? `Add the plugin that owns it to plugins, such as ${keyOwnerOf(key)}(), or remove the key`
        : `Did you mean "${near}"?`,
  };
};

/** For messages: the text inside `import("...")`, as written. */
const moduleName = (exposed: Exposed): string =>
  /import\w*\(\s*["'`]([^"'`]+)["'`]/.exec(String(exposed.load))?.[1] ?? "a module";

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

const notExported = (entry: ExposedHandler, module: Record<string, unknown>): BootProblem => {
  const handlers = Object.keys(module).filter((name) => isHandler(module[name]));
  const near = nearest(entry.key, handlers);
  const name = moduleName(entry.exposed);
  return {
    place: entry.place,
    cause:
      entry.key in module ? `${entry.key} of ${name} is exported, but is no handler` : `${entry.key} is not exported by ${name}`,
    remedy:
      near === undefined
        ? `It exports ${handlers.length === 0 ? "no handlers" : `the handlers ${handlers.join(", ")}`}`
        : `Did you mean ${near}?`,
  };
};

const operationOf = (
  entry: ExposedHandler,
  value: Handler,
  surfaces: ReadonlySet<string>,
  keys: ReadonlyMap<string, ExposureKey>,
): Operation => {
  const output = isStream(value.output) ? value.output.item : value.output;
  return {
    name: entry.name,
    handler: value,
    exposure: entry.exposure,
    resolved: new Map(),
    surfaces: new Set([...surfaces].filter((surface) => Boolean(entry.exposure[surface]))),
    isPublic: says(keys.values(), entry.exposure, "public"),
    needsApproval: says(keys.values(), entry.exposure, "approval"),
    showsPreview: entry.exposure.preview === "caller",
    input: closed(value.input) as JsonSchema,
    output: output === undefined ? undefined : (closed(output, "output") as JsonSchema),
    isStream: isStream(value.output),
    problems: (value.problems ?? []).map(listedProblem),
    policy: compilePolicy(value.auth),
    place: entry.place,
  };
};

/** Values of exposure keys against the schema of the plugin that owns the key; needs no module. */
const valueProblems = (entries: readonly ExposedHandler[], keys: ReadonlyMap<string, ExposureKey>): BootProblem[] =>
  entries.flatMap((entry) =>
    Object.entries(entry.exposure).flatMap(([key, value]): BootProblem[] => {
      const owner = keys.get(key);
      if (owner === undefined) return [];
      const schema = checkable(closed(owner.schema) as JsonSchema);
      if (Check(schema, value)) return [];
      const [, errors] = Errors(schema, value);
      const wrong = complaintsOf(schema, errors).map(({ path, message }) => `${key}${path.replaceAll("/", ".")} ${message}`);
      return [
        {
          place: entry.place,
          cause: `${entry.name}: ${wrong.join("; ")}`,
          remedy: owner.remedy ?? `Look up the values of ${key} in the documentation of the plugin that owns it`,
        },
      ];
    }),
  );

/** Lets each key make its value of what is written, and returns what is wrong with it on this handler. */
const resolveKeys = (operation: Operation, keys: ReadonlyMap<string, ExposureKey>): BootProblem[] =>
  Object.entries(operation.exposure).flatMap(([name, given]) => {
    const key = keys.get(name);
    return key === undefined ? [] : resolveKey(key, given, operation).map((wrong) => ({ place: operation.place, ...wrong }));
  });

const resolveKey = ({ key, check, resolve }: ExposureKey, given: unknown, operation: Operation): readonly KeyProblem[] => {
  let found: readonly KeyProblem[] = [];
  try {
    found = check?.(given as never, operation) ?? [];
    // Resolved in spite of what was found: the plugins' own checks, such as that for equal routes, read it too.
    (operation.resolved as Map<string, unknown>).set(key, resolve === undefined ? given : resolve(given as never, operation));
    return found;
  } catch (error) {
    if (found.length > 0) return found;
    const cause = `${operation.name}: ${key}: ${error instanceof Error ? error.message : String(error)}`;
    const hint = isQuaterError(error) ? error.hint : undefined;
    return [{ cause, remedy: hint ?? `Change the value of ${key}, or correct the plugin that owns it` }];
  }
};
