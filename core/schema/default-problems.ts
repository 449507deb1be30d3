// Checks at boot that every `default` is a value of its own schema: callers who leave the field out would be refused.

import type { CauseAndRemedy } from "../diagnostics/problem.ts";
import { Check } from "./compile.ts";
import { checkable } from "./compiled-patterns.ts";
import { fillerOf } from "./defaults.ts";
import { beginBudget, TakesTooLong } from "./pattern-budget.ts";
import { eachSubschema, isPlainObject, type JsonSchema, withSubschemas } from "./schema.ts";

/** @param root  Closed, and without other problems. */
export const defaultProblems = (root: JsonSchema): readonly CauseAndRemedy[] => {
  const parts = [...partsOf(root, "")];
  const found = parts.filter(({ schema }) => "default" in schema);
  if (found.length === 0) return [];
  const named = parts.filter(({ schema }) => typeof schema["$id"] === "string").map(({ schema }) => schema);
  const places = new Map(named.map(({ $id }, index) => [$id, `#/$defs/id${index}`]));
  const moved = (schema: JsonSchema) => checkable(below(schema, places));
  const definitions = { root: moved(root), ...Object.fromEntries(named.map((schema, index) => [`id${index}`, moved(schema)])) };
  return found.flatMap(({ path, schema }) => {
    const value: unknown = structuredClone(schema["default"]);
    fillerOf(schema)?.(value);
    if (isAllowed({ $defs: { ...definitions, here: moved(schema) }, $ref: "#/$defs/here" }, value)) return [];
    const cause = `${path === "" ? "the root" : path} has the default ${JSON.stringify(schema["default"])}, which its schema refuses`;
    return [{ cause, remedy: "Change the default, or the schema" }];
  });
};

const partsOf = function* (schema: unknown, path: string): Generator<{ readonly path: string; readonly schema: JsonSchema }> {
  if (!isPlainObject(schema)) return;
  yield { path, schema };
  for (const [step, part] of eachSubschema(schema)) yield* partsOf(part, `${path}/${step}`);
};

/** A copy whose references find their targets where the root stands below `$defs`. */
const below = (schema: JsonSchema, places: ReadonlyMap<unknown, string>): JsonSchema => {
  const copy = withSubschemas(schema, (part) => below(part, places));
  const ref = schema["$ref"];
  delete copy["$id"];
  if (typeof ref === "string") copy["$ref"] = ref.startsWith("#") ? `#/$defs/root${ref.slice(1)}` : places.get(ref);
  return copy;
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
