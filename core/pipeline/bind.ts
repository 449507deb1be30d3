// Makes the one frozen input that policy, approval plugin and handler receive. Quater converts text from the path, the query or
// flags to the types in the input schema. Quater does not convert JSON values. Quater refuses a name from two sources, an unknown
// name and a wrong value with the same sentence on every surface.

import { type FieldError, inputInvalid, internal, jsonRefused, type QuaterError, unknownField } from "../diagnostics/errors.ts";
import { visible } from "../diagnostics/text.ts";
import type { GivenInput } from "../model/given-input.ts";
import { type CheckMaker, checkOf } from "../schema/compile.ts";
import { fillerOf } from "../schema/defaults.ts";
import { canonicalText } from "../schema/digest.ts";
import { type FileField, fileFieldsOf, ReceivedFile } from "../schema/file.ts";
import { isForbiddenKey, pointerStep } from "../schema/json.ts";
import { beginBudget, TakesTooLong } from "../schema/pattern-budget.ts";
import { eachSubschema, isPlainObject, type JsonSchema } from "../schema/schema.ts";
import { type InputCheck, inputCheckOf } from "./checked-input.ts";
import { type Coercer, coercersOf } from "./coerce.ts";

export { coercersOf } from "./coerce.ts";

/**
 * Makes the input of a call from the parts that the surface read. @throws {QuaterError} `invalid_input` or `unknown_field`, with
 * every wrong field of the input.
 */
export type Binder = (given: readonly GivenInput[]) => unknown;

/** Compiles the binder of a handler. @param schema  The closed input schema of the handler. */
export const binderOf = (schema: JsonSchema, makeCheck: CheckMaker = checkOf): Binder => {
  const checked = inputCheckOf(schema, makeCheck);
  const coercers = coercersOf(schema);
  const fill = fillerOf(schema);
  const sizes = sizesOf(schema);
  const files = fileFieldsOf(schema);
  return (given) => {
    const only = given.length === 1 ? given[0] : undefined;
    const input = only !== undefined && !only.isText ? only.values : merged(given, coercers);
    if (files.length > 0) checkFiles(input, files);
    beginBudget();
    try {
      checked.keys?.(input);
      fill?.(input);
      if (!checked.check(input)) throw mismatch(checked, cut(input, sizes));
    } catch (error) {
      throw error instanceof TakesTooLong ? inputInvalid([{ path: "", message: tooSlow }]) : error;
    }
    return frozen(input);
  };
};

/**
 * Returns the canonical text of an input, and the input as parsed from this canonical text, so that approvers, digest and handler
 * all get the same values.
 *
 * @param files  The names of the input fields that contain files. The canonical text contains only the description of a file. The
 * parsed input therefore gets the file object, which can read the content of the file.
 */
export const canonicalInputOf = (input: unknown, files: Iterable<string>): { readonly input: unknown; readonly text: string } => {
  const text = canonicalText(input);
  const parsed = JSON.parse(text) as Record<string, unknown>;
  for (const name of files) if (name in parsed) parsed[name] = (input as Record<string, unknown>)[name];
  return { input: frozen(parsed), text };
};

/**
 * Accepts only files that a surface received. A JSON value with the fields of a file names a content that Quater has not checked,
 * so Quater refuses this value.
 */
const checkFiles = (input: unknown, files: readonly FileField[]): void => {
  if (!isPlainObject(input)) return;
  const errors = files.flatMap(({ name, isList, most }): FieldError[] => {
    const value = input[name];
    if (value === undefined) return [];
    const path = visible(`/${pointerStep(name)}`);
    if (isList && Array.isArray(value)) {
      if (value.length > most) return [{ path, message: `must have at most ${most} files` }];
      const odd = value.findIndex((item) => !ReceivedFile.is(item));
      return odd === -1 ? [] : [{ path: `${path}/${odd}`, message: notFile }];
    }
    return ReceivedFile.is(value) ? [] : [{ path, message: notFile }];
  });
  if (errors.length > 0) throw inputInvalid(errors);
};

const notFile = "must be a file: send it as multipart/form-data, or at the terminal write @ followed by the path of the file";

const tooSlow = "takes too long to match against its patterns: send fewer or shorter strings";

/**
 * Returns the refusal of an input that failed the schema check. @param looked  The input, cut to the size in which Quater
 * searches for errors.
 */
