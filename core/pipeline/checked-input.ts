// The check of an input schema, in bounded time. A pattern or a recursive union can take longer than the server may stand
// still, so texts have a limit of length, all patterns of one input have a budget of time (schema/pattern-budget.ts), and
// recursion has a limit of depth.

import { type FieldError, inputInvalid, type QuaterError } from "../diagnostics/errors.ts";
import { visible } from "../diagnostics/text.ts";
import { checkOf } from "../schema/compile.ts";
import { BoundedPattern, checkable } from "../schema/compiled-patterns.ts";
import { pointerStep } from "../schema/json.ts";
import { recursionOf } from "../schema/recursion.ts";
import { eachSubschema, isPlainObject, type JsonSchema, patternTextLength, withSubschemas } from "../schema/schema.ts";
import { complainerOf } from "./complaints.ts";
import type { Complaint } from "./sentences.ts";

/** Steps that a recursive union may take, where each level of the input doubles them or worse. */
const maxRecursionSteps = 100_000;
/** The pattern of `Type.Record(Type.String(), ...)`, which any key matches at once. */
const anyKey = "^.*$";

/** Whether an input matches its schema, and what is wrong with one that does not. */
export interface InputCheck {
  /** @throws {QuaterError} `invalid_input` for a key or a text that is too long for its pattern. */
  readonly keys: ((input: unknown) => void) | undefined;
  /** @throws {QuaterError} `invalid_input` where the check would take too long. */
  readonly check: (input: unknown) => boolean;
  /** What is wrong with an input that failed. @returns `undefined` where finding the words would take too long. */
  readonly complaints: (input: unknown) => readonly Complaint[] | undefined;
}

/** @param schema  Closed. */
export const inputCheckOf = (schema: JsonSchema): InputCheck => {
  const compiled = constantsFirst(
    checkable(schema, (pattern, maxLength) =>
      maxLength === undefined ? new WatchedPattern(pattern, patternTextLength) : new LimitedPattern(pattern, maxLength),
    ),
  );
  const isRight = checkOf(compiled);
  const complain = complainerOf(compiled);
  const { branches, isAmbiguous } = recursionOf(schema);
  const longestKey = longestKeyOf(schema);
  const takesLong = (input: unknown) => branches > 1 && branches ** depthOf(input) > maxRecursionSteps;
  return {
    keys: longestKey === Number.POSITIVE_INFINITY ? undefined : (input) => checkKeys(input, longestKey, ""),
    check: (input) => {
      if (isAmbiguous && takesLong(input)) throw inputInvalid([{ path: "", message: "is nested too deep for its schema" }]);
      return isRight(input);
    },
    complaints: (input) => (takesLong(input) ? undefined : complain(input)),
  };
};

const refused = (error: FieldError): QuaterError => inputInvalid([error]);

/** A pattern that is matched against no text above its limit. */
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
        message: `has a text of more than ${this.longest} characters, which is too long for a field with a pattern`,
      });
    return super.test(text);
  }
}

/** A text longer than `maxLength` is wrong already; the check of its pattern goes on only when words are looked for. */
class LimitedPattern extends WatchedPattern {
  override test(text: string): boolean {
    return text.length <= this.longest && super.test(text);
  }
}

/** A constant field tells the branches of a union apart, so it is checked before the fields that may be deep. */
const constantsFirst = (schema: JsonSchema): JsonSchema => {
  const copy = withSubschemas(schema, constantsFirst);
  if (!isPlainObject(schema["properties"])) return copy;
  const parts = Object.entries(copy["properties"] as JsonSchema);
  const isConstant = ([, part]: [string, unknown]) => isPlainObject(part) && ("const" in part || "enum" in part);
  const value = Object.fromEntries([...parts.filter(isConstant), ...parts.filter((part) => !isConstant(part))]);
  return Object.defineProperty(copy, "properties", { value, enumerable: true, configurable: true, writable: true });
};

/** How long a key may be where an object anywhere in the schema has patterns for its keys. */
const longestKeyOf = (schema: unknown): number => {
  if (!isPlainObject(schema)) return Number.POSITIVE_INFINITY;
  const patterns = Object.keys(isPlainObject(schema["patternProperties"]) ? schema["patternProperties"] : {});
  return Math.min(
    patterns.some((pattern) => pattern !== anyKey) ? patternTextLength : Number.POSITIVE_INFINITY,
    ...[...eachSubschema(schema)].map(([, part]) => longestKeyOf(part)),
  );
};

/** The compiled check matches keys without a limit, so long keys are refused before it. */
const checkKeys = (value: unknown, longest: number, path: string): void => {
  if (value === null || typeof value !== "object") return;
  const isList = Array.isArray(value);
  for (const [key, item] of Object.entries(value)) {
    if (!isList && key.length > longest)
      throw refused({
        path: visible(`${path}/${pointerStep(key.slice(0, shownKeyLength))}`),
        message: `is a name of more than ${longest} characters`,
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
