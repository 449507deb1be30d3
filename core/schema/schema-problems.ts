// Checks the schemas of handlers at boot: every keyword is known, every object can be closed, and every pattern can be matched in
// bounded time.

import { nearest, visible } from "../diagnostics/text.ts";
import { isPlainRecord, slowKeyPatternsOf } from "./compiled-patterns.ts";
import { patternOf, patternProblem } from "./pattern.ts";
import { closed, eachSubschema, isPlainObject, type JsonSchema, referred, statesClosing } from "./schema.ts";

const types = new Set(["string", "number", "integer", "boolean", "object", "array", "null"]);
const formats = new Set(
  (
    "date-time date duration email hostname idn-email idn-hostname ipv4 ipv6 iri iri-reference json-pointer " +
    "json-pointer-uri-fragment regex relative-json-pointer time uri uri-reference uri-template url uuid"
  ).split(" "),
);

const isCount = (value: unknown): boolean => Number.isInteger(value) && Number(value) >= 0;
const isNumber = (value: unknown): boolean => Number.isFinite(value);
const isText = (value: unknown): boolean => typeof value === "string";

type Expectation = readonly [isRight: (value: unknown) => boolean, expected: string];

const all = (names: string, ...expectation: Expectation): Record<string, Expectation> =>
  Object.fromEntries(names.split(" ").map((name) => [name, expectation]));

/** TypeBox ignores a keyword whose value has the wrong type, so the boot refuses it. */
const keywords: Readonly<Record<string, Expectation>> = {
  ...all("minLength maxLength minItems maxItems minProperties maxProperties", isCount, "a count"),
  ...all("minimum maximum exclusiveMinimum exclusiveMaximum multipleOf", isNumber, "a number"),
  ...all("pattern format $ref $id", isText, "a text"),
  ...all("properties patternProperties $defs dependentSchemas", isPlainObject, "a table of schemas"),
  ...all("allOf anyOf oneOf prefixItems enum", Array.isArray, "a list"),
  required: [(value) => Array.isArray(value) && value.every(isText), "a list of names"],
};

/**
 * All that JSON Schema 2020-12 knows, what drafts before it had and TypeBox still checks, and the annotations of OpenAPI 3.1.
 * Other keywords are refused: a misspelt limit would silently not apply.
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

/** What is wrong with `schema`, as sentences that begin with the place: `/properties/id has the type "bigint", ...`. */
export const schemaProblems = (schema: unknown): string[] => {
  if (typeof schema === "boolean") return [];
  if (!isPlainObject(schema)) return ["the root is not a JSON Schema"];
  const found = problemsIn(schema, schema, "");
  return found.length > 0 || !hasSlowKeys(schema) ? found : keyProblems(closed(schema), "");
};

const problemsIn = (root: JsonSchema, schema: unknown, path: string): string[] => {
  const here = path === "" ? "the root" : path;
  if (typeof schema === "boolean") return [];
  if (!isPlainObject(schema)) return [`${here} is not a JSON Schema`];
  const found: string[] = [];
  const say = (cause: string) => found.push(`${here} ${cause}`);
  for (const name of [schema["type"] ?? []].flat())
    if (!types.has(name as string)) say(`has the type ${JSON.stringify(name)}, which JSON does not know`);
  for (const [keyword, [isRight, expected]] of Object.entries(keywords))
    if (keyword in schema && !isRight(schema[keyword])) say(`has a "${keyword}" that is not ${expected}`);
  for (const keyword of Object.keys(schema)) if (!known.has(keyword) && !keyword.startsWith("x-")) say(unknownKeyword(keyword));
  if (Array.isArray(schema["items"]))
    say(
      'is a Type.Tuple, which is not JSON Schema 2020-12: use Type.Unsafe({ type: "array", prefixItems: [...], items: false })',
    );
  if ("~codec" in schema) say("has a codec, which would not run: decode in the handler");
  if (typeof schema["format"] === "string" && !formats.has(schema["format"]))
    say(`has the format "${schema["format"]}", which nothing checks`);
  if (typeof schema["pattern"] === "string") patternProblems(schema["pattern"]).forEach(say);
  for (const pattern of Object.keys(isPlainObject(schema["patternProperties"]) ? schema["patternProperties"] : {}))
    patternProblems(pattern).forEach(say);
  found.push(...refProblems(root, schema, here), ...closingProblems(schema, here));
  for (const [step, item] of eachSubschema(schema)) found.push(...problemsIn(root, item, `${path}/${step}`));
  return found;
};

const unknownKeyword = (keyword: string): string => {
  const near = nearest(keyword, known);
  const advice = near === undefined ? 'a word of your own begins with "x-"' : `did you mean "${near}"?`;
  return `has the keyword "${visible(keyword)}", which checks nothing; ${advice}`;
};

const refProblems = (root: JsonSchema, schema: JsonSchema, here: string): string[] => {
  const ref = schema["$ref"];
  if (typeof ref !== "string") return [];
  if (/^[a-z][a-z+.-]*:|\//i.test(ref) && !ref.startsWith("#")) return [`${here} refers to ${ref}, outside the schema`];
  const target = referred(root, ref);
  return isPlainObject(target) || typeof target === "boolean"
    ? []
    : [`${here} refers to ${ref}, which the schema does not define`];
};

const closingProblems = (schema: JsonSchema, here: string): string[] => {
  if (statesClosing(schema)) return [];
  const parts = (Array.isArray(schema["allOf"]) ? (schema["allOf"] as unknown[]) : []).filter(isPlainObject);
  const isObject = "properties" in schema || schema["type"] === "object" || parts.some((part) => "properties" in part);
  // A part that `$ref` brings in is closed by itself and would refuse what the other parts declare.
  if (("properties" in schema && "$ref" in schema) || (isObject && parts.some((part) => "$ref" in part)))
    return [`${here} combines a $ref with other properties, so it cannot be closed soundly: use Type.Evaluate or repeat them`];
  const branching = ["if", "dependentSchemas", "not"].find((key) => [schema, ...parts].some((part) => key in part));
  return isObject && branching !== undefined
    ? [`${here} has "${branching}" and does not say additionalProperties itself, so it cannot be closed soundly`]
    : [];
};

const patternProblems = (pattern: string): string[] => {
  const problem = patternProblem(pattern);
  return problem === undefined ? [] : [`has a pattern ${problem}: ${pattern}`];
};

const hasSlowKeys = (schema: unknown): boolean =>
  isPlainObject(schema) &&
  (slowKeyPatternsOf(schema).length > 0 || [...eachSubschema(schema)].some(([, part]) => hasSlowKeys(part)));

/** @param schema  Closed: only then is it known which other keys an object takes. */
const keyProblems = (schema: unknown, path: string): string[] => {
  if (!isPlainObject(schema)) return [];
  const [slow] = slowKeyPatternsOf(schema);
  const here = path === "" ? "the root" : path;
  const own =
    slow === undefined || isPlainRecord(schema)
      ? []
      : [`${here} has the key pattern ${slow} beside other fields${keyAdvice(slow)}`];
  return [...own, ...[...eachSubschema(schema)].flatMap(([step, part]) => keyProblems(part, `${path}/${step}`))];
};

const keyAdvice = (slow: string): string => {
  const anchored = `^(?:${slow})`;
  return patternProblem(anchored) === undefined && patternOf(anchored).isNative
    ? `, and without ^ it is searched from every character of a key: write ${anchored}, or use Type.Record alone`
    : ", and two parts of it can match the same character, which is slow: use Type.Record alone, " +
        "or separate the parts as in ^x-[a-z]+$";
};
