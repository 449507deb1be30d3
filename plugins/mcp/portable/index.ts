// Makes schemas that all major model providers accept. If a provider refuses the schema of one tool, the provider refuses the
// whole request to the model, so one schema can make all tools of a server unusable. The portable schema accepts every value that
// the schema of the handler accepts. If providers support no keyword for a rule, the portable schema also accepts other values.
// Binding always checks the input with the whole schema of the handler.

import { isPlainObject, type JsonSchema } from "../../../core/schema/schema.ts";
import { both, openMark, simplified } from "./both.ts";
import { isPortableFormat, isPortablePattern, notesOnList, notesOnNumber, notesOnObject, notesOnText } from "./notes.ts";
import type { Plain } from "./plain.ts";
import { annotated, joined, oneObject, split } from "./unions.ts";

/** The error for a schema with so many combinations of branches that the portable schema would be too large. */
export class TooManyCombinations extends Error {}

/** The most schemas that Quater visits to make the portable schema of one tool. */
const mostVisits = 20_000;

/** @throws {TooManyCombinations} */
export const portable = ({ root, definitions }: Plain): Plain => new Porter(definitions).root(root);

const allTypes = ["string", "number", "boolean", "null", "array", "object"];
/**
 * The definitions that Quater is currently writing in place of their references. A second reference to such a definition stays a
 * reference.
 */
type Inlined = ReadonlySet<string>;
const none: Inlined = new Set();

