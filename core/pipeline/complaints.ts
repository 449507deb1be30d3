// Turns the errors of a failed check into sentences, the same on every surface: one for each place, with the nearest known name for
// unknown fields, and one for each union.

import type { FieldError } from "../diagnostics/errors.ts";
import { nearest, visible } from "../diagnostics/text.ts";
import { isRangeOfIntegers, rangeSentence, refinementKeyword } from "../schema/exact-numbers.ts";
import { pointerStep } from "../schema/json.ts";
import { isPlainObject, type JsonSchema, propertiesOf, referred } from "../schema/schema.ts";

/** What TypeBox reports, as far as it is read here. */
export interface SchemaError {
  readonly keyword: string;
  readonly schemaPath: string;
  readonly instancePath: string;
  readonly params: object;
}

export interface Complaint extends FieldError {
  readonly isUnknownField: boolean;
}

/** `schema` is the one that was checked against. An empty answer for a failed check is the caller's `internal`. */
export const complaintsOf = (schema: JsonSchema, errors: readonly SchemaError[]): readonly Complaint[] => {
  const found = new Map<string, Complaint>();
  for (const error of withoutBranches(withoutKeys(errors))) {
    for (const complaint of worded(schema, error)) {
      const known = found.get(complaint.path);
      const saysMore = complaint.isUnknownField || error.keyword === "const" || error.keyword === "enum"; // than a type does
      if (known === undefined || saysMore) found.set(complaint.path, complaint);
    }
  }
  // By place: the order in which a surface received the fields must not show.
  return [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1)).slice(0, maxComplaints);
};

/** Limits the answer to an input with thousands of unknown fields. */
const maxComplaints = 64;

/** A wrong key is reported at the object, without words, and at the key. The line of the key is enough. */
const withoutKeys = (errors: readonly SchemaError[]): readonly SchemaError[] =>
  errors.filter((error) => {
    const path = `${error.schemaPath}/propertyNames`;
    const isKey = (other: SchemaError) => other.schemaPath.startsWith(path) && isWithin(other.instancePath, error.instancePath);
    return error.keyword !== "propertyNames" || !errors.some(isKey);
  });

/**
 * A union reports every branch. Where exactly one branch has the right type, and the right value of the field that tells
 * the branches apart, its errors are what the caller can act on; otherwise the union's own line is.
 */
const withoutBranches = (errors: readonly SchemaError[]): readonly SchemaError[] => {
  const dropped = new Set<SchemaError>();
  for (const union of errors) {
    if (union.keyword !== "anyOf" && union.keyword !== "oneOf") continue;
    const prefix = `${union.schemaPath}/${union.keyword}/`;
    const branches = new Map<string, SchemaError[]>();
    for (const error of errors) {
      if (!error.schemaPath.startsWith(prefix) || !isWithin(error.instancePath, union.instancePath)) continue;
      const branch = error.schemaPath.slice(prefix.length).split("/", 1)[0] ?? "";
      branches.set(branch, [...(branches.get(branch) ?? []), error]);
    }
    const meant = [...branches.values()].filter((found) => !found.some((error) => isAnother(error, union.instancePath)));
    const kept = meant.length === 1 ? meant[0] : undefined;
    if (kept !== undefined) dropped.add(union);
    for (const found of branches.values()) if (found !== kept) for (const error of found) dropped.add(error);
  }
  return errors.filter((error) => !dropped.has(error));
};

const isWithin = (path: string, outer: string): boolean => path === outer || path.startsWith(`${outer}/`);

/** Whether the error says that another branch was meant: another type, or another value of a field directly in it. */
const isAnother = (error: SchemaError, path: string): boolean => {
  if (error.instancePath === path) return ["type", "const", "enum"].includes(error.keyword);
  const isOwnField = isWithin(error.instancePath, path) && !error.instancePath.slice(path.length + 1).includes("/");
  return isOwnField && error.keyword === "const";
};

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

