// From what a surface received to the one frozen input that policy, approval and handler see. Text is coerced by the
// schema, JSON never is; names from two places, unknown names and wrong values are refused with the same sentence on
// every surface.

import { type Coercer, coercersOf } from "./coerce.ts";
import type { Validator } from "./compile.ts";
import { complaintsOf } from "./complaints.ts";
import { type FieldError, inputInvalid, internal, type QuaterError, unknownField } from "./errors.ts";
import { pointerStep } from "./json.ts";
import { isSchema, type JsonSchema, propertiesOf } from "./schema.ts";
import { visible } from "./text.ts";

/** A part of the input as a surface received it. */
export interface Given {
  /** For messages: "path", "query", "body", "arguments", "flags". */
  readonly from: string;
  /** Text is coerced by the schema (a repeated name gives a list of texts); JSON values are taken as they are. */
  readonly isText: boolean;
  /** Taken over by the binding: completed with defaults and frozen. */
  readonly values: unknown;
}

/** @throws {QuaterError} `invalid_input` or `unknown_field`, with every place that is wrong. */
export type Binder = (given: readonly Given[]) => unknown;

/** @param schema  Closed, and the one that `validator` was compiled from. */
export const binderOf = (schema: JsonSchema, validator: Validator): Binder => {
  const coercers = coercersOf(schema);
  const fill = fillerOf(schema);
  return (given) => {
    const only = given.length === 1 ? given[0] : undefined;
    const input = only !== undefined && !only.isText ? only.values : merged(given, coercers);
    fill?.(input);
    if (!validator.Check(input)) throw mismatch(schema, validator, input);
    return frozen(input);
  };
};

/** The refusal for an input that failed its check. */
const mismatch = (schema: JsonSchema, validator: Validator, input: unknown): QuaterError => {
  const complaints = complaintsOf(schema, validator.Errors(input));
  // TypeBox can fail a check and report nothing; a refusal without a reason would be a riddle.
  if (complaints.length === 0) return internal(new Error("The check failed and reported no error"));
  const errors = complaints.map(({ path, message }) => ({ path, message }));
  return complaints.every((complaint) => complaint.isUnknownField) ? unknownField(errors) : inputInvalid(errors);
};

const merged = (given: readonly Given[], coercers: ReadonlyMap<string, Coercer>): unknown => {
  const input: Record<string, unknown> = {};
  const sources = new Map<string, string>();
  const errors: FieldError[] = [];
  for (const { from, isText, values } of given) {
    if (!isSchema(values)) throw inputInvalid([{ path: "", message: "must be an object" }]);
    for (const name in values) {
      const value = values[name];
      if (value === undefined) continue;
      const path = visible(`/${pointerStep(name)}`);
      const before = sources.get(name);
      if (before !== undefined) errors.push({ path, message: `is given in the ${before} and in the ${from}` });
      sources.set(name, from);
      const coerced = isText ? (coercers.get(name)?.(value as string | readonly string[]) ?? value) : value;
      if (isText && Array.isArray(value) && !isArrayProperty(name, coercers))
        errors.push({ path, message: "is given more than once" });
      // defineProperty: a field called __proto__ must become an unknown field, not a prototype.
      if (name === "__proto__") Object.defineProperty(input, name, { value: coerced, enumerable: true });
      else input[name] = coerced;
    }
  }
  if (errors.length > 0) throw inputInvalid(errors);
  return input;
};

// A list property makes a list of one text; everything else leaves it single.
const isArrayProperty = (name: string, coercers: ReadonlyMap<string, Coercer>): boolean =>
  coercers.has(name) && Array.isArray(coercers.get(name)?.(""));

type Filler = (value: unknown) => void;

/** Sets absent properties to their `default`. `undefined` where the schema has none, so that most inputs pay nothing. */
const fillerOf = (schema: unknown): Filler | undefined => {
  if (!isSchema(schema)) return undefined;
  const own = Object.entries(propertiesOf(schema)).flatMap(([name, property]) => {
    const fill = fillerOf(property);
    return "default" in property || fill !== undefined ? [{ name, preset: property["default"], fill }] : [];
  });
  const fillItem = fillerOf(schema["items"]);
  if (own.length === 0 && fillItem === undefined) return undefined;
  return (value) => {
    if (Array.isArray(value)) for (const item of value) fillItem?.(item);
    if (!isSchema(value)) return;
    const target = value as Record<string, unknown>;
    for (const { name, preset, fill } of own) {
      if (!Object.hasOwn(target, name) && preset !== undefined) target[name] = structuredClone(preset);
      fill?.(target[name]);
    }
  };
};

const frozen = <Value>(value: Value): Value => {
  if (value === null || typeof value !== "object") return value;
  for (const key in value) frozen(value[key]);
  return Object.freeze(value);
};
