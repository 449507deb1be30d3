// Checks the values of the exposure keys that plugins own, and lets each exposure key resolve its value for a handler.

import { isQuaterError } from "../diagnostics/errors.ts";
import type { BootProblem } from "../diagnostics/problem.ts";
import type { Operation } from "../model/operation.ts";
import { complainerOf } from "../pipeline/complaints.ts";
import type { ExposureKey, KeyProblem } from "../plugin/exposure-key.ts";
import { Check } from "../schema/compile.ts";
import { checkableAtBoot } from "../schema/compiled-patterns.ts";
import { closed, type JsonSchema } from "../schema/schema.ts";
import type { ExposedHandler, KeysByName } from "./exposed-handlers.ts";

/** Checks the values of exposure keys against the schemas of the keys. Checking these values needs no handler module. */
export const valueProblems = (entries: readonly ExposedHandler[], keys: KeysByName): readonly BootProblem[] => {
  const schemas = new Map<string, JsonSchema>();
  const schemaOf = ({ key, schema }: ExposureKey): JsonSchema => {
    const known = schemas.get(key) ?? checkableAtBoot(closed(schema) as JsonSchema);
    schemas.set(key, known);
    return known;
  };
  return entries.flatMap(({ name, exposure, place }) =>
    Object.entries(exposure).flatMap(([key, value]): readonly BootProblem[] => {
      const owner = keys.get(key);
      if (owner === undefined) return [];
      const schema = schemaOf(owner);
      if (Check(schema, value)) return [];
      const wrong = complainerOf(schema)(value).map(({ path, message }) => `${key}${path.replaceAll("/", ".")} ${message}`);
      const remedy = owner.remedy ?? `Write a value of ${key} that the documentation of its plugin allows`;
      return [{ place, cause: `The exposure of ${name} is invalid: ${wrong.join("; ")}`, remedy }];
    }),
  );
};

/**
 * Stores the resolved value of each exposure key in `operation.resolved`. Returns the boot problems that the own checks of the
 * exposure keys find.
 */
export const resolveKeys = (operation: Operation, keys: KeysByName): readonly BootProblem[] =>
  Object.entries(operation.exposure).flatMap(([name, given]) => {
    const key = keys.get(name);
    if (key === undefined) return [];
    return resolveKey(key, given, operation).map((problem) => ({ place: operation.place, ...problem }));
  });

const resolveKey = ({ key, check, resolve }: ExposureKey, given: unknown, operation: Operation): readonly KeyProblem[] => {
  let found: readonly KeyProblem[] = [];
  try {
    found = check?.(given as never, operation) ?? [];
    // Store the value even when the own check of the exposure key refused the value. Other checks read the value, for example to
    // find two handlers with one route.
    (operation.resolved as Map<string, unknown>).set(key, resolve === undefined ? given : resolve(given as never, operation));
    return found;
  } catch (error) {
    if (found.length > 0) return found;
    const cause = `The exposure of ${operation.name} has an invalid ${key}: ${error instanceof Error ? error.message : String(error)}`;
    const hint = isQuaterError(error) ? error.hint : undefined;
    return [
      { cause, remedy: hint ?? `Change the value of ${key} in the exposure, or correct the plugin that accepts the key ${key}` },
    ];
  }
};
