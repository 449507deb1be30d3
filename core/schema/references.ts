// Copies a part of a schema so that the copy works without the root schema. A `$ref` is a path in the root schema. In the part
// alone, or in a changed root schema, the `$ref` would point to another schema.

import { eachSubschema, isPlainObject, type JsonSchema, withSubschemas } from "./schema.ts";

/**
 * Returns a part of the root schema as a complete schema. The complete schema contains a copy of each schema to which the part
 * refers.
 */
export type StandingAlone = (part: JsonSchema) => JsonSchema;

/** @param change  `standingAloneOf` applies this function to each copied schema. Default: no change. */
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

/** Returns a copy of the schema whose `$ref`s point below `$defs` of the new root schema. */
const below = (schema: JsonSchema, places: ReadonlyMap<unknown, string>): JsonSchema => {
  const copy = withSubschemas(schema, (part) => below(part, places));
  const ref = schema["$ref"];
  delete copy["$id"];
  if (typeof ref === "string") copy["$ref"] = ref.startsWith("#") ? `#/$defs/root${ref.slice(1)}` : places.get(ref);
  return copy;
};
