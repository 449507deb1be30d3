// Checks at boot whether every value of one schema is also a value of another schema. A policy declares the input that the policy
// needs, and many handlers can use one policy. Boot therefore compares the schema of the policy with the input schema of each
// handler. In TypeScript, the compiler compares the types of the policy and the handler in the same way. Projects in JavaScript
// have only the comparison at boot.

import { Check } from "./compile.ts";
import { isPlainObject, type JsonSchema, propertiesOf, requiredOf } from "./schema.ts";

/**
 * Compares two schemas: their JSON types, listed values (`enum`, `const`), required properties and items, at any depth.
 * `misfitOf` does not compare limits, patterns and formats. Schemas with `$ref` fit only if both schemas are equal.
 *
 * @param given  The schema of the values to compare.
 * @param wanted  The schema that the values must match.
 * @param path  The name of the value in error messages: `input`.
 * @returns The first mismatch as a sentence, such as `input.id is missing`; `undefined` when the schemas fit.
 */
export const misfitOf = (given: unknown, wanted: unknown, path: string): string | undefined => {
  if (!isPlainObject(wanted)) return undefined;
  if (!isPlainObject(given)) return given === false ? undefined : misfitOf({}, wanted, path);
  if (JSON.stringify(given) === JSON.stringify(wanted)) return undefined;
  if ("$ref" in wanted || "$ref" in given) return `${path} uses $ref, and Quater cannot compare a $ref with a different schema`;
  for (const key of ["anyOf", "oneOf"]) {
    const branches = listOf(given, key);
    if (branches !== undefined) return firstOf(branches.map((branch) => misfitOf(branch, wanted, path)));
  }
  for (const part of listOf(wanted, "allOf") ?? []) {
    const misfit = misfitOf(given, part, path);
    if (misfit !== undefined) return misfit;
  }
  const values = valuesOf(given);
  if (values !== undefined) {
    const other = values.find((value) => !Check(wanted, value));
    return other === undefined ? undefined : `${path} may be ${JSON.stringify(other)}, which the policy does not expect`;
  }
  for (const key of ["anyOf", "oneOf"]) {
    const branches = listOf(wanted, key);
    if (branches === undefined) continue;
    const misfits = branches.map((branch) => misfitOf(given, branch, path));
    if (!misfits.includes(undefined)) return misfits[0];
  }
  const parts = listOf(given, "allOf");
  if (parts !== undefined) return misfitOf(merged([given, ...parts]), withoutAllOf(wanted), path);
  if (valuesOf(wanted) !== undefined) return `${path} may have other values than the policy expects`;
  const types = typesOf(wanted);
  const foreign = types && [...(typesOf(given) ?? ["any value"])].find((type) => !types.has(type));
  if (foreign !== undefined) return `${path} is ${foreign}, and the policy expects ${[...(types ?? [])].join(" or ")}`;
  return inside(given, wanted, path);
};

const inside = (given: JsonSchema, wanted: JsonSchema, path: string): string | undefined => {
  const required = new Set(requiredOf(given));
  const properties = propertiesOf(given);
  for (const [name, schema] of Object.entries(propertiesOf(wanted))) {
    const own = Object.hasOwn(properties, name) ? properties[name] : undefined;
    const isNeeded = requiredOf(wanted).includes(name);
    if (own === undefined && isNeeded) return `${path}.${name} is missing`;
    if (isNeeded && !required.has(name)) return `${path}.${name} is optional, but the policy always reads this input`;
    const misfit = own === undefined ? undefined : misfitOf(own, schema, `${path}.${name}`);
    if (misfit !== undefined) return misfit;
  }
  return "items" in wanted ? misfitOf(given["items"] ?? {}, wanted["items"], `${path}[]`) : undefined;
};

const firstOf = (misfits: readonly (string | undefined)[]): string | undefined => misfits.find((misfit) => misfit !== undefined);

const listOf = (schema: JsonSchema, key: string): readonly unknown[] | undefined =>
  Array.isArray(schema[key]) ? (schema[key] as unknown[]) : undefined;

const valuesOf = (schema: JsonSchema): readonly unknown[] | undefined =>
  "const" in schema ? [schema["const"]] : listOf(schema, "enum");

const typesOf = ({ type }: JsonSchema): ReadonlySet<string> | undefined => {
  if (type === undefined) return undefined;
  const types = new Set([type].flat() as string[]);
  return types.has("number") ? types.add("integer") : types;
};

/** Joins all parts of an `allOf` into one object schema. */
const merged = (parts: readonly unknown[]): JsonSchema => {
  const known = parts.filter(isPlainObject);
  return {
    ...Object.assign({}, ...known.map(withoutAllOf)),
    properties: Object.assign({}, ...known.map(propertiesOf)),
    required: known.flatMap(requiredOf),
  };
};

const withoutAllOf = ({ allOf: _, ...rest }: JsonSchema): JsonSchema => rest;
