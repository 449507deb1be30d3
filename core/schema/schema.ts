// Reads and changes schemas. schema.ts closes schemas, so that undeclared fields are errors. schema.ts also finds secret fields,
// properties and the targets of `$ref`s.

import { patternOf } from "./pattern.ts";
import { beginBudget, TakesTooLong } from "./pattern-budget.ts";
import type { TSchema } from "./typebox.ts";
import { Type } from "./typebox.ts";

/** A JSON Schema as plain data. */
export type JsonSchema = Readonly<Record<string, unknown>>;

const secretMark = "x-quater-secret";
const personalMark = "x-quater-personal";

/**
 * Marks a secret field, whose value must never leave the process. Quater refuses the value on command lines and masks the value
 * in dry runs. On the trail, a keyed digest replaces the value.
 */
export const secret = <Schema extends TSchema>(schema: Schema): Schema => Type.With(schema, { [secretMark]: true }) as never;

/** Marks a personal field, so that an operator can erase the value of the field on the trail. */
export const personal = <Schema extends TSchema>(schema: Schema): Schema => Type.With(schema, { [personalMark]: true }) as never;

export const isPlainObject = (value: unknown): value is JsonSchema =>
  value !== null && typeof value === "object" && !Array.isArray(value);

type IsMarked = (schema: JsonSchema) => boolean;

const isSecret: IsMarked = (schema) => schema[secretMark] === true;
const isPersonal: IsMarked = (schema) => schema[personalMark] === true;

// Schema keywords that contain other schemas, by the form of the keyword's value. Quater does not search the values of all other
// keywords for schemas.
const holdsSchema = ["items", "additionalProperties", "unevaluatedProperties", "unevaluatedItems"];
const holdsSchemaList = ["allOf", "anyOf", "oneOf", "prefixItems"];
const holdsSchemaTable = ["properties", "patternProperties", "$defs", "definitions"];
// Keywords whose schemas only test a value and declare no fields. Quater does not close these schemas, because closing would
// change the test.
const asksSchema = ["not", "if", "then", "else", "contains", "propertyNames"];
const asksSchemaTable = ["dependentSchemas"];

/**
 * Returns a copy of a schema in which the direct subschemas are replaced. Object.defineProperties keeps TypeBox's hidden
 * properties, which a spread would lose.
 */
export const withSubschemas = (schema: JsonSchema, change: (part: JsonSchema) => JsonSchema): Record<string, unknown> => {
  const copy = Object.create(Object.getPrototypeOf(schema), Object.getOwnPropertyDescriptors(schema)) as Record<string, unknown>;
  const changed = (part: unknown): unknown => (isPlainObject(part) ? change(part) : part);
  const replace = (key: string, value: unknown) =>
    Object.defineProperty(copy, key, { value, enumerable: true, configurable: true, writable: true });
  for (const key of [...holdsSchema, ...asksSchema]) if (isPlainObject(schema[key])) replace(key, changed(schema[key]));
  for (const key of holdsSchemaList) if (Array.isArray(schema[key])) replace(key, (schema[key] as unknown[]).map(changed));
  for (const key of [...holdsSchemaTable, ...asksSchemaTable]) {
    const table = schema[key];
    if (isPlainObject(table))
      replace(key, Object.fromEntries(Object.entries(table).map(([name, part]) => [name, changed(part)])));
  }
  return copy;
};

/** Yields the schemas directly inside `schema`, each schema with its path in `schema`. */
export const eachSubschema = function* (schema: JsonSchema): Generator<[path: string, schema: unknown]> {
  for (const key of [...holdsSchema, ...asksSchema]) if (key in schema && !Array.isArray(schema[key])) yield [key, schema[key]];
  for (const key of holdsSchemaList) {
    const list = schema[key];
    if (Array.isArray(list)) for (const [index, item] of list.entries()) yield [`${key}/${index}`, item];
  }
  for (const key of [...holdsSchemaTable, ...asksSchemaTable]) {
    const table = schema[key];
    if (isPlainObject(table)) for (const [name, item] of Object.entries(table)) yield [`${key}/${name}`, item];
  }
};

/** Returns the target of a `$ref`: `#`, a JSON Pointer that begins with `#`, or the `$id` of a schema inside `root`. */
export const referred = (root: JsonSchema, ref: string): unknown => {
  if (!ref.startsWith("#")) return withId(root, ref);
  const steps = decodeURIComponent(ref.slice(1)).split("/").slice(1);
  return steps.reduce<unknown>(
    (found, step) =>
      found !== null && typeof found === "object"
        ? (found as Record<string, unknown>)[step.replaceAll("~1", "/").replaceAll("~0", "~")]
        : undefined,
    root,
  );
};

const withId = (schema: unknown, id: string): unknown => {
  if (!isPlainObject(schema)) return undefined;
  if (schema["$id"] === id) return schema;
  for (const [, item] of eachSubschema(schema)) {
    const found = withId(item, id);
    if (found !== undefined) return found;
  }
  return undefined;
};