const isObject = (schema: JsonSchema): boolean => schema["type"] === "object";
const nameIn = (ref: unknown): string => String(ref).slice("#/$defs/".length);
const kept = (schema: JsonSchema, keys: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(keys.flatMap((key) => (schema[key] === undefined ? [] : [[key, schema[key]]])));

class Porter {
  readonly #given: Plain["definitions"];
  readonly #made: Record<string, JsonSchema> = {};
  #visits = 0;

  constructor(given: Plain["definitions"]) {
    this.#given = given;
  }

  root(given: JsonSchema): Plain {
    const made = this.#port(given, none) ?? {};
    const { annotations, rules } = split(made);
    const objects = this.#leavesOf(rules).filter(isObject);
    const root =
      objects.length === 1 ? { ...objects[0], ...annotations } : annotated(oneObject(objects, this.#join), annotations);
    return { root, definitions: this.#used(root) };
  }

  /**
   * Returns the branches of a portable schema. This function follows references and unions. A reference to a definition that
   * Quater has not finished yet stays a reference.
   */
  #leavesOf(schema: JsonSchema): JsonSchema[] {
    const made = "$ref" in schema ? this.#made[nameIn(schema["$ref"])] : undefined;
    if (made !== undefined && Object.keys(made).length > 0) return this.#leavesOf(made);
    const branches = schema["anyOf"] as JsonSchema[] | undefined;
    return branches === undefined ? [schema] : branches.flatMap((branch) => this.#leavesOf(branch));
  }

  /**
   * Returns the definitions to which the root schema refers. After Quater has merged schemas, no reference may lead to some
   * definitions.
   */
  #used(root: JsonSchema): Plain["definitions"] {
    const used: Record<string, JsonSchema> = {};
    const look = (part: unknown): void => {
      if (part === null || typeof part !== "object") return;
      const { $ref } = part as JsonSchema;
      const name = nameIn($ref);
      if (typeof $ref === "string" && !Object.hasOwn(used, name)) {
        used[name] = this.#made[name] ?? {};
        look(used[name]);
      }
      for (const inner of Object.values(part)) look(inner);
    };
    look(root);
    return used;
  }

  readonly #join = (schemas: readonly JsonSchema[]): JsonSchema =>
    schemas.some((schema) => Object.keys(schema).length === 0) ? this.#any() : (joined(schemas) ?? this.#any());

  /** Returns a schema that accepts any JSON value. Gemini refuses a schema without a type. */
  #any(): JsonSchema {
    this.#made["Json"] ??= { anyOf: this.#anyBranches() };
    return { $ref: "#/$defs/Json" };
  }

  #anyBranches(): JsonSchema[] {
    const scalars = ["string", "number", "boolean", "null"].map((type) => ({ type }));
    const list = { type: "array", items: { $ref: "#/$defs/Json" } };
    return [...scalars, list, { type: "object", properties: {}, additionalProperties: true }];
  }

  #reference(name: string): JsonSchema {
    if (!Object.hasOwn(this.#made, name)) {
      this.#made[name] = {}; // Set the definition before its parts, because the parts may refer to the definition.
      this.#made[name] = this.#port(this.#given[name], none) ?? this.#any();
    }
    return { $ref: `#/$defs/${name}` };
  }

  #count(): void {
    if (++this.#visits > mostVisits) throw new TooManyCombinations();
  }

  /** Returns the portable schema of a schema, or `undefined` if the schema accepts no value. */
  #port(given: unknown, inlined: Inlined): JsonSchema | undefined {
    this.#count();
    if (given === false) return undefined;
    if (!isPlainObject(given)) return this.#any();
    const { annotations, rules } = split(given);
    if (typeof rules["$ref"] === "string" && Object.keys(rules).length === 1)
      return annotated(this.#reference(nameIn(rules["$ref"])), annotations);
    const { schema, seen } = this.#whole(given, inlined);
    const own = split(schema);
    const made = this.#body(own.rules, seen);
    return made && annotated(made, own.annotations);
  }

  /** Returns a schema merged with the parts of its `allOf` and with the target of its `$ref`. */
  #whole(given: unknown, inlined: Inlined): { readonly schema: JsonSchema; readonly seen: Inlined } {
    this.#count();
    if (given === false) return { schema: { enum: [] }, seen: inlined };
    const { $ref, allOf, ...own } = simplified(isPlainObject(given) ? given : {});
    let schema: JsonSchema = own;
    let seen = inlined;
    const add = (part: unknown): void => {
      const next = this.#whole(part, seen);
      schema = both(schema, next.schema);
      seen = next.seen;
    };
    if (typeof $ref === "string") {
      const name = nameIn($ref);
      if (seen.has(name)) schema = { ...schema, [openMark]: true };
      else {
        seen = new Set([...seen, name]);
        add(this.#given[name]);
      }
    }
    for (const part of Array.isArray(allOf) ? allOf : []) add(part);
    return { schema, seen };
  }

  #body(rules: JsonSchema, seen: Inlined): JsonSchema | undefined {
    const { anyOf, ...rest } = rules;
    if (Array.isArray(anyOf)) return this.#union(anyOf, rest, seen);
    if (Array.isArray(rest["enum"])) return joined(this.#literals(rest["enum"], rest["type"], seen));
    if (Object.keys(rest).every((key) => key === openMark)) return this.#any();
    const types = rest["type"] === undefined ? allTypes : [rest["type"]].flat();
    const wanted = types.includes("number") ? types.filter((type) => type !== "integer") : types;
    return joined(wanted.map((type) => this.#typed({ ...rest, type }, seen)).filter((made) => made !== undefined));
  }

  #union(anyOf: readonly unknown[], rest: JsonSchema, seen: Inlined): JsonSchema | undefined {
    const isBare = Object.keys(rest).length === 0;
    const branches = anyOf.flatMap((branch: unknown): JsonSchema[] => {
      const made = this.#port(isBare ? branch : { allOf: [rest, branch] }, seen);
      return made === undefined ? [] : [made];
    });
    // A value may match several branches of a union, and may then have the fields of all these branches.
    if (!("unevaluatedProperties" in rest) || this.#areApart(anyOf, seen)) return joined(branches);
    const leaves = branches.flatMap((branch) => this.#leavesOf(branch));
    const objects = leaves.filter(isObject);
    const others = leaves.filter((leaf) => !isObject(leaf));
    return joined(objects.length === 0 ? others : [oneObject(objects, this.#join), ...others]);
  }

  /**
   * Whether all branches of a union require one field, each with a different constant, so that a value can match only one branch.
   */
  #areApart(anyOf: readonly unknown[], seen: Inlined): boolean {
    const wholes = anyOf.map((branch) => this.#whole(branch, seen).schema);
    const constants = (schema: JsonSchema, name: string): readonly unknown[] => {
      const { properties, required } = schema;
      const field = isPlainObject(properties) ? properties[name] : undefined;
      const values = isPlainObject(field) ? simplified(field)["enum"] : undefined;
      return Array.isArray(required) && required.includes(name) && Array.isArray(values) ? values : [];
    };
    const [first = {}] = wholes;
    const names = Array.isArray(first["required"]) ? (first["required"] as string[]) : [];
    return names.some((name) => {
      const all = wholes.map((schema) => constants(schema, name));
      return all.every((values) => values.length > 0) && new Set(all.flat()).size === all.flat().length;
    });
  }

  #literals(values: readonly unknown[], type: unknown, seen: Inlined): JsonSchema[] {
    const wanted = type === undefined ? undefined : [type].flat();
    const hasFraction = values.some((value) => typeOf(value) === "number");
    return values.flatMap((value): JsonSchema[] => {
      const own = typeOf(value);
      if (wanted !== undefined && !wanted.includes(own) && !(own === "integer" && wanted.includes("number"))) return [];
      if (value === "") return [{ type: "string", maxLength: 0 }]; // Gemini refuses the empty text in `enum`.
      if (value === null) return [{ type: "null" }];
      // Gemini accepts only texts and numbers in `enum`, so write another schema for a boolean.
      if (typeof value === "boolean")
        return [values.includes(!value) ? { type: own } : { type: own, description: `Must be ${value}.` }];
      if (typeof value !== "object") return [{ type: own === "integer" && hasFraction ? "number" : own, enum: [value] }];
      const part = this.#port(Array.isArray(value) ? listOf(value) : recordOf(value as JsonSchema), seen);
      return part === undefined ? [] : [part];
    });
  }

  #typed(schema: JsonSchema, seen: Inlined): JsonSchema | undefined {
    switch (schema["type"]) {
      case "string": {
        const made = { type: "string", ...kept(schema, ["minLength", "maxLength"]) };
        const { format, pattern } = schema;
        const own = {
          ...made,
          ...(isPortablePattern(pattern) ? { pattern } : {}),
          ...(isPortableFormat(format) ? { format } : {}),
        };
        return annotated(own, {}, notesOnText(schema));
      }
      case "integer":
      case "number":
        return annotated({ type: schema["type"], ...boundsOf(schema) }, {}, notesOnNumber(schema));
      case "array":
        return annotated(this.#list(schema, seen), {}, notesOnList(schema));
      case "object":
        return this.#object(schema, seen);
      default:
        return { type: schema["type"] };
    }
  }

  #list(schema: JsonSchema, seen: Inlined): JsonSchema {
    const { items, prefixItems } = schema;
    const first: readonly unknown[] = Array.isArray(prefixItems) ? prefixItems : [];
    const rest = items === undefined ? [true] : items === false ? [] : [items];
    const parts = [...first, ...rest];
    const made = parts.map((part) => this.#port(part, seen)).filter((part) => part !== undefined);
    const { maxItems } = schema;
    const most = rest.length > 0 ? maxItems : Math.min(first.length, typeof maxItems === "number" ? maxItems : first.length);
    const isEmpty = made.length === 0;
    return {
      type: "array",
      items: isEmpty ? this.#any() : this.#join(made),
      ...kept(schema, ["minItems"]),
      ...(isEmpty ? { maxItems: 0 } : most === undefined ? {} : { maxItems: most }),
    };
  }

  #object(schema: JsonSchema, seen: Inlined): JsonSchema | undefined {
    const given = Object.entries(isPlainObject(schema["properties"]) ? schema["properties"] : {});
    const required = Array.isArray(schema["required"]) ? (schema["required"] as string[]) : [];
    const made = given.map(([name, part]) => [name, this.#port(part, seen)] as const);
    const possible = new Map(made.flatMap(([name, part]) => (part === undefined ? [] : [[name, part]])));
    const others = this.#others(schema, seen);
    for (const name of required) {
      if (possible.has(name)) continue;
      if (others === false || made.some(([other]) => other === name)) return undefined;
      possible.set(name, others === true ? this.#any() : others);
    }
    const object = {
      type: "object",
      ...(required.length === 0 ? {} : { required }),
      properties: Object.fromEntries(possible),
      additionalProperties: others,
      ...kept(schema, ["minProperties", "maxProperties"]),
    };
    return annotated(object, {}, notesOnObject(schema));
  }

  /** Returns the schema of the fields that a schema of an object does not declare. */
  #others(schema: JsonSchema, seen: Inlined): JsonSchema | boolean {
    const patterns = Object.values(isPlainObject(schema["patternProperties"]) ? schema["patternProperties"] : {});
    const unevaluated = openMark in schema ? true : schema["unevaluatedProperties"];
    const closing = schema["additionalProperties"] ?? unevaluated ?? true;
    const all = closing === false ? patterns : [...patterns, closing];
    if (all.some((part) => part === true || (isPlainObject(part) && Object.keys(part).length === 0))) return true;
    const parts = all.map((part) => this.#port(part, seen)).filter((part) => part !== undefined);
    return parts.length === 0 ? false : this.#join(parts);
  }
}

const typeOf = (value: unknown): string => {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return typeof value === "number" ? (Number.isInteger(value) ? "integer" : "number") : typeof value;
};

const listOf = (values: readonly unknown[]): JsonSchema => ({
  type: "array",
  prefixItems: values.map((value) => ({ const: value })),
  items: false,
  minItems: values.length,
});

const recordOf = (value: JsonSchema): JsonSchema => ({
  type: "object",
  properties: Object.fromEntries(Object.entries(value).map(([name, part]) => [name, { const: part }])),
  required: Object.keys(value),
  additionalProperties: false,
});

/**
 * Returns the bounds of a number as `minimum` and `maximum`, because Gemini refuses `exclusiveMinimum` and `exclusiveMaximum`.
 */
const boundsOf = ({ type, minimum, maximum, exclusiveMinimum, exclusiveMaximum }: JsonSchema): JsonSchema => {
  const isInteger = type === "integer";
  const above = typeof exclusiveMinimum === "number" ? [isInteger ? Math.floor(exclusiveMinimum) + 1 : exclusiveMinimum] : [];
  const below = typeof exclusiveMaximum === "number" ? [isInteger ? Math.ceil(exclusiveMaximum) - 1 : exclusiveMaximum] : [];
  const least = [...above, ...(typeof minimum === "number" ? [minimum] : [])];
  const most = [...below, ...(typeof maximum === "number" ? [maximum] : [])];
  return {
    ...(least.length === 0 ? {} : { minimum: Math.max(...least) }),
    ...(most.length === 0 ? {} : { maximum: Math.min(...most) }),
  };
};
