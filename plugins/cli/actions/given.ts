// Converts flags to the input for binding. Texts stay texts, so binding converts them by the rules for an HTTP query. Objects are
// parsed as strict JSON.

import { cut, nearest, visible } from "../../../core/diagnostics/text.ts";
import { invalid, isQuaterError, QuaterError } from "../../../core/index.ts";
import { type FieldError, fieldSentence, type GivenInput, parseJson } from "../../../core/plugin-api.ts";

import { pointerStep } from "../../../core/schema/json.ts";
import { UsageError } from "../output/exit.ts";
import { type Flag, finderOf, kebab } from "./flags.ts";
import { joinValues, type Token } from "./tokens.ts";

export type Texts = ReadonlyMap<string, readonly string[]>;

export interface TypedInput {
  /** The texts by input name. The texts of unknown flags are included, so that binding refuses them. */
  readonly texts: Texts;
  readonly words: readonly string[];
}

/** @throws {UsageError} for a wrong command line, such as a command line with a secret. */
export const readTyped = (tokens: readonly Token[], flags: readonly Flag[]): TypedInput => {
  const find = finderOf(flags);
  /** Returns the switch that a flag such as `--no-urgent` turns off, unless an input is named `noUrgent`. */
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

/** Returns the secrets in the environment variables `QUATER_INPUT_<NAME>`. */
export const secretsFrom = (env: Readonly<Record<string, string | undefined>>, flags: readonly Flag[]): Texts =>
  new Map(
    flags.flatMap(({ name, isSecret, variable }) => {
      const value = env[variable];
      return isSecret && value !== undefined ? [[name, [value]] as const] : [];
    }),
  );

/**
 * @param from  The source of the texts, for error messages: "flags" or "environment".
 * @throws {QuaterError} `json_*` and `invalid_input`, with the path of the wrong value inside the input.
 */
export const givenFrom = (from: string, texts: Texts, flags: readonly Flag[]): readonly GivenInput[] => {
  const kinds = new Map(flags.map(({ name, kind }) => [name, kind]));
  const asText: Record<string, string | readonly string[]> = Object.create(null);
  const asJson: Record<string, unknown> = Object.create(null);
  for (const [name, values] of texts) {
    const [first = "", ...others] = values;
    const kind = kinds.get(name);
    if (kind === "json" || (kind === "either" && /^\s*[{[]/.test(first))) {
      if (others.length > 0) invalid(pathOf(name), "is given more than once");
      asJson[name] = parseField(name, first);
    } else asText[name] = others.length === 0 ? first : values;
  }
  return [
    ...(Object.keys(asText).length === 0 ? [] : [{ from, isText: true, values: asText }]),
    ...(Object.keys(asJson).length === 0 ? [] : [{ from, isText: false, values: asJson }]),
  ];
};

/**
 * Returns the error of a command that is not a call, with flags instead of paths: `--name is required: Who or what the key is
 * for`. Errors of calls keep the paths, because errors of calls are the same on every surface.
 */
export const inFlags = (error: QuaterError, flags: readonly Flag[]): QuaterError => {
  const { code, kind, hint, errors = [] } = error;
  const said = errors.map((field) => flagError(field, flags));
  const [before] = errors;
  const [after] = said;
  if (before === undefined || after === undefined) return error;
  return new QuaterError({
    code,
    kind,
    message: error.message.replace(fieldSentence(before), () => fieldSentence(after)),
    errors: said,
    ...(hint === undefined ? {} : { hint }),
  });
};

/**
 * Returns `Unknown flag --stat; did you mean --state?` if the error of a command that is not a call is about an unknown field.
 */
export const unknownFlagIn = ({ errors = [] }: QuaterError, flags: readonly Flag[]): string | undefined => {
  const unknown = errors.find(({ path, message }) => /^\/[^/]+$/.test(path) && message.startsWith("is not a known field"));
  if (unknown === undefined) return undefined;
  const flag = cut(kebab(unknown.path.slice(1)));
  const near = nearest(
    flag,
    flags.map((candidate) => candidate.flag),
  );
  return `Unknown flag --${flag}; ${near === undefined ? "--help lists the flags" : `did you mean --${near}?`}`;
};

const flagError = ({ path, message }: FieldError, flags: readonly Flag[]): FieldError => {
  const [, name = "", deeper = ""] = /^\/([^/]*)(.*)$/.exec(path) ?? [];
  if (name === "") return { path, message };
  const flag = flags.find((candidate) => candidate.name === name);
  if (flag === undefined) return { path, message };
  const { description } = flag.schema;
  const about = typeof description === "string" ? `: ${description}` : "";
  const plain = message
    .replace(/^is required$/, () => `is required${about}`)
    .replace(/^must match the pattern .*/, (pattern) => (about === "" ? pattern : `is not valid${about}`));
  return { path: `${flag.isSecret ? flag.variable : `--${flag.flag}`}${deeper === "" ? "" : ` ${deeper}`}`, message: plain };
};

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

/** Returns the line about a field error for a person at a terminal, with the flag of the field. */
export const fieldLine = (field: FieldError, flags: readonly Flag[]): string => {
  const { path, message } = field;
  const [, name = "", deeper = ""] = /^\/([^/]*)(.*)$/.exec(path) ?? [];
  const flag = flags.find((candidate) => candidate.name === name);
  if (flag !== undefined) {
    const how = flag.isSecret ? `${flag.variable} or --input` : flag.isShadowed ? "--input" : `--${flag.flag}`;
    return `${fieldSentence(field)} (${how})`;
  }
  const near = nearest(
    kebab(name),
    flags.map((candidate) => candidate.flag),
  );
  const known = message.replace(/; did you mean "[^"]*"\?$/, "");
  return name === "" || deeper !== "" || near === undefined || !known.startsWith("is not a known field")
    ? fieldSentence(field)
    : `${path} ${known}; did you mean --${near}?`;
};
