// Turns schemas into a form that MCP clients can read. In this form, schemas have an object at the root, references only to
// definitions at the root, and no keywords that only Quater has. The folder `portable` turns such schemas into schemas that all
// model providers accept.

import type { JsonSchema } from "../../../core/plugin-api.ts";
import { portable } from "../portable/index.ts";
import { type Plain, plainOf } from "../portable/plain.ts";
import { isObjectAtRoot } from "./object-root.ts";

/**
 * How Quater turns the value of a handler into the object that MCP requires. The value of the handler stays unchanged (`none`),
 * or becomes the only property of another object.
 */
export type Wrapping = "none" | "result" | "items";

/**
 * Which schemas tools publish: schemas that all model providers accept (`portable`), or the unchanged schemas of the handlers
 * (`any`).
 */
export type SchemaChoice = "portable" | "any";

/**
 * Returns the input schema that a tool publishes. Callers may omit a field with a default, because binding sets the default. So a
 * field with a default is not in `required`.
 *
 * @returns `undefined` when the root of the schema is not an object. Clients of the 2025 revisions would refuse a tool list with
 * such a schema.
 */
export const inputSchemaFor = (input: JsonSchema, choice: SchemaChoice = "portable"): JsonSchema | undefined => {
  if (!isObjectAtRoot(input)) return undefined;
  return shownBy(choice, plainInput(input));
};

/** Returns the input schema of a tool before Quater makes the schema portable. */
export const plainInput = (input: JsonSchema): Plain => {
  const { root, definitions } = plainOf(input, true);
  return { root: { type: "object", ...root }, definitions };
};

export const wrappingOf = (output: JsonSchema, isStream: boolean): Wrapping =>
  isStream ? "items" : output["type"] === "object" ? "none" : "result";

/** Returns an output schema with an object at its root, and how Quater wraps values to match this output schema. */
export const outputSchemaFor = (
  output: JsonSchema,
  isStream: boolean,
  choice: SchemaChoice = "portable",
): { readonly schema: JsonSchema; readonly wrapping: Wrapping } => {
  const wrapping = wrappingOf(output, isStream);
  const plain = plainOf(output, false);
  if (wrapping === "none") return { schema: shownBy(choice, plain), wrapping };
  const result = wrapping === "items" ? { type: "array", items: plain.root } : plain.root;
  const root = { type: "object", properties: { result }, required: ["result"], additionalProperties: false };
  return { schema: shownBy(choice, { root, definitions: plain.definitions }), wrapping };
};

const shownBy = (choice: SchemaChoice, plain: Plain): JsonSchema => {
  const { root, definitions } = choice === "portable" ? portable(plain) : plain;
  return Object.keys(definitions).length === 0 ? root : { ...root, $defs: definitions };
};
