// Finds recursive unions in a schema. TypeBox may check each level of an input once per branch of the union, so the check of an
// input with 64 levels could take years.

import { eachSubschema, isPlainObject, type JsonSchema, propertiesOf, referred, requiredOf } from "./schema.ts";

export interface Recursion {
  /** The largest number of branches of one union that contain or refer to the union again; 1 if no union is recursive. */
  readonly branches: number;
  /**
   * Whether two branches of a recursive union differ only at a deeper level. If so, neither branch has a constant field, or a
   * required field that the other branch lacks.
   */
  readonly isAmbiguous: boolean;
}

export const recursionOf = (root: JsonSchema): Recursion => {
  let branches = 1;
  let isAmbiguous = false;
  const look = (schema: unknown): void => {
    if (!isPlainObject(schema)) return;
    for (const key of ["anyOf", "oneOf", "allOf"]) {
      const list = schema[key];
      if (!Array.isArray(list)) continue;
      const returning = list.filter((part) => leadsTo(root, part, schema));
      branches = Math.max(branches, returning.length);
      const isChoice = key !== "allOf"; // A value must match all parts of allOf, so allOf is not a choice.
      isAmbiguous ||= returning.some((part, at) =>
        returning.slice(at + 1).some((other) => !(isChoice && areApart(root, part, other))),
      );
    }
    for (const [, part] of eachSubschema(schema)) look(part);
  };
  look(root);
  return { branches, isAmbiguous };
};

/** Whether the schema `from` contains or refers to the schema `target` at any depth. */
const leadsTo = (root: JsonSchema, from: unknown, target: JsonSchema): boolean => {
  const seen = new Set<unknown>();
  const waiting: unknown[] = [from];
  while (waiting.length > 0) {
    const schema = waiting.pop();
    if (!isPlainObject(schema) || seen.has(schema)) continue;
    if (schema === target) return true;
    seen.add(schema);
    const ref = schema["$ref"];
    if (typeof ref === "string") waiting.push(referred(root, ref));
    for (const [, part] of eachSubschema(schema)) waiting.push(part);
  }
  return false;
};

/** Whether one branch refuses a value with the fields of the other branch before any deeper check. */
const areApart = (root: JsonSchema, one: unknown, other: unknown): boolean => {
  const [a, b] = [followed(root, one), followed(root, other)];
  if (a["type"] !== b["type"] && typeof a["type"] === "string" && typeof b["type"] === "string") return true;
  const [fieldsOfA, fieldsOfB] = [propertiesOf(a), propertiesOf(b)];
  const isConstant = (fields: Readonly<Record<string, JsonSchema>>, name: string) => "const" in (fields[name] ?? {});
  if (Object.keys(fieldsOfA).some((name) => isConstant(fieldsOfA, name) && isConstant(fieldsOfB, name))) return true;
  const isClosed = (schema: JsonSchema) => schema["additionalProperties"] === false;
  return (
    (isClosed(b) && requiredOf(a).some((name) => !Object.hasOwn(fieldsOfB, name))) ||
    (isClosed(a) && requiredOf(b).some((name) => !Object.hasOwn(fieldsOfA, name)))
  );
};

const followed = (root: JsonSchema, schema: unknown): JsonSchema => {
  const target = isPlainObject(schema) && typeof schema["$ref"] === "string" ? referred(root, schema["$ref"]) : schema;
  return isPlainObject(target) ? target : {};
};