/** Whether an object schema itself declares which additional fields the object accepts. */
export const statesClosing = (schema: JsonSchema): boolean =>
  "additionalProperties" in schema || "unevaluatedProperties" in schema;

/**
 * The maximum length of an input text with a pattern, characters. The maximum applies if the schema of the text has no
 * `maxLength`.
 */
export const patternTextLength = 1_000;

/**
 * Returns a closed copy of a schema. The copy refuses undeclared fields. Objects that declare properties get
 * `additionalProperties: false`. In combinations such as `allOf`, the parts stay open and the whole schema gets
 * `unevaluatedProperties: false`, because closed parts would refuse each other's fields.
 *
 * The copy keeps property descriptors, because TypeBox adds hidden properties that a spread would lose.
 *
 * @param of  For "input", texts with a pattern also get a `maxLength`.
 */
export const closed = <Schema>(schema: Schema, of: "input" | "output" = "input", isPart = false): Schema => {
  if (!isPlainObject(schema)) return schema;
  const copy = Object.create(Object.getPrototypeOf(schema), Object.getOwnPropertyDescriptors(schema)) as Record<string, unknown>;
  const declares = "properties" in schema || "patternProperties" in schema;
  const combines = "allOf" in schema || (declares && ("anyOf" in schema || "oneOf" in schema));
  const replace = (key: string, value: unknown) =>
    Object.defineProperty(copy, key, { value, enumerable: true, configurable: true, writable: true });
  // The time for matching a pattern grows with the length of the text, so callers cannot send a long text for a pattern (threat
  // T26). Outputs have no length limit, because an output may fail only for the rules of its schema.
  if (of === "input" && typeof schema["pattern"] === "string" && schema["maxLength"] === undefined)
    replace("maxLength", patternTextLength);
  for (const key of holdsSchema) if (isPlainObject(schema[key])) replace(key, closed(schema[key], of));
  for (const key of holdsSchemaList) {
    const list = schema[key];
    const holdsParts = key !== "prefixItems" && (combines || isPart);
    if (Array.isArray(list))
      replace(
        key,
        list.map((item: unknown) => closed(item, of, holdsParts)),
      );
  }
  for (const key of holdsSchemaTable) {
    const table = schema[key];
    if (isPlainObject(table))
      replace(key, Object.fromEntries(Object.entries(table).map(([name, item]) => [name, closed(item, of)])));
  }
  if (!isPart && !statesClosing(schema)) {
    if (combines) replace("unevaluatedProperties", false);
    else if (declares) replace("additionalProperties", false);
  }
  return copy as Schema;
};

/**
 * Whether any field of the schema, at any depth, is marked by `secret()`.
 *
 * @param root  The schema in which Quater looks up `$ref`s.
 */
export const hasSecret = (schema: unknown, root: unknown = schema): boolean => hasMarkIn(schema, root, new Set(), isSecret);

const hasMarkIn = (schema: unknown, root: unknown, seen: Set<unknown>, isMarked: IsMarked): boolean => {
  if (!isPlainObject(schema) || seen.has(schema)) return false;
  seen.add(schema);
  if (isMarked(schema)) return true;
  const ref = schema["$ref"];
  if (typeof ref === "string" && isPlainObject(root) && hasMarkIn(referred(root, ref), root, seen, isMarked)) return true;
  return [...eachSubschema(schema)].some(([, item]) => hasMarkIn(item, root, seen, isMarked));
};

/** Whether the field `name` of an object is a secret field or contains a secret field, in any part of the object's schema. */
export const isSecretField = (schema: unknown, name: string): boolean => {
  if (!isPlainObject(schema) || !hasSecret(schema)) return false;
  beginBudget();
  return isSecretFieldIn(schema, schema, name, new Set());
};

const isSecretFieldIn = (root: JsonSchema, schema: unknown, name: string, seen: Set<unknown>): boolean => {
  if (!isPlainObject(schema) || seen.has(schema)) return false;
  seen.add(schema);
  return (
    isSecret(schema) ||
    partsOfField(schema, name).some((part) => hasSecret(part, root)) ||
    partsOfSameValue(root, schema).some((part) => isSecretFieldIn(root, part, name, seen))
  );
};

/** Returns the other schemas that apply to the same value as `schema`, such as the parts of `allOf`. */
const partsOfSameValue = (root: JsonSchema, schema: JsonSchema): unknown[] => {
  const ref = schema["$ref"];
  return [
    ...["allOf", "anyOf", "oneOf"].flatMap((key) => (Array.isArray(schema[key]) ? (schema[key] as unknown[]) : [])),
    ...["if", "then", "else"].map((key) => schema[key]),
    ...Object.values(tableOf(schema, "dependentSchemas")),
    typeof ref === "string" ? referred(root, ref) : undefined,
  ];
};

