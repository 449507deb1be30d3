// Finds the parts of an input schema that have no form that all major model providers accept.

import { visible } from "../../../core/diagnostics/text.ts";
import type { KeyProblem } from "../../../core/plugin/exposure-key.ts";
import { pointerStep } from "../../../core/schema/json.ts";
import { eachSubschema, isPlainObject, type JsonSchema } from "../../../core/schema/schema.ts";
import { portable, TooManyCombinations } from "./index.ts";
import { type Plain, plainOf } from "./plain.ts";

/** The names of properties that Anthropic accepts. */
const portableName = /^[a-zA-Z0-9_.-]{1,64}$/;

const otherwise = 'set mcp({ schemas: "any" }) if no client uses such a provider';

/** @param name  The name of the tool. @param input  The closed input schema of the tool. */
export const portabilityProblems = (name: string, input: JsonSchema): KeyProblem[] => {
  const found = [...problemsIn(name, input, "")];
  if (found.length > 0) return found;
  return !mayGrow(input) || canBePorted(plainOf(input, true))
    ? []
    : [
        {
          cause: `${name} cannot be an MCP tool for all model providers: its input schema combines so many unions that the schema for providers without allOf would be too large`,
          remedy: `Write fewer unions inside Type.Intersect, or ${otherwise}`,
        },
      ];
};

const problemsIn = function* (name: string, schema: unknown, path: string): Generator<KeyProblem> {
  if (!isPlainObject(schema)) return;
  const cannot = `${name} cannot be an MCP tool for all model providers: its input schema has`;
  for (const property of Object.keys(isPlainObject(schema["properties"]) ? schema["properties"] : {}))
    if (!portableName.test(property)) {
      const at = visible(`${path}/properties/${pointerStep(property)}`);
      yield {
        cause: `${cannot} the property ${visible(JSON.stringify(property))} at ${at}, and some providers accept only names that match ${portableName.source}`,
        remedy: `Rename the property, or ${otherwise}`,
      };
    }
  for (const keyword of ["$dynamicRef", "$recursiveRef"])
    if (keyword in schema)
      yield {
        cause: `${cannot} the keyword "${keyword}" at ${path === "" ? "the root" : path}, which providers do not know`,
        remedy: `Write "$ref" with a path, such as "#/$defs/Node", or ${otherwise}`,
      };
  for (const [step, part] of eachSubschema(schema)) yield* problemsIn(name, part, `${path}/${escaped(step)}`);
};

/** Escapes the property name in a step of a JSON pointer, such as `properties/a~b`. */
const escaped = (step: string): string => {
  const at = step.indexOf("/");
  return at < 0 ? step : `${step.slice(0, at)}/${pointerStep(step.slice(at + 1))}`;
};

/**
 * Whether the portable schema may be much larger than the given schema. Only merged schemas repeat their parts, so a schema
 * without merged parts cannot grow.
 */
const mayGrow = (schema: unknown): boolean =>
  isPlainObject(schema) &&
  ("allOf" in schema ||
    "$ref" in schema ||
    "unevaluatedProperties" in schema ||
    [...eachSubschema(schema)].some(([, part]) => mayGrow(part)));

const canBePorted = (plain: Plain): boolean => {
  try {
    portable(plain);
    return true;
  } catch (error) {
    if (error instanceof TooManyCombinations) return false;
    throw error;
  }
};
