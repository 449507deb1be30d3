// Cuts and converts the value of a handler to the `shaped()` schema of the output. The result is a new value of plain objects.
// After the conversion, Quater checks the new value like any output. A value that Quater cannot convert stays unchanged, and the
// error of the output check names the path of the unchanged value.

import { internal, type QuaterError } from "../diagnostics/errors.ts";
import { Check } from "../schema/compile.ts";
import { checkable } from "../schema/compiled-patterns.ts";
import { pointerStep } from "../schema/json.ts";
import { meantBranch, targetOf } from "../schema/kinds.ts";
import { patternOf } from "../schema/pattern.ts";
import { standingAloneOf } from "../schema/references.ts";
import { isPlainObject, type JsonSchema } from "../schema/schema.ts";

/**
 * Cuts and converts the value of a handler. @throws {QuaterError} `internal` for a value that fits several branches of a union.
 */
export type Shaper = (value: unknown) => unknown;

/**
 * @param schema  The closed schema of the output.
 * @param subject  The subject of error messages: `The output of listRows`.
 */
export const shaperOf = (schema: JsonSchema, subject: string): Shaper => {
  const shaping = new Shaping(schema, subject);
  return (value) => shaping.shape(schema, value, "");
};

class Shaping {
  readonly #root: JsonSchema;
  readonly #subject: string;
  readonly #alone: (part: JsonSchema) => JsonSchema;
  /** The closed copy of each union branch. `Shaping` checks values with these copies. */
  readonly #checked = new Map<JsonSchema, JsonSchema>();

  constructor(root: JsonSchema, subject: string) {
    this.#root = root;
    this.#subject = subject;
    this.#alone = standingAloneOf(root, checkable);
  }

  shape(written: unknown, value: unknown, path: string): unknown {
    const schema = targetOf(this.#root, written);
    const branches = branchesOf(schema);
    if (branches !== undefined && !isObject(value)) return this.#scalar(schema, branches, value, path);
    if (!isObject(value)) return converted(schema, value);
    if (value instanceof Date)
      return branches === undefined ? converted(schema, value) : this.#scalar(schema, branches, value, path);
    if (Array.isArray(value)) return this.#list(schema, value, path);
    return this.#object(schema, value as Readonly<Record<string, unknown>>, path);
  }

  /**
   * Converts a value that is not an object or list. In a union, converts the value to the type of the one branch that accepts the
   * value.
   */
  #scalar(schema: JsonSchema, branches: readonly unknown[], value: unknown, path: string): unknown {
    const isBit = value === 0 || value === 1;
    const isAsItIs = isBit && branches.some((branch) => this.#fits(targetOf(this.#root, branch), value));
    if (isAsItIs || !(isBit || typeof value === "bigint" || value instanceof Date)) return this.#isOnly(branches, value, path);
    const found = branches.map((branch) => ({ branch, made: this.shape(branch, value, path) }));
    const fitting = found.filter(({ branch, made }) => this.#fits(targetOf(this.#root, branch), made));
    if (fitting.length > 1) throw this.#ambiguous(path, fitting.length);
    return fitting.length === 1 ? fitting[0]?.made : converted(schema, value);
  }

  #isOnly(branches: readonly unknown[], value: unknown, path: string): unknown {
    const fitting = branches.filter((branch) => this.#fits(targetOf(this.#root, branch), value));
    if (fitting.length > 1) throw this.#ambiguous(path, fitting.length);
    return value;
  }

  #list(written: JsonSchema, value: readonly unknown[], path: string): unknown {
    const schema = this.#chosen(written, value, path) ?? written;
    const first = Array.isArray(schema["prefixItems"]) ? (schema["prefixItems"] as unknown[]) : [];
    return value.map((item: unknown, index) => this.shape(first[index] ?? schema["items"], item, `${path}/${index}`));
  }

  #object(schema: JsonSchema, value: Readonly<Record<string, unknown>>, path: string): unknown {
    const parts = this.#parts(schema, value, path);
    // No branch of the union fits, or the schema accepts any object. Leave the value unchanged, so that the output check reports
    // the value.
    if (parts?.some(declaresFields) !== true) return value;
    const kind = Object.prototype.toString.call(value);
    if (kind !== "[object Object]") throw this.#mismatch(path, `is ${kind.slice(1, -1)} and must be an object with fields`);
    const fields = Object.keys(value).flatMap((name): [string, unknown][] => {
      const field = value[name];
      const schemas = field === undefined ? [] : fieldSchemas(parts, name);
      if (schemas.length === 0) return [];
      return [[name, schemas.reduce((made: unknown, part) => this.shape(part, made, `${path}/${pointerStep(name)}`), field)]];
    });
    return Object.fromEntries(fields);
  }

