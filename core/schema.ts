// Schemas as the kernel uses them: checked at boot to be schemas, and closed, so that a field nobody declared is an
// error and not something to strip or ignore.

import type { TSchema } from "./typebox.ts";
import { Type } from "./typebox.ts";

/** A JSON Schema, read as plain data. */
export type JsonSchema = Readonly<Record<string, unknown>>;

const secretMark = "x-quater-secret";
const personalMark = "x-quater-personal";

/** Marks a field that never leaves the process: refused in argv, masked in dry runs, tagged in the trail. */
export const secret = <Schema extends TSchema>(schema: Schema): Schema => Type.With(schema, { [secretMark]: true }) as never;

/** Marks a field about a person, so that the trail can erase it. */
export const personal = <Schema extends TSchema>(schema: Schema): Schema => Type.With(schema, { [personalMark]: true }) as never;

export const isSchema = (value: unknown): value is JsonSchema =>
  value !== null && typeof value === "object" && !Array.isArray(value);

const isSecret = (schema: JsonSchema): boolean => schema[secretMark] === true;

// Keywords by what they hold; everything else is a value and is not walked into.
const holdsSchema = [
  "items",
  "additionalProperties",
  "unevaluatedProperties",
  "not",
  "if",
  "then",
  "else",
  "contains",
  "propertyNames",
];
const holdsSchemaList = ["allOf", "anyOf", "oneOf", "prefixItems"];
const holdsSchemaTable = ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"];

const eachSubschema = function* (schema: JsonSchema): Generator<[path: string, schema: unknown]> {
  for (const key of holdsSchema) if (key in schema) yield [key, schema[key]];
  for (const key of holdsSchemaList) {
    const list = schema[key];
    if (Array.isArray(list)) for (const [index, item] of list.entries()) yield [`${key}/${index}`, item];
  }
  for (const key of holdsSchemaTable) {
    const table = schema[key];
    if (isSchema(table)) for (const [name, item] of Object.entries(table)) yield [`${key}/${name}`, item];
  }
};

/**
 * A closed copy. Objects with `properties` get `additionalProperties: false`. Parts that combine stay open and the whole
 * gets `unevaluatedProperties: false`, or the parts would exclude each other.
 *
 * Copies with descriptors, never by spread: TypeBox keeps what it needs in properties that a spread loses.
 */
export const closed = <Schema>(schema: Schema, isPart = false): Schema => {
  if (!isSchema(schema)) return schema;
  const copy = Object.create(Object.getPrototypeOf(schema), Object.getOwnPropertyDescriptors(schema)) as Record<string, unknown>;
  const combines = "allOf" in schema || ("properties" in schema && ("anyOf" in schema || "oneOf" in schema));
  const replace = (key: string, value: unknown) =>
    Object.defineProperty(copy, key, { value, enumerable: true, configurable: true, writable: true });
  for (const key of holdsSchema) if (isSchema(schema[key])) replace(key, closed(schema[key]));
  for (const key of holdsSchemaList) {
    const list = schema[key];
    if (Array.isArray(list))
      replace(
        key,
        list.map((item: unknown) => closed(item, key !== "prefixItems" && (combines || isPart))),
      );
  }
  for (const key of holdsSchemaTable) {
    const table = schema[key];
    if (isSchema(table)) replace(key, Object.fromEntries(Object.entries(table).map(([name, item]) => [name, closed(item)])));
  }
  const isStated = "additionalProperties" in schema || "unevaluatedProperties" in schema;
  if (!isStated && !isPart) {
    if (combines) replace("unevaluatedProperties", false);
    else if ("properties" in schema) replace("additionalProperties", false);
  }
  return copy as Schema;
};

const types = new Set(["string", "number", "integer", "boolean", "object", "array", "null"]);
const formats = new Set(
  (
    "date-time date duration email hostname idn-email idn-hostname ipv4 ipv6 iri iri-reference json-pointer " +
    "json-pointer-uri-fragment regex relative-json-pointer time uri uri-reference uri-template url uuid"
  ).split(" "),
);