const mismatch = (checked: InputCheck, looked: unknown): QuaterError => {
  const complaints = checked.complaints(looked);
  const isCutAway = complaints?.length === 0 && checked.check(looked); // Whether all errors were in the parts that `cut` removed.
  if (complaints === undefined || isCutAway) return inputInvalid([{ path: "", message: "does not match its schema" }]);
  // TypeBox can fail a check without reporting an error. If TypeBox reports no error, the refusal of the input has a general
  // text.
  if (complaints.length === 0) return internal(new Error("The schema check of the input failed without an error"));
  const fields = complaints.map(({ path, message }) => ({ path, message }));
  return complaints.every((complaint) => complaint.isUnknownField) ? unknownField(fields) : inputInvalid(fields);
};

interface Sizes {
  readonly text: number;
  readonly list: number;
}

/**
 * Returns sizes that are one larger than the largest limits of the schema. A value that is longer than such a size is still wrong
 * in the same way after `cut` shortens the value to the size.
 */
const sizesOf = (schema: unknown): Sizes => {
  const own = isPlainObject(schema) ? schema : {};
  const parts = isPlainObject(schema) ? [...eachSubschema(schema)].map(([, part]) => sizesOf(part)) : [];
  const most = (...limits: unknown[]) =>
    Math.max(1_000, ...limits.filter((limit) => typeof limit === "number").map((limit) => limit + 1));
  return {
    text: most(own["maxLength"], own["minLength"], ...parts.map(({ text }) => text)),
    list: most(own["maxItems"], own["minItems"], ...parts.map(({ list }) => list)),
  };
};

/**
 * Cuts long values of an input before Quater searches for the errors of the input, because TypeBox tests patterns and compares
 * items even in values that are too long (threat T26).
 */
const cut = (value: unknown, sizes: Sizes): unknown => {
  if (typeof value === "string") return value.slice(0, 2 * sizes.text); // A limit counts characters of at most two units.
  if (Array.isArray(value)) return value.slice(0, sizes.list).map((item) => cut(item, sizes));
  return isPlainObject(value) ? Object.fromEntries(Object.entries(value).map(([name, item]) => [name, cut(item, sizes)])) : value;
};

const merged = (given: readonly GivenInput[], coercers: ReadonlyMap<string, Coercer>): unknown => {
  const input: Record<string, unknown> = {};
  let errors: FieldError[] | undefined;
  const refuse = (name: string, message: string) => {
    errors ??= [];
    errors.push({ path: visible(`/${pointerStep(name)}`), message });
  };
  for (const { from, isText, values } of given) {
    if (!isPlainObject(values)) throw inputInvalid([{ path: "", message: "must be an object" }]);
    for (const name of Object.keys(values)) {
      const value = values[name];
      if (value === undefined) continue;
      // The JSON parser already checked JSON input for forbidden keys. Check text input for forbidden keys as well, because a
      // record schema accepts any name (threat T10).
      if (isText && isForbiddenKey(name))
        throw jsonRefused("json_forbidden_key", visible(`/${pointerStep(name)}`), "is not allowed as a key");
      if (Object.hasOwn(input, name))
        refuse(name, `is given twice, in the ${firstSource(given, name)} and in the ${from}: send it once`);
      const coercer = isText ? coercers.get(name) : undefined;
      // A repeated name of a field is ambiguous, so Quater refuses the input. The schema check refuses unknown names.
      if (coercer?.takesList === false && Array.isArray(value)) refuse(name, "is given more than once");
      assign(input, name, coercer === undefined ? value : coercer.coerce(value));
    }
  }
  if (errors !== undefined) throw inputInvalid(errors);
  return input;
};

const firstSource = (given: readonly GivenInput[], name: string): string | undefined =>
  given.find(({ values }) => isPlainObject(values) && Object.hasOwn(values, name) && values[name] !== undefined)?.from;

/**
 * Defines the field of the input instead of assigning the field, so that a field called `__proto__` becomes an unknown field and
 * not a prototype.
 */
const assign = (target: Record<string, unknown>, name: string, value: unknown): void => {
  if (name !== "__proto__") target[name] = value;
  else Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true });
};

/**
 * Freezes an input and all values in the input. Changes the input to the form of its canonical text, which has no `-0` and no
 * field that is `undefined`.
 */
const frozen = <Value>(value: Value): Value => {
  if (value === null || typeof value !== "object") return value;
  const fields = value as Record<string, unknown>;
  for (const key in fields) {
    const field = fields[key];
    if (field === undefined && !Array.isArray(value)) delete fields[key];
    else if (Object.is(field, -0)) fields[key] = 0;
    else frozen(field);
  }
  return Object.freeze(value);
};
