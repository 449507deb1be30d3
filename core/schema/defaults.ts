// The defaults of an input: which absent fields are set, and to which value.

import { patternOf } from "./pattern.ts";
import { isPlainObject, propertiesOf } from "./schema.ts";

export type Filler = (value: unknown) => void;

/** Copies objects, because inputs are frozen. */
const presetOf = (value: unknown): (() => unknown) | undefined => {
  if (value === undefined) return undefined;
  return value !== null && typeof value === "object" ? () => structuredClone(value) : () => value;
};

/**
 * Sets absent properties to their `default`, in nested objects, items of arrays and values of records that are there.
 * Defaults inside unions are not set: which branch is meant is not known yet. `undefined` where the schema has none, so
 * that most inputs pay nothing.
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
