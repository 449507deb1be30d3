// Text to values by the schema, for path, query, flags and forms. Text that does not fit is left as it is, so that the
// check reports it with the same sentence as a JSON value of the wrong type. Nothing here guesses: no trimming, no hex,
// no "yes", no empty string for zero.

import { isLossy } from "./json.ts";
import { isSchema, type JsonSchema, propertiesOf } from "./schema.ts";

/** Gives the value, or `undefined` where the text is not one. */
type Reader = (text: string) => unknown;
/** Takes what was given under one name: a text, or several when the name was repeated. */
export type Coercer = (given: string | readonly string[]) => unknown;

/** RFC 8259 section 6, integers only; `1e2` is a number but not how an integer is written. */
const integerText = /^-?(?:0|[1-9][0-9]*)$/;
const numberText = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;

const readString: Reader = (text) => text;
const readInteger: Reader = (text) => (integerText.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : undefined);
const readNumber: Reader = (text) => (numberText.test(text) && !isLossy(text) ? Number(text) : undefined);
const readBoolean: Reader = (text) => (text === "true" ? true : text === "false" ? false : undefined);

const readers: Readonly<Record<string, Reader>> = {
  string: readString,
  integer: readInteger,
  number: readNumber,
  boolean: readBoolean,
};

const readerOf = (schema: unknown): Reader => {
  if (!isSchema(schema)) return readString;
  if ("const" in schema) return oneOf([schema["const"]]);
  if (Array.isArray(schema["enum"])) return oneOf(schema["enum"]);
  const branches = [schema["anyOf"], schema["oneOf"]].find(Array.isArray) as unknown[] | undefined;
  if (branches !== undefined) return firstThatReads(branches.map(readerOf));
  const named = Array.isArray(schema["type"]) ? (schema["type"] as string[]) : [String(schema["type"])];
  return firstThatReads(named.flatMap((name) => readers[name] ?? []));
};

const oneOf = (values: readonly unknown[]): Reader => {
  const byText = new Map(values.map((value) => [String(value), value]));
  return (text) => byText.get(text);
};

// A branch that takes any string would win over all others, so it is asked last.
const firstThatReads = (candidates: readonly Reader[]): Reader => {
  const ordered = [
    ...candidates.filter((reader) => reader !== readString),
    ...candidates.filter((reader) => reader === readString),
  ];
  return (text) => {
    for (const read of ordered) {
      const value = read(text);
      if (value !== undefined) return value;
    }
    return undefined;
  };
};

const coercer = (schema: JsonSchema): Coercer => {
  if (schema["type"] === "array") {
    const read = readerOf(schema["items"]);
    return (given) => (typeof given === "string" ? [given] : given).map((text) => read(text) ?? text);
  }
  const read = readerOf(schema);
  // Repeated where one value is meant: left as a list, which the check refuses.
  return (given) => (typeof given === "string" ? (read(given) ?? given) : [...given]);
};

/** One coercer per property of an input schema, made at boot. */
export const coercersOf = (input: unknown): ReadonlyMap<string, Coercer> =>
  new Map(Object.entries(propertiesOf(input)).map(([name, schema]) => [name, coercer(schema)]));
