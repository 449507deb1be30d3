// Finds the branch of a union that a value means by a constant field, such as `kind: "circle"`. If the branch is known, the
// caller gets only errors about this branch. The errors of all other branches would not help the caller, and would fill the list
// of errors.

import { messageMark } from "./own-message.ts";
import { patternOf } from "./pattern.ts";
import { standingAloneOf } from "./references.ts";
import { eachSubschema, isPlainObject, type JsonSchema, propertiesOf, referred, requiredOf } from "./schema.ts";

/** The branches of a union, by the value of the constant field that distinguishes the branches. */
interface Kinds {
  readonly name: string;
  readonly branches: ReadonlyMap<unknown, JsonSchema>;
}

/**
 * Returns the schema with each union replaced by the branch that `value` means, so that the caller gets only the errors of this
 * branch.
 */
export type Narrowing = (value: unknown) => JsonSchema;

/**
 * @param schema  The schema against which Quater checks values. @returns A function that returns `schema` itself if `schema` has
 * no union with a constant field.
 */
export const narrowingOf = (schema: JsonSchema): Narrowing => {
  if (!hasChoice(schema)) return () => schema;
  const root = standingAloneOf(schema)(schema);
  const { $defs } = root;
  return (value) => withKeywords(narrowed(root, root, value, 0), { $defs });
};

const unions = ["anyOf", "oneOf"] as const;

const hasChoice = (schema: unknown): boolean =>
  isPlainObject(schema) &&
  (unions.some((key) => key in schema) || [...eachSubschema(schema)].some(([, part]) => hasChoice(part)));

/** The schema keywords that do not restrict values. */
const annotations = new Set([
  "$defs",
  "$id",
  "$schema",
  "$comment",
  "title",
  "description",
  "default",
  "examples",
  "discriminator",
]);

const saysNothingBeside = (schema: JsonSchema, key: string): boolean =>
  Object.keys(schema).every((other) => other === key || annotations.has(other) || other.startsWith("x-"));

/** The most `$ref`s to follow in a row, because schemas can refer to each other in a circle. */
const mostReferences = 16;

const narrowed = (root: JsonSchema, schema: unknown, value: unknown, followed: number): JsonSchema => {
  if (!isPlainObject(schema)) return schema as never;
  const { $ref } = schema;
  if (typeof $ref === "string" && saysNothingBeside(schema, "$ref") && followed < mostReferences)
    return narrowed(root, referred(root, $ref), value, followed + 1);
  const union = unions.find((key) => Array.isArray(schema[key]));
  if (union !== undefined && saysNothingBeside(schema, union) && !(messageMark in schema)) {
    const meant = branchFor(root, schema[union] as unknown[], value);
    if (meant !== undefined) return narrowed(root, meant, value, followed);
  }
  if (Array.isArray(value)) return withItems(root, schema, value);
  return isPlainObject(value) ? withFields(root, schema, value) : schema;
};

const branchFor = (root: JsonSchema, branches: readonly unknown[], value: unknown): JsonSchema | undefined => {
  const constants = branches.map((branch) => (isPlainObject(branch) && "const" in branch ? branch["const"] : noConstant));
  if (!constants.includes(noConstant)) return { enum: constants };
  if (!isPlainObject(value)) return undefined;
  const kinds = kindsOf(root, branches);
  if (kinds === undefined) return undefined;
  const { name, branches: byValue } = kinds;
  return kindOf(kinds, value) ?? { type: "object", properties: { [name]: { enum: [...byValue.keys()] } }, required: [name] };
};

/**
 * Returns the branch of a union whose constant field has the same value as the field in `value`. Returns `undefined` if no field
 * distinguishes the branches of the union.
 */
export const meantBranch = (root: JsonSchema, branches: readonly unknown[], value: object): JsonSchema | undefined => {
  const kinds = kindsOf(root, branches);
  return kinds === undefined ? undefined : kindOf(kinds, value as JsonSchema);
};

const kindOf = ({ name, branches }: Kinds, value: JsonSchema): JsonSchema | undefined =>
  Object.hasOwn(value, name) ? branches.get(value[name]) : undefined;

const noConstant = Symbol("no constant");

/** Follows `$ref`s and returns the schema to which the last `$ref` points. */
export const targetOf = (root: JsonSchema, schema: unknown, followed = 0): JsonSchema => {
  if (!isPlainObject(schema)) return {};
  const { $ref } = schema;
  return typeof $ref === "string" && followed < mostReferences ? targetOf(root, referred(root, $ref), followed + 1) : schema;
};

