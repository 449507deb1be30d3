// Writes one error of a schema check as a sentence. The sentence is the same on every surface. For an unknown field, the sentence
// suggests the nearest known name.

import type { FieldError } from "../diagnostics/errors.ts";
import { nearest, visible } from "../diagnostics/text.ts";
import { Check } from "../schema/compile.ts";
import { isRangeOfIntegers, rangeSentence, refinementKeyword } from "../schema/exact-numbers.ts";
import { pointerStep } from "../schema/json.ts";
import { messageMark, ownMessageOf } from "../schema/own-message.ts";
import { isPlainObject, type JsonSchema, propertiesOf, referred } from "../schema/schema.ts";

/** The part of TypeBox's errors that sentences.ts reads. */
export interface SchemaError {
  readonly keyword: string;
  readonly schemaPath: string;
  readonly instancePath: string;
  readonly params: object;
}

export interface Complaint extends FieldError {
  readonly isUnknownField: boolean;
}

/**
 * The most errors that one answer lists. The number of errors is limited, because an input may have thousands of unknown fields.
 */
export const maxComplaints = 64;

const types: Readonly<Record<string, string>> = {
  string: "a string",
  integer: "an integer",
  number: "a number",
  boolean: "true or false",
  array: "an array",
  object: "an object",
  null: "null",
};

const listed = (words: readonly string[]): string =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;

/**
 * Returns the sentences for one error of a schema check.
 *
 * @param root  The schema against which Quater checked the value.
 * @param value  The whole value that Quater checked.
 */
export const worded = (root: JsonSchema, value: unknown, error: SchemaError): readonly Complaint[] => {
  const params = error.params as Record<string, unknown>;
  const schema = partAt(root, error.schemaPath);
  const own = ownMessageOf(schema, error.keyword === refinementKeyword ? "multipleOf" : error.keyword);
  const at = (message: string): readonly Complaint[] => [
    { path: visible(error.instancePath), message: own ?? message, isUnknownField: false },
  ];
  const limit = String(params["limit"]);
  switch (error.keyword) {
    case "type":
      return at(`must be ${listed([params["type"]].flat().map((name) => types[String(name)] ?? String(name)))}`);
    case "required":
      return names(params["requiredProperties"]).map((name) => ({
        path: visible(`${error.instancePath}/${pointerStep(name)}`),
        message: ownMessageOf(propertiesOf(schema)[name], "required") ?? own ?? "is required",
        isUnknownField: false,
      }));
    case "additionalProperties":
    case "unevaluatedProperties": {
      // The schema for additional fields has already reported the errors in the values of these fields.
      if (isPlainObject(schema) && isPlainObject(schema[error.keyword])) return [];
      const known = propertiesOf(schema);
      // If one part of an intersection fails, TypeBox counts the fields of all parts as unevaluated.
      const unknown = names(params[error.keyword])
        .filter((name) => !Object.hasOwn(known, name))
        .sort()
        .slice(0, maxComplaints); // Limit the list first, because each search for the nearest name takes time.
      return unknown.map((name) => ({
        path: visible(`${error.instancePath}/${pointerStep(name)}`),
        message: own ?? `is not a known field${suggestion(name, known)}`,
        isUnknownField: true,
      }));
    }
    case "boolean":
      // TypeBox adds an error that names the unknown field, unless the input has more unknown fields than TypeBox reports errors.
      return error.schemaPath.endsWith("/additionalProperties") ? [unknownField(root, error)] : at("is not allowed");
    case "minLength":
      return at(limit === "1" ? "must not be empty" : `must be at least ${limit} characters long`);
    case "maxLength":
      return at(`must be at most ${limit} characters long`);
    case "minimum":
    case "maximum":
      if (isRangeOfIntegers(schema, error.keyword, params["limit"])) return at(rangeSentence);
      return at(`must be at ${error.keyword === "minimum" ? "least" : "most"} ${limit}`);
    case "exclusiveMinimum":
      return at(`must be more than ${limit}`);
    case "exclusiveMaximum":
      return at(`must be less than ${limit}`);
    case refinementKeyword:
      return at(String(params["message"]));
    case "minItems":
      return at(`must have at least ${limit} items`);
    case "maxItems":
      return at(`must have at most ${limit} items`);
    case "uniqueItems":
      return at("must not have the same item twice");
    case "format":
    case "pattern": {
      const rule =
        error.keyword === "format" ? `be a valid ${String(params["format"])}` : `match the pattern ${String(params["pattern"])}`;
      const lostPlus = hasLostPlus(valueAt(value, error.instancePath), { [error.keyword]: params[error.keyword] });
      return at(`must ${rule}${lostPlus ? ": in a URL, + must be sent as %2B" : ""}`);
    }
    default:
      return at(choice(schema));
  }
};

