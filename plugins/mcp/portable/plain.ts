// Removes the schema keywords that only Quater has, and gives all references in a schema one form: `#/$defs/NAME`.

import { isPlainObject, type JsonSchema, referred } from "../../../core/schema/schema.ts";

/** A schema whose references all have the form `#/$defs/NAME`. */
export interface Plain {
  readonly root: JsonSchema;
  readonly definitions: Readonly<Record<string, unknown>>;
}

const schemaKeys = new Set(
  "items additionalProperties unevaluatedProperties unevaluatedItems not if then else contains propertyNames".split(" "),
);
const listKeys = new Set(["allOf", "anyOf", "oneOf", "prefixItems"]);
const tableKeys = new Set(["properties", "patternProperties", "dependentSchemas"]);
/** The keywords whose subschemas can contain defaults that binding sets. */
const filledKeys = new Set(["properties", "patternProperties", "items", "allOf"]);
const droppedKeys = new Set(["$defs", "definitions", "$id", "$anchor", "x-message"]);

interface Walk {
  /** The `$defs` of the schemas around the current place in a schema, nearest first. */
  readonly scopes: readonly JsonSchema[];
  /**
   * Whether binding sets defaults at the current place in a schema. Binding sets no defaults inside unions, because binding does
   * not know yet which branch a value matches.
   */
  readonly isFilled: boolean;
  /** The fields of the current object schema that have a default in a schema around this part of an `allOf`. */
  readonly defaulted: ReadonlySet<string>;
}

const nothing: ReadonlySet<string> = new Set();

/**
 * @param isFilled  Whether the schema is an input schema, whose defaults binding sets. In an input schema, a field with a default
 * is not required.
 */
export const plainOf = (root: JsonSchema, isFilled: boolean): Plain => new Plainer(root).plain(isFilled);

class Plainer {
  readonly #root: JsonSchema;
  readonly #definitions: Record<string, unknown> = {};
  /** The names of the definitions, by the schema to which a reference leads. */
  readonly #names = new Map<unknown, string>();

  constructor(root: JsonSchema) {
    this.#root = root;
  }

  plain(isFilled: boolean): Plain {
    const root = this.#shown(this.#root, { scopes: [], isFilled, defaulted: nothing }) as JsonSchema;
    return { root, definitions: this.#definitions };
  }

  #shown(schema: unknown, outer: Walk): unknown {
    // Return an object instead of `true`, because SDK clients accept only objects as schemas of properties.
    if (schema === true) return {};
    if (schema === false) return { not: {} };
    if (!isPlainObject(schema)) return schema;
    const scopes = isPlainObject(schema["$defs"]) ? [schema["$defs"], ...outer.scopes] : outer.scopes;
    const walk = { scopes, isFilled: outer.isFilled, defaulted: nothing };
    const defaulted = outer.isFilled ? new Set([...outer.defaulted, ...defaultedIn(schema)]) : nothing;
    const copy: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(schema)) {
      if (key.startsWith("x-quater-") || droppedKeys.has(key)) continue;
      const inner = walk.isFilled && !filledKeys.has(key) ? { ...walk, isFilled: false } : walk;
      if (schemaKeys.has(key)) copy[key] = typeof value === "boolean" ? value : this.#shown(value, inner);
      else if (listKeys.has(key) && Array.isArray(value))
        copy[key] = value.map((part) => this.#shown(part, key === "allOf" ? { ...inner, defaulted } : inner));
      else if (tableKeys.has(key) && isPlainObject(value)) copy[key] = this.#table(value, inner);
      else if (key === "$ref" && typeof value === "string") copy[key] = this.#reference(value, scopes);
      else copy[key] = value;
    }
    if (Array.isArray(copy["required"])) {
      const required = (copy["required"] as string[]).filter((name) => !defaulted.has(name));
      if (required.length === 0) delete copy["required"];
      else copy["required"] = required;
    }
    return copy;
  }

  #table(table: JsonSchema, walk: Walk): JsonSchema {
    return Object.fromEntries(Object.entries(table).map(([name, value]) => [name, this.#shown(value, walk)]));
  }

  /** Moves the target of a reference to the `$defs` of the root under a unique name, so that all references have one form. */
  #reference(ref: string, scopes: readonly JsonSchema[]): string {
    const name = ref.startsWith("#/$defs/") ? ref.slice("#/$defs/".length) : ref;
    const at = scopes.findIndex((defs) => Object.hasOwn(defs, name));
    const target = at < 0 ? referred(this.#root, ref) : scopes[at]?.[name];
    let known = this.#names.get(target);
    if (known === undefined) {
      known = this.#freeName(ref);
      if (isPlainObject(target)) this.#names.set(target, known); // Set the name first, because the parts may refer to it.
      this.#definitions[known] = {};
      const inside = at < 0 ? [] : scopes.slice(at);
      this.#definitions[known] = this.#shown(target, { scopes: inside, isFilled: false, defaulted: nothing });
    }
    return `#/$defs/${known}`;
  }

  #freeName(ref: string): string {
    const last = ref.slice(ref.lastIndexOf("/") + 1).replaceAll(/[^A-Za-z0-9_.-]/g, "");
    const name = last === "" ? "Root" : last;
    for (let count = 1; ; count++) {
      const free = count === 1 ? name : `${name}_${count}`;
      if (!Object.hasOwn(this.#definitions, free)) return free;
    }
  }
}

/** Returns the properties of an object schema that have a default, including properties in the parts of an `allOf`. */
const defaultedIn = (schema: JsonSchema): string[] => {
  const { properties, allOf } = schema;
  const own = Object.entries(isPlainObject(properties) ? properties : {}).flatMap(([name, part]) =>
    isPlainObject(part) && "default" in part ? [name] : [],
  );
  return Array.isArray(allOf) ? [...own, ...allOf.flatMap((part) => (isPlainObject(part) ? defaultedIn(part) : []))] : own;
};
