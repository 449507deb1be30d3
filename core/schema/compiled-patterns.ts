// Prepares schemas for TypeBox's compiler. TypeBox matches patterns on JavaScript's engine, where the match of a short text can
// take hours. So `checkable` replaces each pattern by an object that matches in limited time. `checkable` also replaces rules for
// numbers by exact rules.

import { useExactNumbers } from "./exact-numbers.ts";
import { patternOf } from "./pattern.ts";
import { isPlainObject, type JsonSchema, withSubschemas } from "./schema.ts";

/** A pattern that matches in limited time. `BoundedPattern` extends RegExp, because TypeBox calls only RegExp objects. */
export class BoundedPattern extends RegExp {
  readonly #written: string;
  readonly #matches: (text: string) => boolean;

  constructor(written: string) {
    super(written, "u");
    this.#written = written;
    this.#matches = patternOf(written).test;
  }

  /**
   * Returns whether the text matches the pattern. @throws {TakesTooLong} when the time budget of the input or output is used up.
   */
  override test(text: string): boolean {
    return this.#matches(text);
  }

  /** Returns the pattern's text for error messages. */
  override toString(): string {
    return this.#written;
  }
}

type MakePattern = (written: string, maxLength?: number) => BoundedPattern;

const bounded: MakePattern = (written) => new BoundedPattern(written);

/**
 * Returns a copy of the schema for TypeBox's checks. The patterns in the copy are objects and not texts, so other code that reads
 * JSON Schema cannot use the copy. Interpreted checks need the copy as well, so that interpreted checks give the same result as
 * compiled checks.
 *
 * @param schema  A closed schema without boot problems.
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
  // TypeBox accepts patterns of keys only as texts. For a record with one pattern, `propertyNames` with `additionalProperties`
  // has the same effect, and `propertyNames` accepts a pattern object.
  const values = (copy["patternProperties"] as JsonSchema)[slow];
  replace("propertyNames", { pattern: make(slow) });
  replace("additionalProperties", values);
  const { "~kind": _record, patternProperties: _patterns, ...others } = Object.getOwnPropertyDescriptors(copy);
  return Object.defineProperties({}, others);
};

/**
 * Returns a copy for checks of values that the project itself writes, such as options. The patterns in this copy run on
 * JavaScript's engine, because the author of a project does not attack the project. Loading the two packages for matching in
 * limited time would add 20 ms to a start.
 *
 * @param schema  A closed schema without boot problems.
 */
export const checkableAtBoot = (schema: JsonSchema): JsonSchema => {
  const copy = withSubschemas(schema, checkableAtBoot);
  useExactNumbers(copy);
  return copy;
};

/** Returns the patterns of object keys that must not run on JavaScript's engine. */
export const slowKeyPatternsOf = (schema: JsonSchema): readonly string[] => {
  const { patternProperties } = schema;
  return isPlainObject(patternProperties) ? Object.keys(patternProperties).filter((pattern) => !patternOf(pattern).isNative) : [];
};

/** Whether the schema consists only of one pattern that all keys must match. `Type.Record` makes such schemas. */
export const isPlainRecord = (schema: JsonSchema): boolean =>
  Object.keys(schema["patternProperties"] as JsonSchema).length === 1 &&
  schema["additionalProperties"] === false &&
  !["properties", "propertyNames", "unevaluatedProperties"].some((keyword) => keyword in schema);