/**
 * Whether the caller may have meant `+` where a text contains spaces. A URL query writes a space as `+`, so a `+` in a URL query
 * arrives as a space.
 */
const hasLostPlus = (text: unknown, rule: JsonSchema): boolean =>
  typeof text === "string" && text.includes(" ") && Check(rule, text.replaceAll(" ", "+"));

const valueAt = (value: unknown, pointer: string): unknown =>
  stepsOf(pointer).reduce(
    (found, step) => (found === null || typeof found !== "object" ? undefined : (found as JsonSchema)[step]),
    value,
  );

const stepsOf = (pointer: string): readonly string[] =>
  pointer
    .split("/")
    .slice(1)
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));

const unknownField = (root: JsonSchema, error: SchemaError): Complaint => {
  const owner = partAt(root, error.schemaPath.slice(0, error.schemaPath.lastIndexOf("/")));
  const name = stepsOf(error.instancePath).at(-1) ?? "";
  const message = ownMessageOf(owner, "additionalProperties") ?? `is not a known field${suggestion(name, propertiesOf(owner))}`;
  return { path: visible(error.instancePath), message, isUnknownField: true };
};

const names = (value: unknown): readonly string[] => (Array.isArray(value) ? value.map(String) : []);

const suggestion = (name: string, known: object): string => {
  const near = nearest(name, Object.keys(known));
  return near === undefined ? "" : `; did you mean "${near}"?`;
};

/** Returns a text that names the allowed values of a `const`, an `enum` or a union. */
const choice = (schema: unknown): string => {
  if (!isPlainObject(schema)) return "does not match its schema";
  if ("const" in schema) return `must be ${JSON.stringify(schema["const"])}`;
  if (Array.isArray(schema["enum"])) return `must be one of ${schema["enum"].map((value) => JSON.stringify(value)).join(", ")}`;
  const branches = [schema["anyOf"], schema["oneOf"]].find(Array.isArray) as unknown[] | undefined;
  if (branches === undefined || !branches.every(isPlainObject)) return "does not match its schema";
  if (branches.every((branch) => "const" in branch))
    return `must be one of ${branches.map((branch) => JSON.stringify(branch["const"])).join(", ")}`;
  const named = branches.map((branch) => types[String(branch["type"])]);
  return named.every((name) => name !== undefined) && new Set(named).size === named.length
    ? `must be ${listed(named)}`
    : "does not match any of the allowed shapes";
};

/**
 * Returns the part of the schema that an error is about. TypeBox writes the path to this part as if each `$ref` were replaced by
 * its target. An `x-message` beside the `$ref` has precedence over an `x-message` in the target.
 */
export const partAt = (root: JsonSchema, schemaPath: string): unknown => {
  const found = stepsOf(schemaPath).reduce<unknown>((schema, step) => {
    const holder = isPlainObject(schema) && !(step in schema) ? followed(root, schema) : schema;
    return holder !== null && typeof holder === "object" ? (holder as JsonSchema)[step] : undefined;
  }, root);
  const part = followed(root, found);
  return isPlainObject(found) && messageMark in found && isPlainObject(part) && part !== found
    ? { ...part, [messageMark]: found[messageMark] }
    : part;
};

const followed = (root: JsonSchema, schema: unknown): unknown =>
  isPlainObject(schema) && typeof schema["$ref"] === "string" ? referred(root, schema["$ref"]) : schema;
