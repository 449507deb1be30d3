// Finds handlers at boot whose input schema allows longer texts than a request body can have.

import type { BootProblem } from "../../core/diagnostics/problem.ts";
import type { Operation } from "../../core/plugin-api.ts";
import { eachSubschema, isPlainObject } from "../../core/schema/schema.ts";
import { httpKey } from "./route.ts";

/**
 * Returns one boot problem for each handler whose longest text is longer than a request body. A character has at least one byte.
 */
export const bodyProblems = (operations: readonly Operation[], maxBodyBytes: number): readonly BootProblem[] =>
  operations.flatMap((operation): readonly BootProblem[] => {
    const longest = httpKey.of(operation) === undefined ? 0 : longestTextOf(operation.input);
    if (longest <= maxBodyBytes) return [];
    const cause = `The input schema of ${operation.name} allows a string of ${longest} characters, but the http() option maxBodyBytes is ${maxBodyBytes}`;
    return [
      {
        place: operation.place,
        plugin: "http",
        cause,
        remedy: "Lower maxLength in the input schema, or raise maxBodyBytes of http()",
      },
    ];
  });

const longestTextOf = (schema: unknown): number => {
  if (!isPlainObject(schema)) return 0;
  const own = typeof schema["maxLength"] === "number" ? schema["maxLength"] : 0;
  return Math.max(own, ...[...eachSubschema(schema)].map(([, part]) => longestTextOf(part)));
};
