// Checks an input against its schema in limited time, because a slow pattern or a recursive union could block the server. Texts
// have a maximum length. All patterns of one input share a time budget (schema/pattern-budget.ts). Recursion has a maximum depth.

import { type FieldError, inputInvalid, type QuaterError } from "../diagnostics/errors.ts";
import { visible } from "../diagnostics/text.ts";
import type { CheckMaker } from "../schema/compile.ts";
import { BoundedPattern, checkable } from "../schema/compiled-patterns.ts";
import { pointerStep } from "../schema/json.ts";
import { recursionOf } from "../schema/recursion.ts";
import { eachSubschema, isPlainObject, type JsonSchema, patternTextLength, withSubschemas } from "../schema/schema.ts";
import { complainerOf } from "./complaints.ts";
import type { Complaint } from "./sentences.ts";

/**
 * The most steps that the check of an input with a recursive union may need. Each level of the input at least doubles the number
 * of steps.
 */
const maxRecursionSteps = 100_000;
/** The pattern of `Type.Record(Type.String(), ...)`, which matches every key. */
const anyKey = "^.*$";

/** Checks whether an input matches its schema, and finds the errors of an input that does not match. */
export interface InputCheck {
  /**
   * Checks the lengths of the input's keys. @throws {QuaterError} `invalid_input` for a key that is too long, or a text that is
   * too long for its pattern.
   */
  readonly keys: ((input: unknown) => void) | undefined;
  /**
   * Returns whether the input matches its schema. @throws {QuaterError} `invalid_input` when the check of the input would take
   * too long.
   */
  readonly check: (input: unknown) => boolean;
  /**
   * Returns the errors of an input that failed the check. @returns The errors, or `undefined` when finding the errors would take
   * too long.
   */
  readonly complaints: (input: unknown) => readonly Complaint[] | undefined;
}

/** @param schema  The closed input schema of a handler. */
export const inputCheckOf = (schema: JsonSchema, makeCheck: CheckMaker): InputCheck => {
  const compiled = constantsFirst(
    checkable(schema, (pattern, maxLength) =>
      maxLength === undefined ? new WatchedPattern(pattern, patternTextLength) : new LimitedPattern(pattern, maxLength),
    ),
  );
  const isRight = makeCheck(compiled);
  const complain = complainerOf(compiled);
  const { branches, isAmbiguous } = recursionOf(schema);
  const longestKey = longestKeyOf(schema);
  const takesLong = (input: unknown) => branches > 1 && branches ** depthOf(input) > maxRecursionSteps;
  return {
    keys: longestKey === Number.POSITIVE_INFINITY ? undefined : (input) => checkKeys(input, longestKey, ""),
    check: (input) => {
      if (isAmbiguous && takesLong(input)) throw inputInvalid([{ path: "", message: "is nested too deeply for its schema" }]);
      return isRight(input);
    },
    complaints: (input) => (takesLong(input) ? undefined : complain(input)),
  };
};

const refused = (error: FieldError): QuaterError => inputInvalid([error]);

/** A pattern that refuses a text above the length limit of the pattern without matching the text. */
class WatchedPattern extends BoundedPattern {
  readonly longest: number;

  constructor(written: string, longest: number) {
    super(written);
    this.longest = longest;
  }

  override test(text: string): boolean {
    if (text.length > this.longest)
      throw refused({
        path: "",
        message: `has a string of more than ${this.longest} characters, which is too long for a field with a pattern`,
      });
    return super.test(text);
  }
}

/**
 * A pattern of a text schema with `maxLength`. A text above `maxLength` fails the schema check anyway. Quater therefore matches
 * the pattern with a text above `maxLength` only to find the errors of the input.
 */
class LimitedPattern extends WatchedPattern {
  override test(text: string): boolean {
    return text.length <= this.longest && super.test(text);
  }
}

/**
 * Moves constant fields of an object schema to the front, so that Quater checks constant fields before fields that may be deep.
 * The values of constant fields distinguish the branches of a union.
 */
const constantsFirst = (schema: JsonSchema): JsonSchema => {
  const copy = withSubschemas(schema, constantsFirst);
  if (!isPlainObject(schema["properties"])) return copy;
  const parts = Object.entries(copy["properties"] as JsonSchema);
  const isConstant = ([, part]: [string, unknown]) => isPlainObject(part) && ("const" in part || "enum" in part);
  const value = Object.fromEntries([...parts.filter(isConstant), ...parts.filter((part) => !isConstant(part))]);
  return Object.defineProperty(copy, "properties", { value, enumerable: true, configurable: true, writable: true });
};

/** Returns the maximum length of a key, if any object in the schema has patterns for its keys. */
const longestKeyOf = (schema: unknown): number => {
  if (!isPlainObject(schema)) return Number.POSITIVE_INFINITY;
  const patterns = Object.keys(isPlainObject(schema["patternProperties"]) ? schema["patternProperties"] : {});
  return Math.min(
    patterns.some((pattern) => pattern !== anyKey) ? patternTextLength : Number.POSITIVE_INFINITY,
    ...[...eachSubschema(schema)].map(([, part]) => longestKeyOf(part)),
  );
};

/**
 * Refuses long keys of an input before the compiled check runs, because the compiled check matches patterns with keys of any
 * length.
 */
const checkKeys = (value: unknown, longest: number, path: string): void => {
  if (value === null || typeof value !== "object") return;
  const isList = Array.isArray(value);
  for (const [key, item] of Object.entries(value)) {
    if (!isList && key.length > longest)
      throw refused({
        path: visible(`${path}/${pointerStep(key.slice(0, shownKeyLength))}`),
        message: `has a field name of more than ${longest} characters`,
      });
    if (item !== null && typeof item === "object") checkKeys(item, longest, `${path}/${pointerStep(key)}`);
  }
};

const shownKeyLength = 40;

const depthOf = (value: unknown): number => {
  if (value === null || typeof value !== "object") return 0;
  let deepest = 0;
  for (const item of Object.values(value)) deepest = Math.max(deepest, depthOf(item));
  return deepest + 1;
};
