// Checks the schemas of handlers at boot. Every keyword must be known, every limit must be possible, and every default must be
// valid. Quater must be able to close every object, and to match every pattern in limited time.

import type { CauseAndRemedy } from "../diagnostics/problem.ts";
import { nearest, visible } from "../diagnostics/text.ts";
import { isPlainRecord, slowKeyPatternsOf } from "./compiled-patterns.ts";
import { defaultProblems } from "./default-problems.ts";
import { foreignProblem } from "./foreign.ts";
import { jsonLimits } from "./json.ts";
import { messageProblem } from "./own-message.ts";
import { patternOf, patternProblem } from "./pattern.ts";
import { closed, eachSubschema, isPlainObject, type JsonSchema, referred, statesClosing } from "./schema.ts";
import { isShaped } from "./shaped.ts";

type Say = (cause: string, remedy: string) => void;

const types = new Set(["string", "number", "integer", "boolean", "object", "array", "null"]);
const formats = (
  "date-time date duration email hostname idn-email idn-hostname ipv4 ipv6 iri iri-reference json-pointer " +
  "json-pointer-uri-fragment regex relative-json-pointer time uri uri-reference uri-template url uuid"
).split(" ");

const isCount = (value: unknown): boolean => Number.isInteger(value) && Number(value) >= 0;
const isNumber = (value: unknown): boolean => Number.isFinite(value);
const isText = (value: unknown): boolean => typeof value === "string";

type Expectation = readonly [isRight: (value: unknown) => boolean, expected: string];

const all = (names: string, ...expectation: Expectation): Record<string, Expectation> =>
  Object.fromEntries(names.split(" ").map((name) => [name, expectation]));

/**
 * The type of value that each schema keyword needs. TypeBox ignores a keyword whose value has another type, so boot refuses such
 * a keyword.
 */
const keywords: Readonly<Record<string, Expectation>> = {
  ...all("minLength maxLength minItems maxItems minProperties maxProperties", isCount, "a whole number of at least 0"),
  ...all("minimum maximum exclusiveMinimum exclusiveMaximum", isNumber, "a number"),
  multipleOf: [(value) => isNumber(value) && Number(value) > 0, "a number above 0"],
  ...all("pattern format $ref $id", isText, "a string"),
  ...all("properties patternProperties $defs dependentSchemas", isPlainObject, "an object of schemas"),
  ...all("allOf anyOf oneOf prefixItems enum", Array.isArray, "a list"),
  required: [(value) => Array.isArray(value) && value.every(isText), "a list of names"],
};

/**
 * The limits of strict JSON that apply to schema keywords. No input could reach a schema limit above the limits of strict JSON.
 */
const inputLimits: Readonly<Record<string, readonly [most: number, ofWhat: string]>> = {
  minLength: [jsonLimits.stringLength, "characters in a string"],
  maxLength: [jsonLimits.stringLength, "characters in a string"],
  minItems: [jsonLimits.values, "values"],
  maxItems: [jsonLimits.values, "values"],
  minProperties: [jsonLimits.keys, "keys"],
  maxProperties: [jsonLimits.keys, "keys"],
};

/**
 * All keywords of JSON Schema 2020-12, keywords of earlier drafts that TypeBox still checks, and the annotations of OpenAPI 3.1.
 * Boot refuses other keywords, because a misspelt limit would silently not apply.
 */
const known = new Set([
  ...Object.keys(keywords),
  ..."type const uniqueItems contains minContains maxContains items unevaluatedItems propertyNames".split(" "),
  ..."additionalProperties unevaluatedProperties dependentRequired not if then else".split(" "),
  ..."title description default examples deprecated readOnly writeOnly".split(" "),
  ..."contentEncoding contentMediaType contentSchema".split(" "),
  ..."$schema $comment $anchor $dynamicRef $dynamicAnchor $vocabulary".split(" "),
  ..."definitions dependencies additionalItems $recursiveRef $recursiveAnchor".split(" "),
  ..."discriminator example externalDocs xml".split(" "),
]);

