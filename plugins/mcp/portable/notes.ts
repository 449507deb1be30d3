// Describes in words the rules that a portable schema cannot contain, so that models can still follow these rules.

import { isPlainObject, type JsonSchema } from "../../../core/schema/schema.ts";

/**
 * The formats of texts that all model providers accept. Gemini accepts only `date-time`, and OpenAI refuses formats such as
 * `uri`.
 */
const portableFormats = new Set<unknown>(["date-time"]);

/**
 * A pattern for regular expression syntax that other regular expression engines refuse or interpret differently: lookarounds,
 * named groups, backreferences, Unicode escapes, and an opening bracket in a character class.
 */
const jsOnly = /\(\?(?!:)|\\[1-9ckpPux]|\[(?:\\.|[^\]\\])*\[|&&|--|~~/;

export const isPortablePattern = (pattern: unknown): boolean => typeof pattern === "string" && !jsOnly.test(pattern);
export const isPortableFormat = (format: unknown): boolean => portableFormats.has(format);

/** The pattern of `Type.Record(Type.String(), ...)`, which accepts all field names. */
const anyKey = "^.*$";

export const notesOnText = ({ format, pattern }: JsonSchema): string[] => [
  ...(typeof format !== "string" || isPortableFormat(format) ? [] : [`Format: ${format}.`]),
  ...(typeof pattern !== "string" || isPortablePattern(pattern) ? [] : [`Must match the pattern ${pattern}`]),
];

export const notesOnNumber = ({ type, multipleOf, exclusiveMinimum, exclusiveMaximum }: JsonSchema): string[] => [
  ...(typeof multipleOf === "number" ? [`Must be a multiple of ${multipleOf}.`] : []),
  ...(type === "number" && typeof exclusiveMinimum === "number" ? [`Must be more than ${exclusiveMinimum}.`] : []),
  ...(type === "number" && typeof exclusiveMaximum === "number" ? [`Must be less than ${exclusiveMaximum}.`] : []),
];

export const notesOnList = ({ uniqueItems }: JsonSchema): string[] => (uniqueItems === true ? ["Items must differ."] : []);

export const notesOnObject = ({ patternProperties, propertyNames }: JsonSchema): string[] => {
  const patterns = Object.keys(isPlainObject(patternProperties) ? patternProperties : {});
  if (isPlainObject(propertyNames) && typeof propertyNames["pattern"] === "string") patterns.push(propertyNames["pattern"]);
  return patterns.length === 0 || patterns.includes(anyKey) ? [] : [`Names of fields match ${patterns.join(" or ")}`];
};

/** Returns the description of a schema with the notes appended. */
export const described = (description: unknown, notes: readonly string[]): string | undefined => {
  const text = typeof description === "string" ? description.trim() : "";
  if (notes.length === 0) return text === "" ? undefined : text;
  const ended = text === "" || /[.!?:]$/.test(text) ? text : `${text}.`;
  return [ended, ...notes].filter((part) => part !== "").join(" ");
};
