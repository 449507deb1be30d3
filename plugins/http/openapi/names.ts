// The names of schemas in the OpenAPI document. A schema with a `$id` becomes a named component. An object, union or enum with a
// title also becomes a named component.

import type { BootProblem, Operation } from "../../../core/plugin-api.ts";
import { canonicalText } from "../../../core/schema/digest.ts";
import { eachSubschema, isPlainObject, type JsonSchema, withSubschemas } from "../../../core/schema/schema.ts";
import { httpKey } from "../route.ts";

/** The names of the components that Quater itself adds to the OpenAPI document. */
export const ownComponents = ["Problem", "ApprovalRequired"] as const;

/** Matches a name with the characters that OpenAPI allows in a component's name (OpenAPI 3.1, Components Object). */
const nameForm = /^[A-Za-z0-9._-]+$/;

/**
 * Returns the name of a component from the `$id` or title of its schema: `author` for `author` and
 * `https://shop.example/author.schema.json`; `LineItem` for `Line item`.
 */
export const componentName = (text: string): string => {
  const last = text.replace(/[/#]+$/, "").replace(/^.*[/#]/, "");
  const name = last.replace(/(?:\.schema)?\.json$/, "");
  if (nameForm.test(name)) return name;
  return name
    .split(/[^A-Za-z0-9]+/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join("");
};

const isComposite = (schema: JsonSchema): boolean =>
  schema["type"] === "object" || ["properties", "enum", "anyOf", "oneOf", "allOf"].some((key) => key in schema);

/** Returns the name of the component that the author of the schema chose; `undefined` for a schema without a name. */
export const givenName = (schema: JsonSchema): string | undefined => {
  const { $id, title } = schema;
  const text = typeof $id === "string" ? $id : typeof title === "string" && isComposite(schema) ? title : undefined;
  return text === undefined ? undefined : componentName(text) || undefined;
};

/** Annotations that belong to the place where a handler uses a schema. A component does not have these annotations. */
export const ofPlace = ["default", "deprecated", "readOnly", "writeOnly"] as const;
/**
 * Annotations that may differ between the places where handlers use a schema. The component has the annotations of the first
 * place.
 */
export const ofFirstPlace = ["title", "description", "examples"] as const;

const annotations = new Set<string>([...ofPlace, ...ofFirstPlace]);

/** Returns a schema without its annotations. */
const essence = (schema: JsonSchema): JsonSchema =>
  Object.fromEntries(Object.entries(withSubschemas(schema, essence)).filter(([key]) => !annotations.has(key)));

const schemasOf = ({ handler: { input, output } }: Operation): readonly unknown[] =>
  output === undefined ? [input] : [input, "item" in output ? output.item : output];

/** @returns A boot problem for each name that two different schemas have, because clients would get one type for both schemas. */
export const nameProblems = (operations: readonly Operation[]): readonly BootProblem[] => {
  const first = new Map<string, { readonly schema: JsonSchema; readonly operation: string }>();
  const problems = new Map<string, BootProblem>();
  const look = (schema: unknown, { name: operation, place }: Operation): void => {
    if (!isPlainObject(schema)) return;
    const name = givenName(schema);
    const known = name === undefined ? undefined : first.get(name);
    if (name !== undefined && known === undefined) first.set(name, { schema, operation });
    const say = (cause: string, remedy: string) =>
      problems.set(name ?? "", { place, plugin: "http", cause: `In the schemas of ${operation}, ${cause}`, remedy });
    if ((ownComponents as readonly (string | undefined)[]).includes(name))
      say(
        `a schema has the name ${name}, which Quater itself uses in the OpenAPI document`,
        "Change the $id or title of the schema",
      );
    else if (known !== undefined && known.schema !== schema && textOf(known.schema) !== textOf(schema))
      say(
        `a schema has the name ${name}, but ${known.operation === operation ? "another schema of this handler" : `a schema of ${known.operation}`} has the same name`,
        "Change the $id or title of one of the two schemas, or make the schemas equal",
      );
    for (const [, part] of eachSubschema(schema)) look(part, { name: operation, place } as Operation);
  };
  for (const operation of operations)
    if (httpKey.of(operation) !== undefined) for (const schema of schemasOf(operation)) look(schema, operation);
  return [...problems.values()];
};

const textOf = (schema: JsonSchema): string => canonicalText(essence(schema));
