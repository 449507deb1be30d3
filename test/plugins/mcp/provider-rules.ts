// The rules of model providers for the schemas of tools. If a provider refuses one tool, the provider refuses the whole request.
// The rules come from the providers' documentation and from their error messages. Each rule quotes the error message or names the
// page.

import { eachSubschema, isPlainObject, type JsonSchema, referred } from "../../../core/schema/schema.ts";

export interface Rule {
  readonly provider: "Anthropic" | "OpenAI" | "OpenAI strict" | "Gemini";
  /** The error message of the provider, or the page with the rule. */
  readonly says: string;
  /** Returns the places that break the rule. */
  readonly breaks: (schema: JsonSchema) => readonly string[];
}

interface Place {
  readonly path: string;
  readonly schema: JsonSchema;
  readonly root: JsonSchema;
}

const placesIn = function* (root: JsonSchema, schema: unknown, path: string): Generator<Place> {
  if (!isPlainObject(schema)) return;
  yield { path, schema, root };
  for (const [step, part] of eachSubschema(schema)) yield* placesIn(root, part, `${path}/${step}`);
};

const where =
  (isWrong: (place: Place) => boolean): Rule["breaks"] =>
  (root) =>
    [...placesIn(root, root, "#")].filter(isWrong).map(({ path }) => path);

const atRoot =
  (isWrong: (root: JsonSchema) => boolean): Rule["breaks"] =>
  (root) =>
    isWrong(root) ? ["#"] : [];

const has = (...keywords: readonly string[]) => where(({ schema }) => keywords.some((keyword) => keyword in schema));
const names = (schema: JsonSchema) => Object.keys(isPlainObject(schema["properties"]) ? schema["properties"] : {});
const isOf = ({ schema }: Place, type: string) => [schema["type"]].flat().includes(type);
const values = ({ schema }: Place): readonly unknown[] => (Array.isArray(schema["enum"]) ? schema["enum"] : []);
const annotations = new Set(["title", "description", "default"]);
const resolves = ({ schema, root }: Place) => isPlainObject(referred(root, String(schema["$ref"])));

