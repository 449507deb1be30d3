// Parts of a schema taken out of it. A reference is a place in the root, so a part alone, or a root that was changed, would refer to
// something else.

import { eachSubschema, isPlainObject, type JsonSchema, withSubschemas } from "./schema.ts";

/** Returns a part of the root as a complete schema, with a copy of each schema that it refers to. */
export type StandingAlone = (part: JsonSchema) => JsonSchema;

/** @param change  Made to each copy. Default: nothing. */
export const standingAloneOf = (root: JsonSchema, change = (schema: JsonSchema) => schema): StandingAlone => {
  const named = [...schemasIn(root)].filter(({ $id }) => typeof $id === "string");
  const places = new Map(named.map(({ $id }, index) => [$id, `#/$defs/id${index}`]));
  const moved = (schema: JsonSchema) => change(below(schema, places));
  let $defs: JsonSchema | undefined;
  return (part) => {
    const copy = moved(part) as Record<string, unknown>;
    if (![...schemasIn(part)].some((schema) => "$ref" in schema)) return copy;
    $defs ??= { root: moved(root), ...Object.fromEntries(named.map((schema, index) => [`id${index}`, moved(schema)])) };
    return Object.defineProperty(copy, "$defs", { value: $defs, enumerable: true, configurable: true });
  };
};

const schemasIn = function* (schema: unknown): Generator<JsonSchema> {
  if (!isPlainObject(schema)) return;
  yield schema;
  for (const [, part] of eachSubschema(schema)) yield* schemasIn(part);
};

/** Returns a copy whose references point to the root below `$defs`. */
const below = (schema: JsonSchema, places: ReadonlyMap<unknown, string>): JsonSchema => {
  const copy = withSubschemas(schema, (part) => below(part, places));
  const ref = schema["$ref"];
  delete copy["$id"];
  if (typeof ref === "string") copy["$ref"] = ref.startsWith("#") ? `#/$defs/root${ref.slice(1)}` : places.get(ref);
  return copy;
};
