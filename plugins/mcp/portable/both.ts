// Merges schemas that apply to the same value, such as the parts of an `allOf`. The merged schema accepts every value that all
// parts accept. If one schema cannot express the rules of all parts, the merged schema also accepts other values.

import { canonicalText } from "../../../core/schema/digest.ts";
import { isPlainObject, type JsonSchema } from "../../../core/schema/schema.ts";

/**
 * Marks a merged schema that must not restrict undeclared fields, because a part of the schema that Quater has dropped may
 * declare further fields.
 */
export const openMark = "~open";

type Combine = (one: unknown, other: unknown) => unknown;

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [value]);

const commonTypes: Combine = (one, other) => {
  const types = list(other);
  const accepts = (type: unknown) => types.includes(type) || (type === "integer" && types.includes("number"));
  const common = list(one).filter(accepts);
  const isNumber = list(one).includes("number") && !common.includes("number") && types.includes("integer");
  return isNumber && !common.includes("integer") ? [...common, "integer"] : common;
};

const commonValues: Combine = (one, other) => {
  const texts = new Set(list(other).map(textOf));
  return list(one).filter((value) => texts.has(textOf(value)));
};

const textOf = (value: unknown): string => {
  try {
    return canonicalText(value);
  } catch {
    return JSON.stringify(value) ?? "";
  }
};

const bothParts: Combine = (one, other) => {
  if (one === false || other === false) return false;
  return one === true ? other : other === true ? one : { allOf: [one, other] };
};

const table: Combine = (one, other) => {
  const [a, b] = [one, other] as readonly [JsonSchema, JsonSchema];
  const shared = Object.entries(b).map(([name, part]) => [name, Object.hasOwn(a, name) ? bothParts(a[name], part) : part]);
  return { ...a, ...Object.fromEntries(shared) };
};

const branches: Combine = (one, other) => list(one).map((branch) => ({ allOf: [branch, { anyOf: other }] }));

const largest: Combine = (one, other) => Math.max(Number(one), Number(other));
const smallest: Combine = (one, other) => Math.min(Number(one), Number(other));

const combine: Readonly<Record<string, Combine>> = {
  type: commonTypes,
  enum: commonValues,
  properties: table,
  patternProperties: table,
  additionalProperties: bothParts,
  unevaluatedProperties: bothParts,
  items: bothParts,
  anyOf: branches,
  required: (one, other) => [...new Set([...list(one), ...list(other)])],
  minimum: largest,
  exclusiveMinimum: largest,
  minLength: largest,
  minItems: largest,
  minProperties: largest,
  maximum: smallest,
  exclusiveMaximum: smallest,
  maxLength: smallest,
  maxItems: smallest,
  maxProperties: smallest,
};

/**
 * Merges two schemas without `$ref`, `allOf`, `oneOf` and `const`. If both schemas have an annotation, the merged schema has the
 * annotation of the first schema.
 */
export const both = (one: JsonSchema, other: JsonSchema): JsonSchema => {
  const merged: Record<string, unknown> = { ...one };
  const hasPrefix = "prefixItems" in one || "prefixItems" in other;
  const hasItems = "items" in one || "prefixItems" in one;
  for (const [key, value] of Object.entries(other)) {
    if (hasPrefix && hasItems && (key === "items" || key === "prefixItems")) continue;
    merged[key] = key in merged ? (combine[key]?.(merged[key], value) ?? merged[key]) : value;
  }
  return merged;
};

const unions = ["oneOf", "anyOf"] as const;
/** The keywords that declare further fields only for some values. */
const conditional = ["if", "then", "else", "dependentSchemas"] as const;

/**
 * Returns the schema with `enum` instead of `const` and `anyOf` instead of `oneOf`, and without the keywords in `conditional`.
 */
export const simplified = (schema: JsonSchema): JsonSchema => {
  const copy: Record<string, unknown> = { ...schema };
  if ("const" in copy) {
    const constant = [copy["const"]];
    copy["enum"] = "enum" in copy ? commonValues(copy["enum"], constant) : constant;
    delete copy["const"];
  }
  const [one, any] = unions.map((key) => copy[key]);
  delete copy["oneOf"];
  if (Array.isArray(one)) copy["anyOf"] = Array.isArray(any) ? branches(any, one) : one;
  if (conditional.some((key) => key in copy)) copy[openMark] = true;
  for (const key of conditional) delete copy[key];
  if (isNever(copy["not"])) return { enum: [] };
  return copy;
};

/** Whether the schema of a `not` accepts every value, so that the `not` accepts no value. */
const isNever = (not: unknown): boolean => not === true || (isPlainObject(not) && Object.keys(not).length === 0);
