// Coerces text from path, query and flags by the schema. Text that does not fit stays text, so that the check reports the same sentence
// as for a JSON value of the wrong type. Nothing is guessed: no trimming, no hexadecimal numbers, no "yes", no zero for an empty text.

import { isLossy } from "../schema/json.ts";
import { isPlainObject, type JsonSchema, propertiesOf, referred } from "../schema/schema.ts";

/** Gives the value, or `undefined` where the text is not one. */
type ReadText = (text: string) => unknown;

export interface Coercer {
  /** Whether the name may be repeated. */
  readonly takesList: boolean;
  /** What was given under one name: a text, or several when the name was repeated. Anything else is left as it is. */
  readonly coerce: (given: unknown) => unknown;
}

/** RFC 8259 section 6, integers only; `1e2` is a number but not how an integer is written. */
const integerText = /^-?(?:0|[1-9][0-9]*)$/;
const numberText = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;

const readString: ReadText = (text) => text;
const readInteger: ReadText = (text) => (integerText.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : undefined);
/** Beyond the range of exact integers: the check then names the range. */
const readLargeInteger: ReadText = (text) => {
  const value = numberText.test(text) ? Number(text) : Number.NaN;
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? value : undefined;
};
const readNumber: ReadText = (text) => (numberText.test(text) && !isLossy(text) ? Number(text) : undefined);
const readBoolean: ReadText = (text) => (text === "true" ? true : text === "false" ? false : undefined);

const readers: ReadonlyMap<unknown, ReadText> = new Map([
  ["string", readString],
  ["integer", readInteger],
  ["number", readNumber],
  ["boolean", readBoolean],
]);

/** The schema itself, or the schemas of which one or all must hold, `$ref`s followed. */
const branchesOf = (root: unknown, schema: unknown, depth = 0): JsonSchema[] => {
  if (!isPlainObject(schema) || depth > 16) return []; // deeper than anybody writes, and an end for schemas that refer in a circle
  const ref = schema["$ref"];
  if (typeof ref === "string" && isPlainObject(root)) return branchesOf(root, referred(root, ref), depth + 1);
  const branches = [schema["anyOf"], schema["oneOf"], schema["allOf"]].find(Array.isArray) as unknown[] | undefined;
  return branches === undefined ? [schema] : branches.flatMap((branch) => branchesOf(root, branch, depth + 1));
};

const readerOf = (schema: JsonSchema): readonly ReadText[] => {
  if ("const" in schema) return [oneOf([schema["const"]])];
  if (Array.isArray(schema["enum"])) return [oneOf(schema["enum"])];
  return [schema["type"]].flat().flatMap((name) => readers.get(name) ?? []);
};

const oneOf = (values: readonly unknown[]): ReadText => {
  const scalars = values.filter((value) => ["string", "number", "boolean"].includes(typeof value));
  const byText = new Map(scalars.map((value) => [String(value), value]));
  return (text) => byText.get(text);
};

// A branch that takes any string would win over all others, so it is asked last.
const firstThatReads = (candidates: readonly ReadText[]): ReadText => {
  const ordered = [
    ...candidates.filter((reader) => reader !== readString),
    ...candidates.filter((reader) => reader === readString),
    ...(candidates.includes(readInteger) ? [readLargeInteger] : []),
  ];
  return (text) => {
    for (const read of ordered) {
      const value = read(text);
      if (value !== undefined) return value;
    }
    return undefined;
  };
};

const coercer = (root: unknown, schema: JsonSchema): Coercer => {
  const branches = branchesOf(root, schema);
  const list = branches.find((branch) => [branch["type"]].flat().includes("array"));
  const readOne = firstThatReads(branches.flatMap(readerOf));
  const readItem = firstThatReads(list === undefined ? [] : branchesOf(root, list["items"]).flatMap(readerOf));
  const one = (text: unknown) => (typeof text === "string" ? (readOne(text) ?? text) : text);
  const item = (text: unknown) => (typeof text === "string" ? (readItem(text) ?? text) : text);
  const isOnlyList = list !== undefined && branches.length === 1;
  return {
    takesList: list !== undefined,
    coerce: (given) => (Array.isArray(given) ? given.map(item) : isOnlyList ? [item(given)] : one(given)),
  };
};

/** One coercer per property of an input schema, made at boot. */
export const coercersOf = (input: unknown): ReadonlyMap<string, Coercer> =>
  new Map(Object.entries(propertiesOf(input)).map(([name, schema]) => [name, coercer(input, schema)]));