  /** Returns the schema and all schemas that the schema combines. Each union is replaced by the branch that the value fits. */
  #parts(written: unknown, value: Readonly<Record<string, unknown>>, path: string): readonly JsonSchema[] | undefined {
    const schema = targetOf(this.#root, written);
    const found: JsonSchema[] = [schema];
    for (const part of Array.isArray(schema["allOf"]) ? (schema["allOf"] as unknown[]) : []) {
      const inside = this.#parts(part, value, path);
      if (inside === undefined) return undefined;
      found.push(...inside);
    }
    if (branchesOf(schema) === undefined) return found;
    const branch = this.#chosen(schema, value, path);
    const inside = branch === undefined ? undefined : this.#parts(branch, value, path);
    return inside === undefined ? undefined : [...found, ...inside];
  }

  /** Returns the one branch of a union that accepts the value after Quater shaped the value by this branch. */
  #chosen(schema: JsonSchema, value: object, path: string): JsonSchema | undefined {
    const branches = branchesOf(schema);
    if (branches === undefined) return undefined;
    const meant = meantBranch(this.#root, branches, value);
    if (meant !== undefined) return meant;
    const fitting = branches
      .map((branch) => targetOf(this.#root, branch))
      .filter((branch) => takes(branch, value) && this.#fits(branch, this.shape(branch, value, path)));
    if (fitting.length > 1) throw this.#ambiguous(path, fitting.length);
    return fitting[0];
  }

  #fits(branch: JsonSchema, made: unknown): boolean {
    let checked = this.#checked.get(branch);
    if (checked === undefined) {
      checked = this.#alone(branch);
      this.#checked.set(branch, checked);
    }
    return Check(checked, made);
  }

  #ambiguous(path: string, count: number): QuaterError {
    return this.#mismatch(path, `matches ${count} branches of a union and must match exactly one`);
  }

  #mismatch(path: string, words: string): QuaterError {
    return internal(new Error(`${this.#subject} does not match its schema: ${path === "" ? "the value" : path} ${words}`));
  }
}

const isObject = (value: unknown): value is object => value !== null && typeof value === "object";

const branchesOf = (schema: JsonSchema): readonly unknown[] | undefined =>
  [schema["anyOf"], schema["oneOf"]].find(Array.isArray) as unknown[] | undefined;

/**
 * Whether the value has the type of the branch. If the types differ, the value does not fit the branch, and Quater need not shape
 * the value.
 */
const takes = ({ type }: JsonSchema, value: object): boolean =>
  type === undefined || [type].flat().includes(Array.isArray(value) ? "array" : "object");

const converted = (schema: JsonSchema, value: unknown): unknown => {
  const types = [schema["type"]].flat();
  if (value instanceof Date)
    return types.includes("string") && schema["format"] === "date-time" && !Number.isNaN(value.getTime())
      ? value.toISOString()
      : value;
  // SQLite and MySQL have no booleans, so convert 0 and 1.
  if (types.length === 1 && types[0] === "boolean" && (value === 0 || value === 1 || value === 0n || value === 1n))
    return value === 1 || value === 1n;
  if (typeof value !== "bigint") return value;
  const isExact = value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER;
  if (isExact && (types.includes("integer") || types.includes("number"))) return Number(value);
  return types.includes("string") ? String(value) : value;
};

const declaresFields = (part: JsonSchema): boolean =>
  ["properties", "patternProperties", "additionalProperties", "unevaluatedProperties"].some((key) => key in part);

/** Returns the schemas that the parts of an object schema declare for one field, or an empty list for an undeclared field. */
const fieldSchemas = (parts: readonly JsonSchema[], name: string): readonly unknown[] => {
  const declared = parts.flatMap(({ properties, patternProperties }) => [
    ...(isPlainObject(properties) && Object.hasOwn(properties, name) ? [properties[name]] : []),
    ...(isPlainObject(patternProperties)
      ? Object.entries(patternProperties).flatMap(([pattern, part]) => (patternOf(pattern).test(name) ? [part] : []))
      : []),
  ]);
  if (declared.length > 0) return declared;
  const others = parts.flatMap((part) => [part["additionalProperties"], part["unevaluatedProperties"]]);
  const open = others.filter((part) => part !== undefined);
  return open.includes(false) ? [] : open;
};
