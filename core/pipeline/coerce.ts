// Converts text from path, query and flags to the types in the input schema. Text that Quater cannot convert stays text, so that
// the schema check reports the same sentence as for a JSON value of the wrong type. The conversion of text does not guess. The
// conversion does not trim text, and does not accept hexadecimal numbers, "yes", or an empty text as zero.

import { isLossy } from "../schema/json.ts";
import { isPlainObject, type JsonSchema, propertiesOf, referred } from "../schema/schema.ts";

/** Reads a value from a text of a caller. Returns `undefined` for a text that Quater cannot convert. */
type ReadText = (text: string) => unknown;

export interface Coercer {
  /** Whether callers may repeat the name of the field, because the field is a list. */
  readonly takesList: boolean;
  /**
   * Whether a text can express a value of the field. True if the schema of the field accepts a text, a number, a boolean, or a
   * list of these types.
   */
  readonly takesText: boolean;
  /**
   * Converts the text that a caller sent under one name of the input, or the list of texts when the caller repeated the name.
   * Returns other values unchanged.
   */
  readonly coerce: (given: unknown) => unknown;
}

/** Matches an integer in the notation of RFC 8259 section 6. `1e2` is a number, but not the usual form of an integer. */
const integerText = /^-?(?:0|[1-9][0-9]*)$/;
const numberText = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;

const readString: ReadText = (text) => text;
const readInteger: ReadText = (text) => (integerText.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : undefined);
/**
 * Also reads an integer outside the range of exact integers as a number, so that the error of the schema check names the allowed
 * range.
 */
const readLargeInteger: ReadText = (text) => {
  const value = numberText.test(text) ? Number(text) : Number.NaN;
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? value : undefined;
};
const readNumber: ReadText = (text) => (numberText.test(text) && !isLossy(text) ? Number(text) : undefined);
const readBoolean: ReadText = (text) => (text === "true" ? true : text === "false" ? false : undefined);

const readerByType: ReadonlyMap<unknown, ReadText> = new Map([
  ["string", readString],
  ["integer", readInteger],
  ["number", readNumber],
  ["boolean", readBoolean],
]);

/** Returns the schema itself, or the schemas in `anyOf`, `oneOf` and `allOf` of the schema. `branchesOf` follows `$ref`s. */
const branchesOf = (root: unknown, schema: unknown, depth = 0): JsonSchema[] => {
  if (!isPlainObject(schema) || depth > 16) return []; // Stop at 16 levels, because schemas can refer to each other in a circle.
  const ref = schema["$ref"];
  if (typeof ref === "string" && isPlainObject(root)) return branchesOf(root, referred(root, ref), depth + 1);
  const branches = [schema["anyOf"], schema["oneOf"], schema["allOf"]].find(Array.isArray) as unknown[] | undefined;
  return branches === undefined ? [schema] : branches.flatMap((branch) => branchesOf(root, branch, depth + 1));
};

const readerOf = (schema: JsonSchema): readonly ReadText[] => {
  if ("const" in schema) return [oneOf([schema["const"]])];
  if (Array.isArray(schema["enum"])) return [oneOf(schema["enum"])];
  return [schema["type"]].flat().flatMap((name) => readerByType.get(name) ?? []);
};

const oneOf = (values: readonly unknown[]): ReadText => {
  const scalars = values.filter((value) => ["string", "number", "boolean"].includes(typeof value));
  const byText = new Map(scalars.map((value) => [String(value), value]));
  return (text) => byText.get(text);
};

// Try the readers of a text in order. The reader that accepts any string always succeeds, so this reader comes last.
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
  const readers = branches.flatMap(readerOf);
  const itemReaders = list === undefined ? [] : branchesOf(root, list["items"]).flatMap(readerOf);
  const readOne = firstThatReads(readers);
  const readItem = firstThatReads(itemReaders);
  const one = (text: unknown) => (typeof text === "string" ? (readOne(text) ?? text) : text);
  const item = (text: unknown) => (typeof text === "string" ? (readItem(text) ?? text) : text);
  const isOnlyList = list !== undefined && branches.length === 1;
  return {
    takesList: list !== undefined,
    takesText: readers.length > 0 || itemReaders.length > 0,
    coerce: (given) => (Array.isArray(given) ? given.map(item) : isOnlyList ? [item(given)] : one(given)),
  };
};

/** Returns a coercer for each property of an input schema. Quater calls `coercersOf` at boot. */
export const coercersOf = (input: unknown): ReadonlyMap<string, Coercer> =>
  new Map(Object.entries(propertiesOf(input)).map(([name, schema]) => [name, coercer(input, schema)]));