/**
 * Returns the boot problems of `schema`. Each cause begins with a path in the schema:
 * `/properties/id has the type "bigint", ...`.
 *
 * @param of  Whether the schema is for inputs or outputs. Inputs arrive as JSON text, so the limits of strict JSON apply to
 * inputs.
 */
export const schemaProblems = (schema: unknown, of: "input" | "output" = "input"): readonly CauseAndRemedy[] => {
  if (typeof schema === "boolean") return [];
  if (!isPlainObject(schema)) return [{ cause: "the root is not a JSON Schema", remedy: writeIt }];
  const found = problemsIn({ root: schema, of }, schema, "");
  if (found.length > 0) return found;
  return [...(hasSlowKeys(schema) ? keyProblems(closed(schema), "") : []), ...defaultProblems(closed(schema, of))];
};

const writeIt = "Write the schema with Type from quater";

interface Whole {
  readonly root: JsonSchema;
  readonly of: "input" | "output";
}

const problemsIn = (whole: Whole, schema: unknown, path: string): CauseAndRemedy[] => {
  const here = path === "" ? "the root" : path;
  const foreign = foreignProblem(schema);
  if (foreign !== undefined) return [{ ...foreign, cause: `${here} ${foreign.cause}` }];
  if (typeof schema === "boolean") return [];
  if (!isPlainObject(schema)) return [{ cause: `${here} is not a JSON Schema`, remedy: writeIt }];
  const found: CauseAndRemedy[] = [];
  const say: Say = (cause, remedy) => void found.push({ cause: `${here} ${cause}`, remedy });
  for (const name of [schema["type"] ?? []].flat())
    if (!types.has(name as string)) say(`has the unknown type ${JSON.stringify(name)}`, typeRemedy(name));
  for (const [keyword, [isRight, expected]] of Object.entries(keywords))
    if (keyword in schema && !isRight(schema[keyword])) say(`has a "${keyword}" that is not ${expected}`, `Write ${expected}`);
  for (const keyword of Object.keys(schema))
    if (!known.has(keyword) && !keyword.startsWith("x-"))
      say(`has the keyword "${visible(keyword)}", which JSON Schema does not define`, keywordRemedy(keyword));
  if (whole.of === "input") limitProblems(schema, say);
  const message = messageProblem(schema);
  if (message !== undefined) say(message.cause, message.remedy);
  if (Array.isArray(schema["items"]))
    say(
      "is a Type.Tuple, which does not write JSON Schema 2020-12",
      'Use Type.Unsafe({ type: "array", prefixItems: [...], items: false })',
    );
  if (isShaped(schema) && (whole.of === "input" || schema !== whole.root))
    say("uses shaped() inside another schema or in an input", "Write shaped(...) around the whole output");
  if ("~codec" in schema) say("has a codec, which Quater does not run", "Remove the codec, and convert the value in the handler");
  if (typeof schema["format"] === "string" && !formats.includes(schema["format"]))
    say(`has the format "${visible(schema["format"])}", which Quater does not check`, formatRemedy(schema["format"]));
  if (typeof schema["pattern"] === "string") patternProblems(schema["pattern"], say);
  for (const pattern of Object.keys(isPlainObject(schema["patternProperties"]) ? schema["patternProperties"] : {}))
    patternProblems(pattern, say);
  refProblems(whole.root, schema, say);
  closingProblems(schema, say);
  for (const [step, item] of eachSubschema(schema)) found.push(...problemsIn(whole, item, `${path}/${step}`));
  return found;
};

const suggested = (word: string, candidates: Iterable<string>): string | undefined => {
  const near = nearest(word, candidates);
  return near === undefined ? undefined : `Did you mean "${near}"?`;
};

const typeRemedy = (name: unknown): string => {
  if (name === "bigint") return "Use Type.Integer(), or Type.String() for integers beyond 2^53";
  const list = `The types are ${[...types].join(", ")}`;
  const near = typeof name === "string" ? suggested(name, types) : undefined;
  return near === undefined ? list : `${near} ${list}`;
};

const keywordRemedy = (keyword: string): string =>
  suggested(keyword, known) ??
  `Remove the keyword, or rename it to "x-${visible(keyword)}". Keywords of your own must begin with x-`;