export const rules: readonly Rule[] = [
  {
    provider: "Anthropic",
    says: "input_schema does not support oneOf, allOf, or anyOf at the top level",
    breaks: atRoot((root) => ["oneOf", "allOf", "anyOf"].some((keyword) => keyword in root)),
  },
  { provider: "Anthropic", says: "input_schema.type: Field required", breaks: atRoot(({ type }) => type !== "object") },
  {
    provider: "Anthropic",
    says: "Property keys should match pattern '^[a-zA-Z0-9_.-]{1,64}$'",
    breaks: where(({ schema }) => names(schema).some((name) => !/^[a-zA-Z0-9_.-]{1,64}$/.test(name))),
  },
  {
    provider: "Anthropic",
    says: "JSON schema is invalid. It must match JSON Schema draft 2020-12",
    breaks: where(
      (place) =>
        Array.isArray(place.schema["items"]) ||
        ["definitions", "additionalItems", "dependencies", "$recursiveRef"].some((keyword) => keyword in place.schema) ||
        ("$ref" in place.schema && !resolves(place)),
    ),
  },
  {
    provider: "Anthropic",
    says: "It must match JSON Schema draft 2020-12 (a pattern that its regular expression engine cannot read)",
    breaks: where(({ schema }) => {
      const patterns = [schema["pattern"], ...Object.keys(Object(schema["patternProperties"]))];
      return patterns.some((pattern) => typeof pattern === "string" && /\(\?[=!<]|\\[1-9pPku]/.test(pattern));
    }),
  },
  {
    provider: "OpenAI",
    says: "schema must have type 'object' and not have 'oneOf'/'anyOf'/'allOf'/'enum'/'not' at the top level",
    breaks: atRoot((root) => root["type"] !== "object" || ["oneOf", "anyOf", "allOf", "enum", "not"].some((key) => key in root)),
  },
  {
    provider: "OpenAI",
    says: "object schema missing properties",
    breaks: where((place) => isOf(place, "object") && !isPlainObject(place.schema["properties"])),
  },
  {
    provider: "OpenAI",
    says: "array schema missing items",
    breaks: where((place) => isOf(place, "array") && !isPlainObject(place.schema["items"])),
  },
  {
    provider: "OpenAI strict",
    says: "Structured Outputs, supported schemas: allOf, not, dependentRequired, dependentSchemas, if, then, else; 'oneOf' is not permitted",
    breaks: has("allOf", "oneOf", "not", "dependentRequired", "dependentSchemas", "if", "then", "else"),
  },
  {
    provider: "OpenAI strict",
    says: "'patternProperties' is not permitted (and other keywords that the strict conversion of @openai/agents refuses)",
    breaks: has(
      ..."patternProperties propertyNames unevaluatedProperties unevaluatedItems prefixItems contains minContains".split(" "),
      ..."maxContains uniqueItems $dynamicRef $recursiveRef contentSchema".split(" "),
    ),
  },
  {
    provider: "OpenAI strict",
    says: "$ref cannot have keywords {'description'}",
    breaks: where(({ schema }) => "$ref" in schema && Object.keys(schema).length > 1),
  },
  {
    provider: "OpenAI strict",
    says: "Cannot convert a JSON schema combining `anyOf` with sibling keyword",
    breaks: where(
      ({ schema }) => "anyOf" in schema && Object.keys(schema).some((key) => key !== "anyOf" && !annotations.has(key)),
    ),
  },
  {
    provider: "OpenAI strict",
    says: "'uri' is not a valid format",
    breaks: where(({ schema }) => {
      const formats = ["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"];
      return "format" in schema && !formats.includes(String(schema["format"]));
    }),
  },
  {
    provider: "Gemini",
    says: 'Unknown name "const": Cannot find field (google-gemini/gemini-cli#4400, and the fields of Schema in the API reference)',
    breaks: where(({ schema }) => {
      const fields =
        "type format title description nullable default items minItems maxItems enum properties propertyOrdering required " +
        "minProperties maxProperties minimum maximum minLength maxLength pattern example anyOf additionalProperties $ref $defs";
      return Object.keys(schema).some((keyword) => !fields.split(" ").includes(keyword));
    }),
  },
  {
    provider: "Gemini",
    says: "type must be specified when not using one_of, any_of or all_of fields",
    breaks: where(({ schema }) => !("type" in schema) && !("anyOf" in schema) && !("$ref" in schema)),
  },
  {
    provider: "Gemini",
    says: "Proto field is not repeating, cannot start list (type)",
    breaks: where(({ schema }) => Array.isArray(schema["type"])),
  },
  {
    provider: "Gemini",
    says: "items: missing field",
    breaks: where((place) => isOf(place, "array") && !("items" in place.schema)),
  },
  {
    provider: "Gemini",
    says: "enum: for strings and numbers (structured output, supported properties), and enum without a type is refused",
    breaks: where(
      (place) =>
        values(place).some((value) => typeof value !== "string" && typeof value !== "number") ||
        ("enum" in place.schema && !("type" in place.schema)),
    ),
  },
  { provider: "Gemini", says: "enum[0]: cannot be empty", breaks: where((place) => values(place).includes("")) },
  {
    provider: "Gemini",
    says: "enum: should be non-empty",
    breaks: where((place) => "enum" in place.schema && values(place).length === 0),
  },
  {
    provider: "Gemini",
    says: "required[0]: property is not defined",
    breaks: where(({ schema }) => {
      const required = Array.isArray(schema["required"]) ? (schema["required"] as string[]) : [];
      return required.some((name) => !names(schema).includes(name));
    }),
  },
  {
    provider: "Gemini",
    says: "only 'enum' and 'date-time' are supported for STRING type",
    breaks: where(({ schema }) => "format" in schema && schema["format"] !== "date-time"),
  },
  {
    provider: "Gemini",
    says: "properties: only allowed for OBJECT type",
    breaks: where((place) => "properties" in place.schema && !isOf(place, "object")),
  },
];
