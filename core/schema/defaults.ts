// Fills in the defaults of an input: sets absent fields to the `default` of the schema of the field.

import { patternOf } from "./pattern.ts";
import { isPlainObject, propertiesOf } from "./schema.ts";

export type Filler = (value: unknown) => void;

/** Returns a function that makes the default value of a field. The function copies default objects, because inputs are frozen. */
const presetOf = (value: unknown): (() => unknown) | undefined => {
  if (value === undefined) return undefined;
  return value !== null && typeof value === "object" ? () => structuredClone(value) : () => value;
};

/**
 * Returns a function that sets absent properties of an input to their `default`. The function also sets properties in nested
 * objects, in items of arrays and in values of records, if the caller sent these objects. The function sets no defaults inside
 * unions, because Quater does not know the right branch of the union yet. Returns `undefined` if the schema has no default, so
 * that inputs without defaults take no time.
 */
export const fillerOf = (schema: unknown): Filler | undefined => {
  if (!isPlainObject(schema)) return undefined;
  const declared = Object.entries(propertiesOf(schema));
  const own = declared.flatMap(([name, property]) => {
    const fill = fillerOf(property);
    return "default" in property || fill !== undefined ? [{ name, preset: presetOf(property["default"]), fill }] : [];
  });
  const names = new Set(declared.map(([name]) => name));
  const fillItem = fillerOf(schema["items"]);
  const records = isPlainObject(schema["patternProperties"]) ? Object.entries(schema["patternProperties"]) : [];
  const others = records.flatMap(([pattern, part]) => {
    const fill = fillerOf(part);
    return fill === undefined ? [] : [{ pattern: patternOf(pattern), fill }];
  });
  if (own.length === 0 && fillItem === undefined && others.length === 0) return undefined;
  return (value) => {
    if (Array.isArray(value)) for (const item of value) fillItem?.(item);
    if (!isPlainObject(value)) return;
    const target = value as Record<string, unknown>;
    for (const { name, preset, fill } of own) {
      if (preset !== undefined && !Object.hasOwn(target, name)) target[name] = preset();
      if (Object.hasOwn(target, name)) fill?.(target[name]);
    }
    for (const { pattern, fill } of others)
      for (const name of Object.keys(target)) if (!names.has(name) && pattern.test(name)) fill(target[name]);
  };
};
