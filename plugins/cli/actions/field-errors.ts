// Adds the names of flags to errors about wrong inputs, for people at the terminal.

import { cut, nearest } from "../../../core/diagnostics/text.ts";
import { QuaterError } from "../../../core/index.ts";
import { type FieldError, fieldSentence } from "../../../core/plugin-api.ts";
import { type Flag, kebab } from "./flags.ts";
import { pointerOf } from "./given.ts";

/**
 * Replaces the paths of fields by flags in the error of a command that is not a call: `--name is required: Who or what the key is
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
 * Returns a text such as `Unknown flag --stat; did you mean --state?` if the error of a command that is not a call is about an
 * unknown field.
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

/** Returns the line about a field error with the flag of the field, for a person at a terminal. */
export const fieldLine = (field: FieldError, flags: readonly Flag[]): string => {
  const { path, message } = field;
  const [, name = "", deeper = ""] = /^\/([^/]*)(.*)$/.exec(path) ?? [];
  const flag =
    flags.find((candidate) => pointerOf(candidate.path) === path) ?? flags.find((candidate) => candidate.name === name);
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
