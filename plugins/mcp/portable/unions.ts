// Joins the branches of a union. Literals become one `enum`, and equal branches become one branch. This file also turns a union
// of objects into one object schema, for places where providers accept no union.

import { isPlainObject, type JsonSchema } from "../../../core/schema/schema.ts";
import { described } from "./notes.ts";

const annotationKeys = new Set(["title", "description", "default"]);

/** Splits a schema into its annotations and its rules, which are all other keywords. */
export const split = (schema: JsonSchema): { readonly annotations: JsonSchema; readonly rules: JsonSchema } => {
  const entries = Object.entries(schema);
  return {
    annotations: Object.fromEntries(entries.filter(([key]) => annotationKeys.has(key))),
    rules: Object.fromEntries(entries.filter(([key]) => !annotationKeys.has(key))),
  };
};

/**
 * Adds annotations to a schema. If the schema is a reference, this function writes the annotations in an `anyOf` around the
 * reference, because providers refuse keywords beside `$ref`.
 */
export const annotated = (schema: JsonSchema, annotations: JsonSchema, notes: readonly string[] = []): JsonSchema => {
  const own = annotations["description"] === undefined ? [] : [schema["description"]];
  const texts = [...own, ...notes].filter((text) => typeof text === "string");
  const description = described(annotations["description"] ?? schema["description"], texts);
  const added = { ...annotations, ...(description === undefined ? {} : { description }) };
  if (Object.keys(added).length === 0) return schema;
  return "$ref" in schema ? { anyOf: [schema], ...added } : { ...schema, ...added };
};

const isLiteral = (branch: JsonSchema): boolean =>
  Array.isArray(branch["enum"]) && Object.keys(branch).every((key) => ["type", "enum", "description", "title"].includes(key));

/** Returns one schema for all branches of a union, or `undefined` if the union has no branch. */
export const joined = (all: readonly JsonSchema[]): JsonSchema | undefined => {
  const flat = all.flatMap((branch) => (isBareUnion(branch) ? (branch["anyOf"] as JsonSchema[]) : [branch]));
  const literals = new Map<unknown, { values: unknown[]; notes: string[]; at: number }>();
  const branches: JsonSchema[] = [];
  for (const branch of flat) {
    if (!isLiteral(branch)) {
      branches.push(branch);
      continue;
    }
    const { type, enum: values, description } = branch;
    const known = literals.get(type) ?? { values: [], notes: [], at: branches.push({}) - 1 };
    literals.set(type, known);
    for (const value of values as unknown[]) {
      if (!known.values.includes(value)) known.values.push(value);
      if (typeof description === "string" && flat.length > 1) known.notes.push(`${JSON.stringify(value)}: ${description}.`);
    }
    const only = flat.length === 1 ? branch : {};
    branches[known.at] = annotated({ type, enum: known.values }, split(only).annotations, known.notes);
  }
  const texts = branches.map((branch) => JSON.stringify(branch));
  const distinct = branches.filter((_, at) => texts.indexOf(texts[at] as string) === at);
  return distinct.length > 1 ? { anyOf: distinct } : distinct[0];
};

const isBareUnion = (schema: JsonSchema): boolean => Object.keys(schema).length === 1 && Array.isArray(schema["anyOf"]);

/** Returns a schema that accepts every value that one of the given schemas accepts. */
type Join = (schemas: readonly JsonSchema[]) => JsonSchema;

/**
 * Returns one object schema that accepts every value that a branch of a union accepts. The object schema requires only fields
 * that every branch requires.
 *
 * @param branches  Portable schemas of objects.
 */
export const oneObject = (branches: readonly JsonSchema[], join: Join): JsonSchema => {
  const tables = branches.map(({ properties }) => (isPlainObject(properties) ? properties : {}));
  const names = [...new Set(tables.flatMap((table) => Object.keys(table)))];
  const properties = names.map((name) => {
    const own = branches.flatMap((branch, at) => {
      const table = tables[at] as JsonSchema;
      if (Object.hasOwn(table, name)) return [table[name] as JsonSchema];
      const { additionalProperties: others } = branch;
      return others === false ? [] : [others === true ? {} : (others as JsonSchema)];
    });
    return [name, join(own)];
  });
  const requiredOf = ({ required }: JsonSchema) => (Array.isArray(required) ? (required as unknown[]) : []);
  const [first = {}, ...rest] = branches;
  const required = requiredOf(first).filter((name) => rest.every((branch) => requiredOf(branch).includes(name)));
  const others = branches.map((branch) => branch["additionalProperties"]).filter((part) => part !== false);
  const additionalProperties =
    others.length === 0 ? false : others.some((part) => part === true) ? true : join(others as JsonSchema[]);
  return {
    type: "object",
    ...(required.length === 0 ? {} : { required }),
    properties: Object.fromEntries(properties),
    additionalProperties,
  };
};
