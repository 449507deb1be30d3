// Values that a schema of a document accepts, and values that it just does not accept.

import fc from "fast-check";
import type { Document, Schema } from "./document.ts";

const text = (length: object): fc.Arbitrary<string> => fc.string({ unit: "binary", ...length });

const day = fc.date({ min: new Date("2000-01-01"), max: new Date("2040-01-01"), noInvalidDate: true });
const formats: Readonly<Record<string, fc.Arbitrary<string>>> = {
  date: day.map((date) => date.toISOString().slice(0, 10)),
  "date-time": day.map((date) => date.toISOString()),
  email: fc.emailAddress(),
  uri: fc.webUrl(),
  uuid: fc.uuid(),
};

const bounds = (values: readonly unknown[]): fc.Arbitrary<unknown>[] =>
  values.filter((value) => value !== undefined).map((value) => fc.constant(value));

/** Accepted values, with those at each bound. */
export const acceptedBy = (document: Document, given: Schema): fc.Arbitrary<unknown> => {
  const schema = document.followed(given);
  if ("const" in schema) return fc.constant(schema["const"]);
  if (Array.isArray(schema["enum"])) return fc.constantFrom(...(schema["enum"] as unknown[]));
  const branches = (schema["anyOf"] ?? schema["oneOf"]) as Schema[] | undefined;
  if (branches !== undefined) return fc.oneof(...branches.map((branch) => acceptedBy(document, branch)));
  switch (schema["type"]) {
    case "string":
      return stringOf(schema);
    case "integer": {
      const { minimum: min = Number.MIN_SAFE_INTEGER, maximum: max = Number.MAX_SAFE_INTEGER } = schema as {
        readonly minimum?: number;
        readonly maximum?: number;
      };
      return fc.oneof(
        fc.maxSafeInteger().map((n) => Math.min(max, Math.max(min, n))),
        fc.integer({ min, max: Math.min(max, min + 99) }),
        ...bounds([min, max]),
      );
    }
    case "number":
      return fc.double({ noNaN: true, noDefaultInfinity: true });
    case "boolean":
      return fc.boolean();
    case "null":
      return fc.constant(null);
    case "array":
      return arrayOf(document, schema);
    default:
      return objectOf(document, schema);
  }
};

const stringOf = (schema: Schema): fc.Arbitrary<unknown> => {
  const { minLength = 0, maxLength = 100 } = schema as { readonly minLength?: number; readonly maxLength?: number };
  const { pattern, format } = schema;
  const fitting = ({ length }: string) => length >= minLength && length <= maxLength;
  if (typeof format === "string") return (formats[format] ?? text({ minLength })).filter(fitting);
  if (typeof pattern === "string")
    return fc.stringMatching(new RegExp(pattern, "u"), { maxLength: Math.min(maxLength, 200) }).filter(fitting);
  return fc.oneof(text({ minLength, maxLength: Math.min(maxLength, 40) }), ...atLengths([minLength, maxLength]));
};

/** Of one letter, and of letters that JavaScript counts twice. */
const atLengths = (lengths: readonly number[]): fc.Arbitrary<string>[] =>
  lengths
    .filter((length) => length <= 20_000)
    .flatMap((length) => ["a", "𝄞"].map((letter) => fc.constant(letter.repeat(length))));

const arrayOf = (document: Document, schema: Schema): fc.Arbitrary<unknown> => {
  const { minItems = 0, maxItems = 10 } = schema as { readonly minItems?: number; readonly maxItems?: number };
  const make = schema["uniqueItems"] === true ? fc.uniqueArray : fc.array;
  const item = acceptedBy(document, (schema["items"] ?? {}) as Schema);
  const few = make(item, { minLength: minItems, maxLength: Math.min(maxItems, minItems + 3) });
  return fc.oneof(
    { weight: 8, arbitrary: few },
    { weight: 1, arbitrary: make(item, { minLength: minItems, maxLength: maxItems, size: "max" }) },
  );
};

