// Describes one route for OpenAPI. This file splits the inputs of the route into path, query, headers, cookies and body, as
// binding reads the inputs.

import type { JsonSchema } from "../../../core/plugin-api.ts";
import { type FileField, fileFieldsOf } from "../../../core/schema/file.ts";
import { isPlainObject, propertiesOf, requiredOf } from "../../../core/schema/schema.ts";
import { takesBody } from "../route.ts";
import { type AnswersOf, answersOf, underKey } from "./answers.ts";
import { scopesOf, securityOf } from "./security.ts";

const approvalParameter = {
  name: "Quater-Approval",
  in: "header",
  required: false,
  description: "The id of the approval that this call uses",
  schema: { type: "string", pattern: "^[A-Za-z0-9_-]{1,100}$" },
};

const longestSummary = 120;

/** Returns the first sentence of a description, without the full stop. */
export const firstSentence = (description: string): string => {
  const [sentence = ""] = /^.*?[.!?](?=\s|$)/.exec(description) ?? [description];
  const plain = sentence.replace(/\.$/, "");
  return plain.length <= longestSummary ? plain : `${plain.slice(0, longestSummary - 1).trimEnd()}…`;
};

/** @param schemes  The names of the security schemes. A caller must use one of these security schemes. */
export const operationObject = (of: AnswersOf, schemes: readonly string[]): object => {
  const { operation, plan } = of;
  const { summary = firstSentence(operation.handler.description), tag = operation.module, deprecated = false } = plan.words;
  const parameters = [...parametersOf(of), ...(operation.needsApproval ? [approvalParameter] : [])];
  const body = bodyOf(of);
  const scopes = scopesOf(operation);
  return {
    operationId: operation.name,
    summary,
    description: operation.handler.description,
    ...(tag === undefined ? {} : { tags: [tag] }),
    ...(deprecated ? { deprecated } : {}),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: body }),
    responses: answersOf(of),
    security: securityOf(operation, schemes),
    "x-quater-effect": operation.handler.effect,
    "x-quater-auth": operation.policy.name,
    ...(scopes === undefined ? {} : { "x-quater-scopes": scopes }),
  };
};

const parametersOf = ({ operation, plan, components }: AnswersOf): readonly object[] => {
  const { input, name: owner } = operation;
  const required = new Set(requiredOf(input));
  const examples = examplesOf(input);
  return Object.entries(propertiesOf(input)).flatMap(([name, schema]) => {
    const bound = plan.bound.find((one) => one.name === name);
    const isPath = plan.params.includes(name);
    if (!isPath && bound === undefined && takesBody(plan.method)) return [];
    const example = examples.map((one) => one[name]).find((value) => value !== undefined);
    return [
      {
        name: bound?.key ?? name,
        in: isPath ? "path" : (bound?.from ?? "query"),
        required: isPath || (required.has(name) && !("default" in schema)),
        ...(typeof schema["description"] === "string" ? { description: schema["description"] } : {}),
        ...(schema["deprecated"] === true ? { deprecated: true } : {}),
        ...(example === undefined ? {} : { example }),
        schema: components.publish(schema, "input", owner, input),
      },
    ];
  });
};

const bodyOf = ({ operation, plan, components }: AnswersOf): object | undefined => {
  if (!takesBody(plan.method)) return undefined;
  const without = new Set([...plan.params, ...plan.bound.map(({ name }) => name)]);
  const { additionalProperties: _, unevaluatedProperties: __, ...open } = inputWithout(operation.input, without);
  const closed = without.size === 0 ? operation.input : inputWithout(operation.input, without);
  const schema = plan.dropsExtra ? open : closed;
  const properties = propertiesOf(schema);
  if (isPlainObject(schema["properties"]) && Object.keys(properties).length === 0) return undefined;
  const [example] = examplesOf(schema);
  const published = components.publish(schema, "input", operation.name, operation.input);
  const { body: key } = plan;
  const shown = example === undefined ? {} : { example: key === undefined ? example : { [key]: example } };
  const files = fileFieldsOf(operation.input);
  return {
    required: requiredOf(schema).some((name) => !("default" in (properties[name] ?? {}))),
    content: {
      ...(files.length > 0
        ? {}
        : { "application/json": { schema: key === undefined ? published : underKey(key, published), ...shown } }),
      ...(plan.takesForms && files.length === 0 ? { "application/x-www-form-urlencoded": { schema: published } } : {}),
      ...(plan.takesForms || files.length > 0 ? { "multipart/form-data": { schema: published, ...encodingOf(files) } } : {}),
    },
  };
};

/** Returns the OpenAPI encodings of a form: the media types that the files of the form may have. */
const encodingOf = (files: readonly FileField[]): object =>
  files.length === 0
    ? {}
    : { encoding: Object.fromEntries(files.map(({ name, rules }) => [name, { contentType: rules.mediaTypes.join(", ") }])) };

const examplesOf = (schema: JsonSchema): readonly JsonSchema[] =>
  Array.isArray(schema["examples"]) ? (schema["examples"] as unknown[]).filter(isPlainObject) : [];

/**
 * Returns the input schema of the body, without the inputs that the route reads from other places. The schema of the body gets no
 * name, because the author of the schema named the whole input schema.
 */
const inputWithout = (input: JsonSchema, names: ReadonlySet<string>): JsonSchema => {
  const { $id: _id, title: _title, ...rest } = input;
  const partsWithout = (key: string) =>
    Array.isArray(input[key])
      ? { [key]: (input[key] as unknown[]).map((part) => (isPlainObject(part) ? inputWithout(part, names) : part)) }
      : {};
  return {
    ...rest,
    ...(isPlainObject(input["properties"]) ? { properties: omit(input["properties"], names) } : {}),
    ...(Array.isArray(input["required"]) ? { required: input["required"].filter((name) => !names.has(String(name))) } : {}),
    ...(examplesOf(input).length === 0 ? {} : { examples: examplesOf(input).map((example) => omit(example, names)) }),
    ...partsWithout("allOf"),
    ...partsWithout("anyOf"),
    ...partsWithout("oneOf"),
  };
};

const omit = (table: JsonSchema, names: ReadonlySet<string>): JsonSchema =>
  Object.fromEntries(Object.entries(table).filter(([name]) => !names.has(name)));