/** Returns the schemas that `schema` itself declares for the field `name`. */
const partsOfField = (schema: JsonSchema, name: string): unknown[] => {
  const properties = tableOf(schema, "properties");
  const own = Object.hasOwn(properties, name) ? [properties[name]] : [];
  const patterns = Object.entries(tableOf(schema, "patternProperties"));
  const matching = patterns.filter(([pattern]) => mayMatch(pattern, name)).map(([, part]) => part);
  const declared = [...own, ...matching];
  return declared.length > 0 ? declared : [schema["additionalProperties"], schema["unevaluatedProperties"]];
};

/**
 * Whether the field name may match the pattern. If the match takes too long, the result is true, so that a secret stays hidden.
 */
const mayMatch = (pattern: string, name: string): boolean => {
  try {
    return patternOf(pattern).test(name);
  } catch (error) {
    if (error instanceof TakesTooLong) return true;
    throw error;
  }
};

/**
 * Returns a copy of `value` for people, in which `[secret]` replaces the value of every `secret()` field.
 *
 * @param show  Returns the replacement for the value of a secret field.
 */
export const masked = (schema: unknown, value: unknown, show: (secret: unknown) => unknown = () => "[secret]"): unknown =>
  isPlainObject(schema) && hasSecret(schema) ? maskedIn(schema, value, { isMarked: isSecret, show }) : value;

/** Returns a copy of `value` in which `erased` replaces every field that the schema marks by `personal()`. */
export const withoutPersonal = (schema: unknown, value: unknown, erased: unknown): unknown =>
  isPlainObject(schema) && hasMarkIn(schema, schema, new Set(), isPersonal)
    ? maskedIn(schema, value, { isMarked: isPersonal, show: () => erased })
    : value;

/** Returns a copy of `value` in which `show` replaces every field that the schema marks with `mark`. */
export const withoutMarked = (schema: unknown, value: unknown, mark: string, show: (marked: unknown) => unknown): unknown => {
  const isMarked: IsMarked = (part) => part[mark] === true;
  return isPlainObject(schema) && hasMarkIn(schema, schema, new Set(), isMarked)
    ? maskedIn(schema, value, { isMarked, show })
    : value;
};

interface Masking {
  readonly isMarked: IsMarked;
  readonly show: (marked: unknown) => unknown;
}

const maskedIn = (root: JsonSchema, value: unknown, masking: Masking): unknown => {
  beginBudget();
  return maskedBy(root, root, value, [], masking);
};

/** Masks a value by one schema. A part of the schema masks its secret fields even when the value does not match this part. */
const maskedBy = (root: JsonSchema, schema: unknown, value: unknown, onTheWay: readonly unknown[], masking: Masking): unknown => {
  if (!isPlainObject(schema) || value === undefined || onTheWay.includes(schema)) return value;
  if (masking.isMarked(schema)) return masking.show(value);
  const whole = partsOfSameValue(root, schema).reduce(
    (seen, part) => maskedBy(root, part, seen, [...onTheWay, schema], masking),
    value,
  );
  const hide = (parts: readonly unknown[], item: unknown) =>
    parts.reduce((seen, part) => maskedBy(root, part, seen, [], masking), item);
  if (Array.isArray(whole)) {
    const prefix = Array.isArray(schema["prefixItems"]) ? (schema["prefixItems"] as unknown[]) : [];
    return whole.map((item: unknown, index) =>
      hide([prefix[index] ?? schema["items"], schema["contains"], schema["unevaluatedItems"]], item),
    );
  }
  if (!isPlainObject(whole)) return whole;
  return Object.fromEntries(Object.entries(whole).map(([key, item]) => [key, hide(partsOfField(schema, key), item)]));
};

const tableOf = (schema: JsonSchema, key: string): JsonSchema => (isPlainObject(schema[key]) ? schema[key] : {});

/** Returns the properties of an object schema, including the properties of combined parts such as `allOf`. */
export const propertiesOf = (schema: unknown): Readonly<Record<string, JsonSchema>> => {
  if (!isPlainObject(schema)) return {};
  const own = Object.entries(tableOf(schema, "properties")).map(([name, part]) => [name, isPlainObject(part) ? part : {}]);
  const parts = Array.isArray(schema["allOf"]) ? (schema["allOf"] as unknown[]).map(propertiesOf) : [];
  return Object.assign({}, ...parts, Object.fromEntries(own)) as Record<string, JsonSchema>;
};

/** Returns the required names of an object schema, including the required names of combined parts such as `allOf`. */
export const requiredOf = (schema: unknown): readonly string[] => {
  if (!isPlainObject(schema)) return [];
  const own = Array.isArray(schema["required"]) ? (schema["required"] as string[]) : [];
  const parts = Array.isArray(schema["allOf"]) ? (schema["allOf"] as unknown[]).flatMap(requiredOf) : [];
  return [...new Set([...own, ...parts])];
};
