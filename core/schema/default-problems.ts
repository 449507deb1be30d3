// Checks at boot that every `default` is a valid value of its own schema. With an invalid default, Quater would refuse calls that
// omit the field.

import type { CauseAndRemedy } from "../diagnostics/problem.ts";
import { Check } from "./compile.ts";
import { checkable } from "./compiled-patterns.ts";
import { fillerOf } from "./defaults.ts";
import { beginBudget, TakesTooLong } from "./pattern-budget.ts";
import { standingAloneOf } from "./references.ts";
import { eachSubschema, isPlainObject, type JsonSchema } from "./schema.ts";

/** @param root  A closed schema of an input or output, without other boot problems. */
export const defaultProblems = (root: JsonSchema): readonly CauseAndRemedy[] => {
  const found = [...withDefaults(root, "")];
  if (found.length === 0) return [];
  const alone = standingAloneOf(root, checkable);
  return found.flatMap(({ path, schema }) => {
    const value: unknown = structuredClone(schema["default"]);
    fillerOf(schema)?.(value);
    if (isAllowed(alone(schema), value)) return [];
    const cause = `${path === "" ? "the root" : path} has the default ${JSON.stringify(schema["default"])}, which does not match the schema`;
    return [{ cause, remedy: "Change the default or the schema" }];
  });
};

const withDefaults = function* (
  schema: unknown,
  path: string,
): Generator<{ readonly path: string; readonly schema: JsonSchema }> {
  if (!isPlainObject(schema)) return;
  if ("default" in schema) yield { path, schema };
  for (const [step, part] of eachSubschema(schema)) yield* withDefaults(part, `${path}/${step}`);
};

const isAllowed = (schema: JsonSchema, value: unknown): boolean => {
  beginBudget();
  try {
    return Check(schema, value);
  } catch (error) {
    if (error instanceof TakesTooLong) return false;
    throw error;
  }
};