const worded = (root: JsonSchema, error: SchemaError): readonly Complaint[] => {
  const params = error.params as Record<string, unknown>;
  const at = (message: string): readonly Complaint[] => [{ path: visible(error.instancePath), message, isUnknownField: false }];
  const limit = String(params["limit"]);
  switch (error.keyword) {
    case "type":
      return at(`must be ${listed([params["type"]].flat().map((name) => types[String(name)] ?? String(name)))}`);
    case "required":
      return names(params["requiredProperties"]).map((name) => ({
        path: visible(`${error.instancePath}/${pointerStep(name)}`),
        message: "is required",
        isUnknownField: false,
      }));
    case "additionalProperties":
    case "unevaluatedProperties": {
      const owner = schemaAt(root, error.schemaPath);
      // A schema for other fields has reported what is wrong with their values.
      if (isPlainObject(owner) && isPlainObject(owner[error.keyword])) return [];
      const known = propertiesOf(owner);
      // Where a part fails, TypeBox counts the fields of all parts as unevaluated.
      const unknown = names(params[error.keyword])
        .filter((name) => !Object.hasOwn(known, name))
        .sort()
        .slice(0, maxComplaints); // before a nearest name is looked for: that takes time for each
      return unknown.map((name) => ({
        path: visible(`${error.instancePath}/${pointerStep(name)}`),
        message: `is not a known field${suggestion(name, known)}`,
        isUnknownField: true,
      }));
    }
    case "boolean":
      // The line that names an unknown field follows, but not when there are more of them than TypeBox counts errors.
      return error.schemaPath.endsWith("/additionalProperties") ? [unknownField(root, error)] : at("is not allowed");
    case "minLength":
      return at(limit === "1" ? "must not be empty" : `must be at least ${limit} characters long`);
    case "maxLength":
      return at(`must be at most ${limit} characters long`);
    case "minimum":
    case "maximum":
      if (isRangeOfIntegers(schemaAt(root, error.schemaPath), error.keyword, params["limit"])) return at(rangeSentence);
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
      return at(`must be a valid ${String(params["format"])}`);
    case "pattern":
      return at(`must match the pattern ${String(params["pattern"])}`);
    default:
      return at(choice(schemaAt(root, error.schemaPath)));
  }
};

const unknownField = (root: JsonSchema, error: SchemaError): Complaint => {
  const known = propertiesOf(schemaAt(root, error.schemaPath.slice(0, error.schemaPath.lastIndexOf("/"))));
  const name = (error.instancePath.split("/").at(-1) ?? "").replaceAll("~1", "/").replaceAll("~0", "~");
  return { path: visible(error.instancePath), message: `is not a known field${suggestion(name, known)}`, isUnknownField: true };
};

const names = (value: unknown): readonly string[] => (Array.isArray(value) ? value.map(String) : []);

const suggestion = (name: string, known: object): string => {
  const near = nearest(name, Object.keys(known));
  return near === undefined ? "" : `; did you mean "${near}"?`;
};

/** For const, enum and unions: what would have been right. */
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

/** TypeBox writes the path as if a `$ref` were replaced by what it refers to. */
const schemaAt = (root: JsonSchema, schemaPath: string): unknown => {
  const steps = schemaPath.split("/").slice(1);
  const found = steps.reduce<unknown>((schema, encoded) => {
    const step = encoded.replaceAll("~1", "/").replaceAll("~0", "~");
    const holder = isPlainObject(schema) && !(step in schema) ? followed(root, schema) : schema;
    return holder !== null && typeof holder === "object" ? (holder as Record<string, unknown>)[step] : undefined;
  }, root);
  return followed(root, found);
};

const followed = (root: JsonSchema, schema: unknown): unknown =>
  isPlainObject(schema) && typeof schema["$ref"] === "string" ? referred(root, schema["$ref"]) : schema;
