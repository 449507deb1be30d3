// The option tables of plugins and authenticators. Quater derives the types, the defaults, the checks at boot and the text of the
// reference page from one table.

import { type FieldRule, optionProblems } from "../diagnostics/plugin-options.ts";
import type { BootProblem } from "../diagnostics/problem.ts";
import { Check } from "./compile.ts";
import { checkableAtBoot } from "./compiled-patterns.ts";
import { closed, hasSecret, isPlainObject, type JsonSchema } from "./schema.ts";
import { type Static, type TSchema, Type } from "./typebox.ts";
import type { Defaulted } from "./with-default.ts";

/**
 * The schema of each option by the name of the option. An option is required, unless its schema is `Type.Optional(...)` or
 * `withDefault(...)`.
 */
export type OptionTable = Readonly<Record<string, TSchema>>;

type ValueOf<Schema extends TSchema> = Static<Schema> extends infer Value ? Frozen<Value> : never;
type Frozen<Value> = Value extends readonly (infer Item)[] ? readonly Item[] : Value;
type Omittable<Table> = {
  [Key in keyof Table]: Table[Key] extends { readonly "~optional": true } | Defaulted ? Key : never;
}[keyof Table];
type Written<Table extends OptionTable> = {
  readonly [Key in keyof Table as Exclude<Key, Omittable<Table>>]: ValueOf<Table[Key]>;
} & {
  readonly [Key in keyof Table as Extract<Key, Omittable<Table>>]?: ValueOf<Table[Key]>;
};

/**
 * The options that the manifest passes to a factory. The type is conditional, so that hovers and errors show one plain object.
 */
export type GivenOptions<Table extends OptionTable> =
  Written<Table> extends infer Options ? { readonly [Key in keyof Options]: Options[Key] } : never;

/** The options that the author of a plugin receives, with the defaults of absent options. */
export type OptionValues<Table extends OptionTable> = {
  readonly [Key in keyof Table]: Table[Key] extends { readonly "~optional": true }
    ? ValueOf<Table[Key]> | undefined
    : ValueOf<Table[Key]>;
};

// biome-ignore lint/complexity/noBannedTypes: {} fits what has no required option
export type FactoryArguments<Given> = {} extends Given ? [options?: Given] : [options: Given];

/** The type of a factory's options: `OptionsOf<typeof audit>`. */
export type OptionsOf<Factory extends (...given: never) => unknown> = NonNullable<Parameters<Factory>[0]>;

const opaqueWords = "x-quater-opaque";

/**
 * A schema for a value that JSON cannot represent, such as a function.
 *
 * @param words  A description of the value in words: "a function that gives milliseconds". Errors and the reference page use
 * these words.
 * @param isRight  Checks the value at boot. Default: every value is right.
 */
export const opaque = <Value>(words: string, isRight: (value: unknown) => boolean = () => true) =>
  Type.Unsafe<Value>({ [opaqueWords]: words, isRight } as object);

export const isFunction = (value: unknown): boolean => typeof value === "function";

/** Describes the values of an option in words: "a whole number from 1 to 100". */
export const wordsOf = (schema: JsonSchema): string => {
  const words = schema[opaqueWords];
  if (typeof words === "string") return words;
  const choices = choicesOf(schema);
  if (choices !== undefined) return choices.length === 1 ? String(choices[0]) : `one of ${choices.join(", ")}`;
  if (Array.isArray(schema["anyOf"])) return schema["anyOf"].map((part: JsonSchema) => wordsOf(part)).join(", or ");
  if (schema["type"] === "array") return `a list${isPlainObject(schema["items"]) ? ` of: ${wordsOf(schema["items"])}` : ""}`;
  if (schema["type"] === "integer" || schema["type"] === "number") return numberWords(schema);
  if (schema["type"] === "string") return textWords(schema);
  if (schema["type"] === "boolean") return "true or false";
  const names = Object.keys(isPlainObject(schema["properties"]) ? schema["properties"] : {});
  return names.length === 0 ? "an object" : `{ ${names.join(", ")} }`;
};

