// Finds out which schemas describe objects, because MCP requires an object as the arguments of a tool.

import { isPlainObject } from "../../../core/schema/schema.ts";

/** Whether the schema accepts only objects: the schema has the type object, or all parts of its `allOf` have the type object. */
export const isObjectAtRoot = (schema: unknown): boolean => {
  if (!isPlainObject(schema)) return false;
  const parts = schema["allOf"];
  return schema["type"] === "object" || (Array.isArray(parts) && parts.length > 0 && parts.every(isObjectAtRoot));
};
