// Reads the JSON Schemas in an OpenAPI document for a comparison.

import { isPlainObject, type JsonSchema } from "../../../core/schema/schema.ts";

/** A schema, and the OpenAPI document that contains the targets of the schema's `$ref`s. */
export interface Side {
  readonly document: JsonSchema;
  readonly schema: unknown;
}

export const at = (document: JsonSchema, path: string): unknown =>
  path
    .slice(2)
    .split("/")
    .reduce<unknown>(
      (part, step) =>
        isPlainObject(part) ? part[decodeURIComponent(step).replaceAll("~1", "/").replaceAll("~0", "~")] : undefined,
      document,
    );

/** Returns the target of a `$ref`, or the value itself. Keywords beside a `$ref` also count, because OpenAPI 3.1 allows them. */
export const followed = (document: JsonSchema, value: unknown): JsonSchema => {
  let found = value;
  for (let depth = 0; depth < 32 && isPlainObject(found) && typeof found["$ref"] === "string"; depth++) {
    const { $ref, ...beside } = found;
    const target = at(document, $ref as string);
    found = isPlainObject(target) ? { ...target, ...beside } : target;
  }
  return isPlainObject(found) ? found : {};
};

export const tableIn = (schema: JsonSchema, key: string): JsonSchema => (isPlainObject(schema[key]) ? schema[key] : {});
export const listIn = (schema: JsonSchema, key: string): readonly unknown[] => (Array.isArray(schema[key]) ? schema[key] : []);

/** Returns a schema with its `$ref` replaced by the target, and with the parts of `allOf` merged into the schema. */
export const flat = ({ document, schema }: Side, depth = 0): JsonSchema => {
  const { allOf, ...own } = followed(document, schema);
  if (!Array.isArray(allOf) || depth > 16) return own;
  const parts = [own, ...allOf.map((part: unknown) => flat({ document, schema: part }, depth + 1))];
  const properties: Record<string, unknown> = {};
  for (const [name, property] of parts.flatMap((part) => Object.entries(tableIn(part, "properties"))))
    properties[name] = name in properties ? { allOf: [properties[name], property] } : property;
  const required = [...new Set(parts.flatMap((part) => listIn(part, "required")))];
  const whole: JsonSchema = Object.assign({}, ...parts.toReversed());
  return { ...whole, ...(Object.keys(properties).length > 0 ? { properties, required } : {}) };
};

/** Returns the schemas of a union; `undefined` for a schema without a union. A value must fit one schema of the union. */
export const branchesOf = (schema: JsonSchema): readonly unknown[] | undefined =>
  [schema["anyOf"], schema["oneOf"]].find(Array.isArray) as readonly unknown[] | undefined;

export const valuesOf = (schema: JsonSchema): readonly unknown[] | undefined => {
  if (Array.isArray(schema["enum"])) return schema["enum"];
  return "const" in schema ? [schema["const"]] : undefined;
};

export const typesOf = (schema: JsonSchema): readonly string[] | undefined =>
  schema["type"] === undefined ? undefined : ([schema["type"]].flat() as string[]);

/** Whether the schema of an object accepts fields that the schema does not declare. */
export const isOpen = (schema: JsonSchema): boolean =>
  schema["additionalProperties"] !== false && schema["unevaluatedProperties"] !== false;
