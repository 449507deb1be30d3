// Schemas as the compiler of checks gets them. TypeBox matches patterns on JavaScript's engine, where a short text can take
// hours. So each pattern is replaced by an object that matches in bounded time. Rules for numbers are replaced by exact ones.

import { useExactNumbers } from "./exact-numbers.ts";
import { patternOf } from "./pattern.ts";
import { isPlainObject, type JsonSchema, withSubschemas } from "./schema.ts";

/** A pattern that TypeBox takes for a RegExp. */
export class BoundedPattern extends RegExp {
  readonly #written: string;
  readonly #matches: (text: string) => boolean;

  constructor(written: string) {
    super(written, "u");
    this.#written = written;
    this.#matches = patternOf(written).test;
  }

  /** @throws {TakesTooLong} */
  override test(text: string): boolean {
    return this.#matches(text);
  }

  /** For messages. */
  override toString(): string {
    return this.#written;
  }
}

type MakePattern = (written: string, maxLength?: number) => BoundedPattern;

const bounded: MakePattern = (written) => new BoundedPattern(written);

/**
 * Returns a copy for the compiler. Its patterns are objects and not texts, so other code that reads JSON Schema cannot use it.
 * Also the copy for checks that are not compiled: both must come to one verdict.
 *
 * @param schema  Closed, and without problems.
 */
export const checkable = (schema: JsonSchema, make: MakePattern = bounded): JsonSchema => {
  const copy = withSubschemas(schema, (part) => checkable(part, make));
  useExactNumbers(copy);
  const replace = (key: string, value: unknown) =>
    Object.defineProperty(copy, key, { value, enumerable: true, configurable: true, writable: true });
  const { pattern, maxLength } = schema;
  if (typeof pattern === "string") replace("pattern", make(pattern, typeof maxLength === "number" ? maxLength : undefined));
  const [slow] = slowKeyPatternsOf(schema);
  if (slow === undefined) return copy;
  // The compiler takes patterns of keys as texts only. For a record with one pattern, `propertyNames` and
  // `additionalProperties` mean the same, and `propertyNames` takes our pattern.
  const values = (copy["patternProperties"] as JsonSchema)[slow];
  replace("propertyNames", { pattern: make(slow) });
  replace("additionalProperties", values);
  const { "~kind": _record, patternProperties: _patterns, ...others } = Object.getOwnPropertyDescriptors(copy);
  return Object.defineProperties({}, others);
};

/**
 * Returns a copy for checks of values that the project writes, such as options. The project does not attack itself, so its patterns
 * run on JavaScript's engine. To read one pattern and match it in bounded time takes up to 20 ms of a start, to load the two packages.
 *
 * @param schema  Closed, and without problems.
 */
export const checkableAtBoot = (schema: JsonSchema): JsonSchema => {
  const copy = withSubschemas(schema, checkableAtBoot);
  useExactNumbers(copy);
  return copy;
};

/** Patterns of keys that must not run on JavaScript's engine. */
export const slowKeyPatternsOf = (schema: JsonSchema): readonly string[] => {
  const { patternProperties } = schema;
  return isPlainObject(patternProperties) ? Object.keys(patternProperties).filter((pattern) => !patternOf(pattern).isNative) : [];
};

/** Whether the schema says no more about keys than one pattern that all of them match, as `Type.Record` does. */
export const isPlainRecord = (schema: JsonSchema): boolean =>
  Object.keys(schema["patternProperties"] as JsonSchema).length === 1 &&
  schema["additionalProperties"] === false &&
  !["properties", "propertyNames", "unevaluatedProperties"].some((keyword) => keyword in schema);
