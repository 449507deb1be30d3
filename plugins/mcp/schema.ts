// Turns schemas into a form that MCP clients can read: an object at the root, one dialect, and no keywords that only Quater has.

import type { JsonSchema } from "../../core/plugin-api.ts";
import { isPlainObject } from "../../core/schema/schema.ts";

/** How a value becomes the object that the protocol needs: unchanged, or as the only property of another object. */
export type Wrapping = "none" | "result" | "items";

const schemaKeys = new Set(
  "items additionalProperties unevaluatedProperties unevaluatedItems not if then else contains propertyNames".split(" "),
);
const listKeys = new Set(["allOf", "anyOf", "oneOf", "prefixItems"]);
const tableKeys = new Set(["properties", "patternProperties", "dependentSchemas", "definitions"]);
/** The keywords with subschemas whose defaults binding sets. */
const filledKeys = new Set(["properties", "patternProperties", "items", "allOf"]);

/** The definitions that were found, by their names at the root. */
type Definitions = Record<string, unknown>;
type Names = Readonly<Record<string, string>>;

/**
 * Returns an input schema as callers see it. Callers may omit a field with a default, because binding sets the default. So such a
 * field is not in `required`.
 *
 * @returns `undefined` when the root is not an object. Clients of the 2025 revisions would refuse the whole list of tools.
 */
export const inputSchemaFor = (input: JsonSchema): JsonSchema | undefined => {
  if (!isObjectAtRoot(input)) return undefined;
  const definitions: Definitions = {};
  const root = plain(input, { definitions, names: {}, base: "#", isFilled: true });
  return withDefinitions({ type: "object", ...(root as JsonSchema) }, definitions);
};

const isObjectAtRoot = (schema: unknown): boolean => {
  if (!isPlainObject(schema)) return false;
  const parts = schema["allOf"];
  return schema["type"] === "object" || (Array.isArray(parts) && parts.length > 0 && parts.every(isObjectAtRoot));
};

/** Returns an output schema with an object at its root, and how values are wrapped to match it. */
export const outputSchemaFor = (
  output: JsonSchema,
  isStream: boolean,
): { readonly schema: JsonSchema; readonly wrapping: Wrapping } => {
  const wrapping = isStream ? "items" : output["type"] === "object" ? "none" : "result";
  const base = { none: "#", result: "#/properties/result", items: "#/properties/result/items" }[wrapping];
  const definitions: Definitions = {};
  const root = plain(output, { definitions, names: {}, base, isFilled: false }) as JsonSchema;
  if (wrapping === "none") return { schema: withDefinitions(root, definitions), wrapping };
  const result = wrapping === "items" ? { type: "array", items: root } : root;
  const schema = { type: "object", properties: { result }, required: ["result"], additionalProperties: false };
  return { schema: withDefinitions(schema, definitions), wrapping };
};

const withDefinitions = (schema: JsonSchema, definitions: Definitions): JsonSchema =>
  Object.keys(definitions).length === 0 ? schema : { ...schema, $defs: definitions };

interface Walk {
  readonly definitions: Definitions;
  readonly names: Names;
  /** The path of the original root in the result. */
  readonly base: string;
  /** Whether binding sets defaults here. Binding sets no defaults inside unions, because the branch is not known yet. */
  readonly isFilled: boolean;
}

const plain = (schema: unknown, outer: Walk): unknown => {
  // SDK clients accept only objects in place of a property's schema.
  if (schema === true) return {};
  if (schema === false) return { not: {} };
  if (!isPlainObject(schema)) return schema;
  const named = withNames(schema["$defs"], outer);
  const copy: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(schema)) {
    // Remove the $id, because a client's validator may load the schemas of all tools together and accepts each $id once.
    if (key.startsWith("x-quater-") || ["$defs", "$id", "x-message"].includes(key)) continue;
    const walk = named.isFilled && !filledKeys.has(key) ? { ...named, isFilled: false } : named;
    if (schemaKeys.has(key)) copy[key] = typeof value === "boolean" ? value : plain(value, walk);
    else if (listKeys.has(key) && Array.isArray(value)) copy[key] = value.map((part) => plain(part, walk));
    else if (tableKeys.has(key) && isPlainObject(value)) copy[key] = mapped(value, walk);
    else if (key === "$ref" && typeof value === "string") copy[key] = reference(value, walk);
    else copy[key] = value;
  }
  if (named.isFilled && Array.isArray(copy["required"])) {
    const properties = isPlainObject(schema["properties"]) ? schema["properties"] : {};
    const required = (copy["required"] as string[]).filter((name) => {
      const property = properties[name];
      return !(isPlainObject(property) && "default" in property);
    });
    if (required.length === 0) delete copy["required"];
    else copy["required"] = required;
  }
  return copy;
};

const mapped = (table: JsonSchema, walk: Walk): JsonSchema =>
  Object.fromEntries(Object.entries(table).map(([name, value]) => [name, plain(value, walk)]));

/** Moves definitions to the root under unique names, so that all references have one form. */
const withNames = (defs: unknown, outer: Walk): Walk => {
  if (!isPlainObject(defs)) return outer;
  const { definitions } = outer;
  const names: Record<string, string> = { ...outer.names };
  for (const name of Object.keys(defs)) {
    let free = name;
    for (let count = 2; Object.hasOwn(definitions, free); count++) free = `${name}_${count}`;
    names[name] = free;
    definitions[free] = {};
  }
  const walk = { ...outer, names, isFilled: false };
  for (const [name, value] of Object.entries(defs)) definitions[names[name] as string] = plain(value, walk);
  return { ...outer, names };
};

const reference = (ref: string, { names, base }: Walk): string => {
  const name = ref.startsWith("#/$defs/") ? ref.slice("#/$defs/".length) : ref;
  const known = Object.hasOwn(names, name) ? names[name] : undefined;
  if (known !== undefined) return `#/$defs/${known}`;
  return ref.startsWith("#") ? `${base}${ref.slice(1)}` : ref;
};