const formatRemedy = (format: string): string => {
  const list = `The formats are ${formats.join(", ")}`;
  const near = suggested(format, formats);
  return near === undefined ? `${list}. For other formats, write a pattern` : `${near} ${list}`;
};

const limitProblems = (schema: JsonSchema, say: Say): void => {
  for (const [keyword, [most, ofWhat]] of Object.entries(inputLimits)) {
    const limit = schema[keyword];
    if (typeof limit === "number" && limit > most)
      say(`has the ${keyword} ${limit}, but an input may have at most ${most} ${ofWhat}`, `Lower ${keyword} to ${most} or less`);
  }
};

const patternProblems = (pattern: string, say: Say): void => {
  const problem = patternProblem(pattern);
  if (problem === undefined) return;
  const isSyntax = problem === "that is not a regular expression";
  const remedy = isSyntax
    ? 'Correct the pattern. Patterns use the syntax of JavaScript with the flag u, so write a literal ( as "\\\\("'
    : "Write the pattern in another way, or check the text in the handler";
  say(`has a pattern ${problem}: ${visible(pattern)}`, remedy);
};

const refProblems = (root: JsonSchema, schema: JsonSchema, say: Say): void => {
  const ref = schema["$ref"];
  if (typeof ref !== "string") return;
  const target = referred(root, ref);
  if (/^[a-z][a-z+.-]*:|\//i.test(ref) && !ref.startsWith("#"))
    say(`refers to ${ref}, which is outside the schema`, `Copy the schema that ${ref} names to $defs of this schema`);
  else if (!isPlainObject(target) && typeof target !== "boolean")
    say(`refers to ${ref}, which the schema does not define`, `Define ${ref} in $defs, or replace the $ref by the schema`);
};

const closingProblems = (schema: JsonSchema, say: Say): void => {
  if (statesClosing(schema)) return;
  const parts = (Array.isArray(schema["allOf"]) ? (schema["allOf"] as unknown[]) : []).filter(isPlainObject);
  const isObject = "properties" in schema || schema["type"] === "object" || parts.some((part) => "properties" in part);
  const cannot = "so Quater cannot refuse unknown fields";
  const branching = ["if", "dependentSchemas", "not"].find((key) => [schema, ...parts].some((part) => key in part));
  // Quater closes the schema behind a `$ref` separately, so that schema would refuse the fields that the other parts declare.
  if (("properties" in schema && "$ref" in schema) || (isObject && parts.some((part) => "$ref" in part)))
    say(`combines a $ref with other properties, ${cannot}`, "Use Type.Evaluate, or write all properties in one object");
  else if (isObject && branching !== undefined)
    say(`has "${branching}" but no additionalProperties, ${cannot}`, "Add additionalProperties: false");
};

const hasSlowKeys = (schema: unknown): boolean =>
  isPlainObject(schema) &&
  (slowKeyPatternsOf(schema).length > 0 || [...eachSubschema(schema)].some(([, part]) => hasSlowKeys(part)));

/** @param schema  A closed schema, because only a closed schema defines which undeclared keys an object accepts. */
const keyProblems = (schema: unknown, path: string): CauseAndRemedy[] => {
  if (!isPlainObject(schema)) return [];
  const [slow] = slowKeyPatternsOf(schema);
  const here = path === "" ? "the root" : path;
  const own = slow === undefined || isPlainRecord(schema) ? [] : [slowKeyProblem(here, slow)];
  return [...own, ...[...eachSubschema(schema)].flatMap(([step, part]) => keyProblems(part, `${path}/${step}`))];
};

const slowKeyProblem = (here: string, slow: string): CauseAndRemedy => {
  const anchored = `^(?:${slow})`;
  const isSearched = patternProblem(anchored) === undefined && patternOf(anchored).isNative;
  const why = isSearched
    ? "without ^ the match starts again at every character of a key"
    : "two parts of the pattern can match the same character";
  return {
    cause: `${here} has the key pattern ${slow} beside other fields, which is slow: ${why}`,
    remedy: isSearched
      ? `Write ${anchored}, or use Type.Record alone`
      : "Use Type.Record alone, or separate the parts as in ^x-[a-z]+$",
  };
};
