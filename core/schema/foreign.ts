// Converts schemas of other libraries. Quater uses two shared interfaces: Standard JSON Schema describes the values of a schema,
// and Standard Schema checks a value. Quater binds and checks values by the JSON Schema. After Quater's check, the check of the
// other library runs. The check of the other library may refuse a value, but may not change the value.

import { type FieldError, inputInvalid, internal, type QuaterError } from "../diagnostics/errors.ts";
import type { CauseAndRemedy } from "../diagnostics/problem.ts";
import { visible } from "../diagnostics/text.ts";
import { canonicalText } from "./digest.ts";
import { pointerStep } from "./json.ts";
import type { TSchema } from "./typebox.ts";

interface Issue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}
type Result = { readonly value?: unknown; readonly issues?: readonly Issue[] | undefined };
type Converter = (options: { readonly target: "draft-2020-12" }) => Record<string, unknown>;

/** A schema of Zod, ArkType, Valibot or another library with Standard JSON Schema. */
export interface ForeignSchema<Input = unknown, Output = unknown> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

interface Standard {
  readonly vendor: string;
  readonly validate?: (value: unknown) => Result | Promise<Result>;
  readonly jsonSchema?: { readonly input: Converter; readonly output: Converter };
}

const standardOf = (given: unknown): Standard | undefined =>
  given !== null && (typeof given === "object" || typeof given === "function")
    ? (given as { readonly "~standard"?: Standard })["~standard"]
    : undefined;

interface Foreign {
  readonly vendor: string;
  readonly validate: Standard["validate"];
  /** Why Quater cannot convert the schema to JSON Schema. */
  readonly problem?: CauseAndRemedy;
}

const mark = "~foreign";

const marked = (schema: object, foreign: Foreign): TSchema =>
  // The mark is not enumerable, because `~foreign` is not a keyword of JSON Schema.
  Object.defineProperty({ ...schema }, mark, { value: foreign }) as TSchema;

const foreignOf = (schema: unknown): Foreign | undefined => (schema as Readonly<Record<string, Foreign>> | undefined)?.[mark];

/**
 * Returns the JSON Schema of a schema of another library. Returns all other values unchanged. Boot reports a schema that Quater
 * cannot convert, by `foreignProblem`.
 */
export const fromForeign = (given: unknown, of: "input" | "output"): TSchema => {
  const standard = standardOf(given);
  if (standard === undefined) return given as TSchema;
  const { vendor, validate, jsonSchema } = standard;
  if (typeof jsonSchema?.[of] !== "function") return marked({}, { vendor, validate, problem: missingProblem(vendor) });
  try {
    return marked(jsonSchema[of]({ target: "draft-2020-12" }), { vendor, validate });
  } catch (error) {
    const cause = `is a schema of ${vendor} that cannot be converted to JSON Schema: ${error instanceof Error ? error.message : String(error)}`;
    return marked(
      {},
      { vendor, validate, problem: { cause, remedy: "Use types that JSON has, such as strings instead of dates" } },
    );
  }
};

const missingProblem = (vendor: string): CauseAndRemedy => ({
  cause: `is a schema of ${vendor} that does not support Standard JSON Schema`,
  remedy:
    remedies[vendor] ??
    `Update ${vendor} to a version that supports Standard JSON Schema, or write the schema with Type from quater`,
});

const remedies: Readonly<Record<string, string>> = {
  zod: "Update to Zod 4.2 or later, or write the schema with Type from quater",
  arktype: "Update to ArkType 2.1.28 or later, or write the schema with Type from quater",
  valibot: "Wrap the schema: toStandardJsonSchema(schema), from @valibot/to-json-schema",
};

/** Returns why Quater cannot use a schema of another library. Returns `undefined` for a usable schema. */
export const foreignProblem = (schema: unknown): CauseAndRemedy | undefined => {
  const inside = standardOf(schema);
  if (inside === undefined) return foreignOf(schema)?.problem;
  return {
    cause: `is a schema of ${inside.vendor} inside a schema of another library`,
    remedy: `Write the whole schema with ${inside.vendor}, or with Type from quater`,
  };
};

/**
 * Checks a value by the rules of the library that made the schema. Returns nothing, or a promise of nothing. @throws
 * {QuaterError}
 */
export type Refinement = (value: unknown) => void | Promise<void>;

/**
 * Returns the check of a schema by the library that made the schema. Returns `undefined` for a schema of Quater.
 *
 * @param schema  A result of `fromForeign`.
 * @param subject  The subject of log messages: `The input of createOrder`.
 */
export const refinementOf = (schema: unknown, subject: string, of: "input" | "output"): Refinement | undefined => {
  const foreign = foreignOf(schema);
  const { validate, vendor } = foreign ?? {};
  if (validate === undefined) return undefined;
  const judge = (value: unknown, { value: refined, issues }: Result): void => {
    if (issues !== undefined && issues.length > 0) throw refusal(issues.map(fieldErrorOf), subject, of);
    if (isSame(value, refined)) return;
    const remedy =
      "Remove the transform, and convert the value in the handler. A schema must not change a value, because approvers see the value before the change";
    throw internal(new Error(`${subject} was changed by its schema of ${vendor}. ${remedy}`));
  };
  return (value) => {
    const result = validate(value);
    if (result instanceof Promise) return result.then((settled) => judge(value, settled));
    judge(value, result);
  };
};

const refusal = (errors: readonly FieldError[], subject: string, of: "input" | "output"): QuaterError => {
  if (of === "input") return inputInvalid(errors);
  const [first] = errors;
  return internal(new Error(`${subject} does not match its schema: ${first?.path || "the value"} ${first?.message}`));
};

const fieldErrorOf = ({ message, path = [] }: Issue): FieldError => ({
  path: path.map((step) => `/${pointerStep(String(typeof step === "object" ? step.key : step))}`).join(""),
  message: visible(message),
});

const isSame = (bound: unknown, refined: unknown): boolean => {
  try {
    return canonicalText(bound) === canonicalText(withoutAbsent(refined));
  } catch {
    return false; // An instance of a class, such as a Date, is not JSON.
  }
};

/** Removes fields that are `undefined`, because JSON has no `undefined`. */
const withoutAbsent = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withoutAbsent);
  if (value === null || typeof value !== "object" || ![Object.prototype, null].includes(Object.getPrototypeOf(value)))
    return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, field]) => (field === undefined ? [] : [[name, withoutAbsent(field)]])),
  );
};