const objectOf = (document: Document, schema: Schema): fc.Arbitrary<unknown> => {
  const properties = (schema["properties"] ?? {}) as Readonly<Record<string, Schema>>;
  const model = Object.fromEntries(Object.entries(properties).map(([name, part]) => [name, acceptedBy(document, part)]));
  const made = fc.record(model, { requiredKeys: (schema["required"] ?? []) as string[] });
  if (schema["additionalProperties"] === false) return made;
  return fc.tuple(made, fc.boolean()).map(([value, isMore]) => (isMore ? { ...value, "more-of-it": 1 } : value));
};

/** A value that is wrong in one place. */
export interface Wrong {
  /** A JSON Pointer. */
  readonly path: string;
  readonly value: unknown;
}

/** @param value  An accepted value. @returns Copies of it, each with one fault. Some of them may be right after all. */
export const wrongsOf = (document: Document, given: Schema, value: unknown, path = ""): readonly Wrong[] => {
  const schema = document.followed(given);
  const here = leafFaults(schema, value).map((wrong) => ({ path, value: wrong }));
  if (Array.isArray(value)) return [...here, ...listWrongs(document, schema, value, path)];
  if (typeof value === "object" && value !== null)
    return [...here, ...objectWrongs(document, schema, value as Readonly<Record<string, unknown>>, path)];
  return here;
};

const listWrongs = (document: Document, schema: Schema, value: readonly unknown[], path: string): readonly Wrong[] =>
  value.flatMap((item, index) =>
    index > 0
      ? []
      : wrongsOf(document, (schema["items"] ?? {}) as Schema, item, `${path}/${index}`).map((wrong) => ({
          ...wrong,
          value: value.with(index, wrong.value),
        })),
  );

const objectWrongs = (
  document: Document,
  schema: Schema,
  value: Readonly<Record<string, unknown>>,
  path: string,
): readonly Wrong[] => {
  const properties = (schema["properties"] ?? {}) as Readonly<Record<string, Schema>>;
  const required = (schema["required"] ?? []) as readonly string[];
  const without = (name: string) => Object.fromEntries(Object.entries(value).filter(([key]) => key !== name));
  return [
    ...required.map((name) => ({ path: `${path}/${name}`, value: without(name) })),
    ...["extra", "__proto", "id2"].map((name) => ({ path: `${path}/${name}`, value: { ...value, [name]: "x" } })),
    ...Object.entries(properties).flatMap(([name, part]) =>
      Object.hasOwn(value, name)
        ? wrongsOf(document, part, value[name], `${path}/${name}`).map((wrong) => ({
            ...wrong,
            value: { ...value, [name]: wrong.value },
          }))
        : [],
    ),
  ];
};

const otherTypes = [null, true, "7", "", 7, 1.5, [], {}, ["a"]];

/** Values beside the bounds of one schema, and of other types. */
const leafFaults = (schema: Schema, value: unknown): readonly unknown[] => {
  const { minLength, maxLength, minimum, maximum, minItems, maxItems } = schema as Readonly<Record<string, number | undefined>>;
  const found: unknown[] = otherTypes.filter((other) => typeof other !== "object" || typeof value !== "object");
  if (minLength !== undefined && minLength > 0) found.push("a".repeat(minLength - 1));
  if (maxLength !== undefined && maxLength < 200_000) found.push("a".repeat(maxLength + 1), "𝄞".repeat(maxLength + 1));
  if (minimum !== undefined) found.push(minimum - 1, minimum - 0.5);
  if (maximum !== undefined) found.push(maximum + 1);
  if (schema["type"] === "integer") found.push(2 ** 53, -(2 ** 53));
  if (typeof value === "string" && ("pattern" in schema || "format" in schema || "enum" in schema))
    found.push(`${value} `, ` ${value}`, `${value}\n`, value.slice(1), value.toUpperCase(), "\u0000");
  if (Array.isArray(value)) {
    if (minItems !== undefined && minItems > 0) found.push(value.slice(0, minItems - 1));
    if (maxItems !== undefined && value.length > 0)
      found.push(Array.from({ length: maxItems + 1 }, (_, at) => (typeof value[0] === "string" ? `${at}` : value[0])));
    if (schema["uniqueItems"] === true && value.length > 0) found.push([...value, value[0]]);
  }
  return found;
};
