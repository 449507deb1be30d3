// Converts flags to the input for binding. The values of most flags stay texts, because binding converts texts by the rules for
// an HTTP query. This file parses objects as strict JSON.

import { visible } from "../../../core/diagnostics/text.ts";
import { invalid, isQuaterError, QuaterError } from "../../../core/index.ts";
import { coercersOf } from "../../../core/pipeline/bind.ts";
import { fieldSentence, type GivenInput, parseJson } from "../../../core/plugin-api.ts";
import { pointerStep } from "../../../core/schema/json.ts";
import { UsageError } from "../output/exit.ts";
import { type Flag, finderOf } from "./flags.ts";
import { joinValues, type Token } from "./tokens.ts";

export type Texts = ReadonlyMap<string, readonly string[]>;

export interface TypedInput {
  /** The typed texts by input name. The texts of unknown flags are included, so that binding refuses them. */
  readonly texts: Texts;
  readonly words: readonly string[];
}

/** Reads the typed flags of a command. @throws {UsageError} for a wrong command line, such as a command line with a secret. */
export const readTyped = (tokens: readonly Token[], flags: readonly Flag[]): TypedInput => {
  const find = finderOf(flags);
  /** Returns the switch that a flag such as `--no-urgent` turns off; `undefined` if an input has the name `noUrgent`. */
  const negated = (flag: string) => {
    const positive = flag.startsWith("no-") && find(flag) === undefined ? find(flag.slice(3)) : undefined;
    return positive?.kind === "switch" ? positive : undefined;
  };
  const typed = joinValues(tokens, (flag) => {
    const found = find(flag) ?? negated(flag);
    return found === undefined ? "unknown" : found.kind === "switch" ? "switch" : "value";
  });
  const texts = new Map<string, string[]>();
  for (const { flag, value } of typed.flags) {
    const off = negated(flag);
    if (off !== undefined && value !== "true") throw new UsageError(`--${flag} takes no value. Write --${flag} without a value`);
    const found = off ?? find(flag);
    if (found?.isSecret === true) throw secretTyped(found);
    const name = found?.name ?? camel(flag);
    texts.set(name, [...(texts.get(name) ?? []), off === undefined ? value : "false"]);
  }
  return { texts, words: typed.words };
};

const camel = (flag: string): string => flag.replaceAll(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

const secretTyped = ({ flag, variable }: Flag): UsageError =>
  new UsageError(
    `--${flag} is a secret, and other processes can read the command line. Use --input FILE, --input - or the environment variable ${variable}`,
    "secret_in_arguments",
  );

/** Returns the secrets from the environment variables `QUATER_INPUT_<NAME>`. */
export const secretsFrom = (env: Readonly<Record<string, string | undefined>>, flags: readonly Flag[]): Texts =>
  new Map(
    flags.flatMap(({ name, isSecret, variable }) => {
      const value = env[variable];
      return isSecret && value !== undefined ? [[name, [value]] as const] : [];
    }),
  );

/**
 * @param from  The source of the texts in error messages: "flags" or "environment".
 * @throws {QuaterError} `json_*` and `invalid_input`, with the path of the wrong value inside the input.
 */
export const givenFrom = (from: string, texts: Texts, flags: readonly Flag[]): readonly GivenInput[] => {
  const kinds = new Map(flags.map(({ name, kind }) => [name, kind]));
  const parts = new Map(flags.flatMap((flag) => (flag.path.length > 1 ? [[flag.name, flag] as const] : [])));
  const asText: Record<string, string | readonly string[]> = Object.create(null);
  const asJson: Record<string, unknown> = Object.create(null);
  for (const [name, values] of texts) {
    const part = parts.get(name);
    if (part !== undefined) {
      placePart(asJson, part, values);
      continue;
    }
    const [first = "", ...others] = values;
    const kind = kinds.get(name);
    if (kind === "json" || (kind === "either" && /^\s*[{[]/.test(first))) {
      if (others.length > 0) invalid(pathOf(name), "is given more than once");
      if (name in asJson) invalid(pathOf(name), "is given twice, as a whole and by its fields: send it once");
      asJson[name] = parseField(name, first);
    } else asText[name] = others.length === 0 ? first : values;
  }
  return [
    ...(Object.keys(asText).length === 0 ? [] : [{ from, isText: true, values: asText }]),
    ...(Object.keys(asJson).length === 0 ? [] : [{ from, isText: false, values: asJson }]),
  ];
};

/** Adds the value of a flag such as `--article.title` to an object, converted to the type in the schema. @throws {QuaterError} */
const placePart = (into: Record<string, unknown>, { path, kind, schema }: Flag, values: readonly string[]): void => {
  const pointer = pointerOf(path);
  const last = path.at(-1) ?? "";
  const [first = "", ...others] = values;
  const isJson = kind === "json" || (kind === "either" && /^\s*[{[]/.test(first));
  if (others.length > 0 && kind !== "list") invalid(pointer, "is given more than once");
  const coercer = coercersOf({ properties: { [last]: schema } }).get(last);
  const value = isJson ? parseField(path.join("/"), first) : coercer?.coerce(others.length === 0 ? first : values);
  let object = into;
  for (const step of path.slice(0, -1)) {
    if (!placed.has(object[step] as object) && object[step] !== undefined)
      invalid(pointerOf(path.slice(0, 1)), "is given twice, as a whole and by its fields: send it once");
    if (object[step] === undefined) {
      const fresh: Record<string, unknown> = Object.create(null);
      placed.add(fresh);
      object[step] = fresh;
    }
    object = object[step] as Record<string, unknown>;
  }
  if (object[last] !== undefined) invalid(pointer, "is given twice, as a whole and by its fields: send it once");
  object[last] = value;
};

/** The objects that this file made for the flags of nested fields. */
const placed = new WeakSet<object>();

/** Returns the path of an input as error messages contain it, such as `/article/title`. */
export const pointerOf = (path: readonly string[]): string => visible(path.map((step) => `/${pointerStep(step)}`).join(""));

const pathOf = (name: string): string => visible(`/${pointerStep(name)}`);

const parseField = (name: string, text: string): unknown => {
  try {
    return parseJson(text);
  } catch (error) {
    if (!isQuaterError(error)) throw error;
    const errors = (error.errors ?? []).map(({ path, message }) => ({ path: `${pathOf(name)}${path}`, message }));
    const [first] = errors;
    const { code, kind } = error;
    throw new QuaterError({
      code,
      kind,
      message: first === undefined ? error.message : fieldSentence(first),
      errors,
    });
  }
};