/** What keeps `schema` from being a JSON Schema 2020-12 that can be closed soundly, as `path: cause` lines. */
export const schemaProblems = (schema: unknown, path = ""): string[] => {
  const here = path === "" ? "the schema" : path;
  if (typeof schema === "boolean") return [];
  if (!isSchema(schema)) return [`${here} is not a JSON Schema`];
  const found: string[] = [];
  const type = schema["type"];
  for (const name of Array.isArray(type) ? (type as unknown[]) : type === undefined ? [] : [type]) {
    if (typeof name !== "string" || !types.has(name))
      found.push(`${here} has the type ${JSON.stringify(name)}, which JSON does not know`);
  }
  if (Array.isArray(schema["items"]))
    found.push(
      `${here} is a Type.Tuple, which is not JSON Schema 2020-12: use Type.Unsafe({ type: "array", prefixItems: [...], items: false })`,
    );
  if (typeof schema["$ref"] === "string" && !schema["$ref"].startsWith("#") && !isLocalName(schema["$ref"]))
    found.push(`${here} refers to ${schema["$ref"]}, outside the schema`);
  if (typeof schema["format"] === "string" && !formats.has(schema["format"]))
    found.push(`${here} has the format "${schema["format"]}", which nothing checks`);
  if (typeof schema["pattern"] === "string") found.push(...patternProblems(schema["pattern"], here));
  const isObject = "properties" in schema || type === "object";
  const isStated = "additionalProperties" in schema || "unevaluatedProperties" in schema;
  const branching = ["if", "dependentSchemas", "not"].find((key) => key in schema);
  if (isObject && branching !== undefined && !isStated) {
    found.push(`${here} has "${branching}" and does not say additionalProperties itself, so it cannot be closed soundly`);
  }
  for (const [step, item] of eachSubschema(schema)) found.push(...schemaProblems(item, `${path}/${step}`));
  return found;
};

const isLocalName = (ref: string): boolean => /^[A-Za-z_][\w-]*$/.test(ref);

const patternProblems = (pattern: string, here: string): string[] => {
  try {
    new RegExp(pattern, "u");
  } catch {
    return [`${here} has a pattern that is no regular expression: ${pattern}`];
  }
  return nestsQuantifiers(pattern)
    ? [`${here} has a pattern with nested quantifiers, which can take exponential time: ${pattern}`]
    : [];
};

/** trust.md T26: a quantified group that itself contains an unbounded quantifier, `(a+)*`, or overlapping branches, `(a|a)*`. */
const nestsQuantifiers = (pattern: string): boolean => {
  const groups: { isUnbounded: boolean; hasBranches: boolean }[] = [{ isUnbounded: false, hasBranches: false }];
  const plain = pattern.replace(/\\./gu, "e").replace(/\[[^\]]*\]/gu, "c");
  for (let at = 0; at < plain.length; at++) {
    const character = plain[at];
    const top = groups.at(-1);
    if (top === undefined) return false;
    if (character === "(") groups.push({ isUnbounded: false, hasBranches: false });
    else if (character === "|") top.hasBranches = true;
    else if (character === ")") {
      groups.pop();
      const isRepeated = /^(?:[*+]|\{\d*,\d*\})/.test(plain.slice(at + 1));
      if (isRepeated && (top.isUnbounded || top.hasBranches)) return true;
      const outer = groups.at(-1);
      if (outer !== undefined && (top.isUnbounded || isRepeated)) outer.isUnbounded = true;
    } else if (character === "*" || character === "+" || (character === "{" && /^\{\d+,\}/.test(plain.slice(at))))
      top.isUnbounded = true;
  }
  return false;
};

/** Whether any field of the schema, at any depth, is marked by `secret()`. */
export const hasSecret = (schema: unknown): boolean =>
  isSchema(schema) && (isSecret(schema) || [...eachSubschema(schema)].some(([, item]) => hasSecret(item)));

/** A copy of `value` for eyes: every `secret()` field shows as `[secret]`. */
export const masked = (schema: unknown, value: unknown): unknown => {
  if (!isSchema(schema) || value === undefined) return value;
  if (isSecret(schema)) return "[secret]";
  if (!hasSecret(schema)) return value;
  const parts = ["allOf", "anyOf", "oneOf"].flatMap((key) => (Array.isArray(schema[key]) ? (schema[key] as unknown[]) : []));
  const whole = parts.reduce((seen, part) => masked(part, seen), value);
  if (Array.isArray(whole)) return whole.map((item: unknown) => masked(schema["items"], item));
  if (!isSchema(whole)) return whole;
  const properties = isSchema(schema["properties"]) ? schema["properties"] : {};
  return Object.fromEntries(Object.entries(whole).map(([key, item]) => [key, masked(properties[key], item)]));
};

/** The properties of an object schema, those of combined parts included. */
export const propertiesOf = (schema: unknown): Readonly<Record<string, JsonSchema>> => {
  if (!isSchema(schema)) return {};
  const own = isSchema(schema["properties"]) ? (schema["properties"] as Record<string, JsonSchema>) : {};
  const parts = Array.isArray(schema["allOf"]) ? (schema["allOf"] as unknown[]).map(propertiesOf) : [];
  return Object.assign({}, ...parts, own) as Record<string, JsonSchema>;
};

/** The required names of an object schema, those of combined parts included. */
export const requiredOf = (schema: unknown): readonly string[] => {
  if (!isSchema(schema)) return [];
  const own = Array.isArray(schema["required"]) ? (schema["required"] as string[]) : [];
  const parts = Array.isArray(schema["allOf"]) ? (schema["allOf"] as unknown[]).flatMap(requiredOf) : [];
  return [...new Set([...own, ...parts])];
};