const takesObjects = (schema: JsonSchema): boolean =>
  "const" in schema ? isPlainObject(schema["const"]) : !("type" in schema) || [schema["type"]].flat().includes("object");

/** Finds the first required field that has different constants in each branch of a union. */
const kindsOf = (root: JsonSchema, all: readonly unknown[]): Kinds | undefined => {
  const branches = all.map((branch) => targetOf(root, branch)).filter(takesObjects);
  if (branches.length < 2) return undefined;
  for (const name of new Set(branches.flatMap((branch) => namesOf(root, branch)))) {
    const byValue = new Map<unknown, JsonSchema>();
    const isApart = branches.every((branch) => {
      const values = constantsOf(root, branch, name);
      const isNew = values.length > 0 && !values.some((value) => byValue.has(value));
      for (const value of values) byValue.set(value, branch);
      return isNew;
    });
    if (isApart) return { name, branches: byValue };
  }
  return undefined;
};

/** Returns the names of the required fields of a union branch. The branch may itself be a union. */
const namesOf = (root: JsonSchema, branch: JsonSchema): readonly string[] => {
  const union = unions.find((key) => Array.isArray(branch[key]));
  return union === undefined
    ? requiredOf(branch)
    : (branch[union] as unknown[]).flatMap((part) => requiredOf(targetOf(root, part)));
};

/**
 * Returns the values that a field may have in a union branch, if the branch lists these values. The branch may itself be a union.
 */
const constantsOf = (root: JsonSchema, branch: JsonSchema, name: string): readonly unknown[] => {
  const union = unions.find((key) => Array.isArray(branch[key]));
  if (union !== undefined && saysNothingBeside(branch, union)) {
    const parts = (branch[union] as unknown[]).map((part) => constantsOf(root, targetOf(root, part), name));
    return parts.some((values) => values.length === 0) ? [] : parts.flat();
  }
  if (!requiredOf(branch).includes(name)) return [];
  const field = targetOf(root, propertiesOf(branch)[name]);
  if ("const" in field) return [field["const"]];
  if (Array.isArray(field["enum"])) return field["enum"] as unknown[];
  const constants = (unions.map((key) => field[key]).find(Array.isArray) as unknown[] | undefined) ?? [];
  return constants.every((part) => isPlainObject(part) && "const" in part)
    ? constants.map((part) => (part as JsonSchema)["const"])
    : [];
};

/** Gives each item of a list its own schema, because each item may mean another branch of the union. */
const withItems = (root: JsonSchema, schema: JsonSchema, value: readonly unknown[]): JsonSchema => {
  const { items, prefixItems } = schema;
  if (!isPlainObject(items)) return schema;
  const first = Array.isArray(prefixItems) ? (prefixItems as unknown[]) : [];
  return withKeywords(schema, {
    prefixItems: value.map((item, index) => narrowed(root, index < first.length ? first[index] : items, item, 0)),
  });
};

const withFields = (root: JsonSchema, schema: JsonSchema, value: JsonSchema): JsonSchema => {
  const { properties, patternProperties, allOf } = schema;
  const changes: Record<string, unknown> = {};
  const inside = (part: unknown, name: string) => narrowed(root, part, value[name], 0);
  if (isPlainObject(properties))
    changes["properties"] = Object.fromEntries(
      Object.entries(properties).map(([name, part]) => [name, Object.hasOwn(value, name) ? inside(part, name) : part]),
    );
  const [record, ...others] = isPlainObject(patternProperties) ? Object.entries(patternProperties) : [];
  if (record !== undefined && others.length === 0 && !isPlainObject(properties)) {
    const { test } = patternOf(record[0]);
    const fields = Object.keys(value).filter((name) => test(name));
    changes["properties"] = Object.fromEntries(fields.map((name) => [name, inside(record[1], name)]));
    changes["patternProperties"] = {};
  }
  if (Array.isArray(allOf)) changes["allOf"] = allOf.map((part) => narrowed(root, part, value, 0));
  return withKeywords(schema, changes);
};

/**
 * Copies a schema with changed keywords. Object.defineProperties keeps TypeBox's hidden properties, which a spread would lose.
 */
const withKeywords = (schema: JsonSchema, changes: JsonSchema): JsonSchema => {
  const copy = Object.create(Object.getPrototypeOf(schema), Object.getOwnPropertyDescriptors(schema)) as JsonSchema;
  for (const [key, value] of Object.entries(changes))
    Object.defineProperty(copy, key, { value, enumerable: true, configurable: true, writable: true });
  return copy;
};
