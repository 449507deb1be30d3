// The schema keyword `x-message`, which contains the project's own error text for a value that the schema refuses.

import { nearest, visible } from "../diagnostics/text.ts";
import { isPlainObject, type JsonSchema } from "./schema.ts";

export const messageMark = "x-message";

/** The keywords of a schema whose error text `x-message` can replace. */
const rules = (
  "type enum const anyOf oneOf required minLength maxLength pattern format minimum maximum exclusiveMinimum exclusiveMaximum multipleOf " +
  "minItems maxItems uniqueItems minProperties maxProperties additionalProperties unevaluatedProperties"
).split(" ");

/** The keywords whose error is about a property of the value, and not about the value itself. */
const ofOthers = new Set(["additionalProperties", "unevaluatedProperties"]);

/**
 * Returns the schema's own error text for one keyword. `x-message` is one text for all keywords about the value itself, or a
 * table with a text for each keyword.
 */
export const ownMessageOf = (schema: unknown, rule: string): string | undefined => {
  const given = isPlainObject(schema) ? schema[messageMark] : undefined;
  if (typeof given === "string") return ofOthers.has(rule) ? undefined : given;
  const message = isPlainObject(given) && Object.hasOwn(given, rule) ? given[rule] : undefined;
  return typeof message === "string" ? message : undefined;
};

/** Returns the boot problem of a schema's `x-message`, with a remedy. */
export const messageProblem = (schema: JsonSchema): { readonly cause: string; readonly remedy: string } | undefined => {
  if (!(messageMark in schema)) return undefined;
  const given = schema[messageMark];
  const isSentence = (text: unknown) =>
    typeof text === "string" && text.trim() !== "" && visible(text) === text && text.length <= 300;
  const remedy = `Write "x-message": "must be ...", or { minLength: "must be ..." }, with printable texts of at most 300 characters`;
  if (!isPlainObject(given))
    return isSentence(given)
      ? undefined
      : { cause: `has the x-message ${JSON.stringify(given)}, which is not a printable sentence`, remedy };
  const unknown = Object.keys(given).find((rule) => !rules.includes(rule));
  if (unknown !== undefined) {
    const near = nearest(unknown, rules);
    const list = `The rules are ${rules.join(", ")}`;
    return {
      cause: `has an x-message for "${visible(unknown)}", which is not a rule`,
      remedy: near === undefined ? list : `Did you mean "${near}"? ${list}`,
    };
  }
  const wrong = Object.keys(given).find((rule) => !isSentence(given[rule]));
  return wrong === undefined
    ? undefined
    : { cause: `has the x-message ${JSON.stringify(given[wrong])} for ${wrong}, which is not a printable sentence`, remedy };
};
