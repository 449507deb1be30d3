// Makes operations from the manifest's tables. Checks names, keys, modules and handlers, and reports all problems together.

import { isCode, isQuaterError } from "../diagnostics/errors.ts";
import type { BootProblem } from "../diagnostics/problem.ts";
import { nearest, sameCase, visible } from "../diagnostics/text.ts";
import { type Exposed, isExposed, ownExposureKeys, type WrittenExposure } from "../model/exposure.ts";
import { type Handler, isHandler, isStream } from "../model/handler.ts";
import type { Catalog, Operation } from "../model/operation.ts";
import { authProblem, compilePolicy } from "../model/policy.ts";
import { usesProblems } from "../model/resource.ts";
import { complaintsOf } from "../pipeline/complaints.ts";
import { type ExposureKey, type KeyProblem, keyOwnerOf, says } from "../plugin/exposure-key.ts";
import type { ConfiguredPlugin } from "../plugin/plugin.ts";
import { Check, Errors } from "../schema/compile.ts";
import { closed, hasSecret, isPlainObject, type JsonSchema } from "../schema/schema.ts";
import { schemaProblems } from "../schema/schema-problems.ts";
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
      const found = isHandler(value) ? handlerProblems(entry, value) : [notExported(entry, module)];
      problems.push(...found);
      if (isHandler(value) && found.length === 0) operations.push(operationOf(entry, value, surfaces, keys));
    }
  }
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

const effects = new Set(["read", "write", "destructive"]);

const handlerProblems = (entry: ExposedHandler, value: Handler): BootProblem[] => {
  const found: BootProblem[] = [];
  const say = (cause: string, remedy: string) => found.push({ place: entry.place, cause: `${entry.name} ${cause}`, remedy });
  const auth = authProblem(value.auth);
  if (auth !== undefined) say(auth, 'Add auth: anyone, authenticated, can("scope"), hasRole("role"), a function or a list');
  const { description } = value;
  if (typeof description !== "string" || description.trim() === "")
    say("has no description", "Describe in a sentence what it does. Agents choose tools by it");
  else if (description.length > 1000) say(`has a description of ${description.length} characters`, "Shorten it to 1,000");
  else if (visible(description) !== description)
    say("has a description with control or invisible characters", "Write it as one line of printable text");
  if (!effects.has(value.effect)) say(`has the effect ${JSON.stringify(value.effect)}`, 'Use "read", "write" or "destructive"');
  if (typeof value.handle !== "function") say("has no handle function", "Add async handle(input, context) { ... }");
  for (const code of value.problems ?? [])
    if (!isCode(code))
      say(
        `has the problem ${JSON.stringify(code)}, which is not a code`,
        "Use lower-case letters, digits and _, such as order_not_paid",
      );
  for (const { cause, remedy } of usesProblems(value.use)) say(cause, remedy);
  for (const problem of schemaProblems(value.input))
    say(`has an input schema in which ${problem}`, "Write it with Type from quater");
  if (typeof value.input === "boolean" || (isPlainObject(value.input) && !isObjectSchema(value.input)))
    say("has an input that is not an object", "Wrap it: Type.Object({ ... })");
  const output = isStream(value.output) ? value.output.item : value.output;
  if (output !== undefined)
    for (const problem of schemaProblems(output))
      say(`has an output schema in which ${problem}`, "Write it with Type from quater");
  if (output !== undefined && value.reveal !== true && hasSecret(output))
    say("has a secret() field in its output", "Remove the field, or say reveal: true in the handler");
  return found;
};

const isObjectSchema = (schema: unknown): boolean =>
  isPlainObject(schema) &&
  (schema["type"] === "object" ||
    (Array.isArray(schema["allOf"]) && schema["allOf"].length > 0 && schema["allOf"].every(isObjectSchema)));

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
      const schema = closed(owner.schema) as JsonSchema;
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