const choicesOf = (schema: JsonSchema): readonly unknown[] | undefined => {
  if ("const" in schema) return [JSON.stringify(schema["const"])];
  return Array.isArray(schema["enum"]) ? schema["enum"] : undefined;
};

const numberWords = ({ type, minimum, maximum }: JsonSchema): string => {
  const what = type === "integer" ? "a whole number" : "a number";
  const shown = (limit: unknown) => Number(limit).toLocaleString("en");
  if (minimum !== undefined && maximum !== undefined) return `${what} from ${shown(minimum)} to ${shown(maximum)}`;
  if (minimum !== undefined) return `${what}, at least ${shown(minimum)}`;
  return maximum === undefined ? what : `${what}, at most ${shown(maximum)}`;
};

const textWords = ({ minLength, pattern }: JsonSchema): string => {
  if (typeof pattern === "string") return `a string that matches ${pattern}`;
  return Number(minLength ?? 0) > 0 ? "a string that is not empty" : "a string";
};

/** Whether the manifest may omit the option. */
export const isOmittable = (schema: object): boolean => "default" in schema || "~optional" in schema;

const isRightFor = (schema: TSchema, value: unknown): boolean => {
  const { isRight } = schema as { readonly isRight?: (value: unknown) => boolean };
  return isRight === undefined ? Check(checkableAtBoot(closed(schema, "output") as JsonSchema), value) : isRight(value);
};

/**
 * Makes the rule that checks an option of a factory and returns the remedy for a wrong value. A schema may have its own remedy:
 * `Type.String({ pattern, remedy: "Write ..." })`.
 */
const ruleOf =
  (schema: TSchema): FieldRule =>
  (value) => {
    if (value === undefined ? isOmittable(schema) : isRightFor(schema, value)) return undefined;
    const { remedy } = schema as { readonly remedy?: unknown };
    const what = typeof remedy === "string" ? remedy : `Write ${wordsOf(schema as JsonSchema)}`;
    return isOmittable(schema) ? `${what}, or remove this option` : what;
  };

/** Reads the arguments of `definePlugin` and `defineAuthenticator`. The option table may be absent from these arguments. */
export const tableAndMake = <Make extends (...given: never) => unknown>(
  first: OptionTable | Make,
  second: Make | undefined,
): readonly [table: OptionTable, make: Make] => (typeof first === "function" ? [{}, first] : [first, second as Make]);

const tableMark = Symbol.for("quater.options");

/** Stores the option table in the factory, so that a test can compare the reference page with the table. */
export const withTable = <Factory extends object>(factory: Factory, table: OptionTable): Factory =>
  Object.assign(factory, { [tableMark]: table });

/** Returns the option table of a factory that `definePlugin` or `defineAuthenticator` made. */
export const tableOf = (factory: object): OptionTable => (factory as { readonly [tableMark]?: OptionTable })[tableMark] ?? {};

export interface ReadOptions<Table extends OptionTable> {
  /**
   * The options of the plugin, with defaults in place of absent and wrong values. A wrong value stops the boot, so no plugin runs
   * with a default in place of a wrong value.
   */
  readonly values: OptionValues<Table>;
  readonly problems: (name: string) => readonly BootProblem[];
}

/** Reads the options that a manifest passed to a factory. A manifest in JavaScript may pass any value. */
export const readOptions = <const Table extends OptionTable>(table: Table, given: unknown): ReadOptions<Table> => {
  const rules = Object.fromEntries(Object.entries(table).map(([key, schema]) => [key, ruleOf(schema)]));
  const written: JsonSchema = isPlainObject(given) ? given : {};
  const values = Object.entries(table).map(([key, schema]) => {
    const value = written[key];
    const isTaken = value !== undefined && rules[key]?.(value) === undefined;
    return [key, isTaken ? value : (schema as { readonly default?: unknown }).default];
  });
  const isSecret = (key: string) => hasSecret(table[key] as unknown as JsonSchema);
  return {
    values: Object.fromEntries(values) as OptionValues<Table>,
    problems: (name) => optionProblems(name, given, rules, isSecret),
  };
};
