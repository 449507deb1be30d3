// Checks the options and other tables that a project writes. A project in JavaScript has no compiler that finds unknown keys and
// wrong values.

import type { BootProblem } from "./problem.ts";
import { cut, nearest, visible } from "./text.ts";

/**
 * Returns the remedy for a wrong value of a field, or `undefined` for a right value. An absent field has the value `undefined`.
 */
export type FieldRule = (value: unknown) => string | undefined;

/**
 * Returns a boot problem for each unknown option and each wrong value of an option:
 * `limits has no option "perSecnd"; did you mean "perSecond"?`
 *
 * @param isSecret  Whether boot problems must not show the values of options.
 */
export const optionProblems = (
  name: string,
  given: unknown,
  rules: Readonly<Record<string, FieldRule>>,
  isSecret: (key: string) => boolean,
): readonly BootProblem[] => {
  if (given === undefined || (given !== null && typeof given === "object" && !Array.isArray(given)))
    return keyProblems(name, name, "option", given ?? {}, rules, isSecret);
  return [
    {
      place: `${name}()`,
      cause: `${name}() takes an object of options, but it was given ${kindOf(given)}`,
      remedy: known("option", rules),
    },
  ];
};

const known = (what: string, rules: object): string =>
  Object.keys(rules).length === 0 ? `There are no ${what}s` : `The ${what}s are ${Object.keys(rules).join(", ")}`;

/**
 * Returns a boot problem for each key that the table may not have.
 *
 * @param plugin  The name of the plugin to which the table belongs.
 * @param holder  The owner of the keys in error messages: the plugin, or a part of the plugin.
 * @param what  The word for a key in error messages: "option", "hook".
 */
export const keyProblems = (
  plugin: string,
  holder: string,
  what: string,
  table: object,
  rules: Readonly<Record<string, true | FieldRule>>,
  isSecret: (key: string) => boolean = () => false,
): readonly BootProblem[] => {
  const values = table as Readonly<Record<string, unknown>>;
  const wrong = (cause: string, remedy: string): BootProblem => ({ place: `${plugin}()`, cause: `${holder} ${cause}`, remedy });
  const unknown = Object.keys(values).filter((key) => !Object.hasOwn(rules, key));
  return [
    ...unknown.map((key) => {
      const near = nearest(key, Object.keys(rules));
      const suggestion = near === undefined ? "" : `; did you mean "${near}"?`;
      return wrong(`has no ${what} ${JSON.stringify(visible(key))}${suggestion}`, known(what, rules));
    }),
    ...Object.entries(rules).flatMap(([key, rule]) => {
      const value = values[key];
      const remedy = rule === true ? undefined : rule(value);
      if (remedy === undefined) return [];
      const isHidden = isSecret(key) || (typeof value === "string" && soundsSecret(key));
      const has = isHidden
        ? `has an invalid value for ${key}, which is not shown because it may be secret`
        : `has an invalid value for ${key}: ${shown(value, key)}`;
      return [wrong(value === undefined ? `has no ${key}` : has, remedy)];
    }),
  ];
};

/**
 * Whether the value is a plain object. An instance of a class or a promise is not a plain object, because Quater would ignore
 * inherited fields without a message.
 */
export const isTable = (value: unknown): value is Readonly<Record<string, unknown>> => {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
};

export const aFunction: FieldRule = (value) =>
  value === undefined || typeof value === "function" ? undefined : "Write a function as the value, or remove this key";

/** Returns the kind of a value for error messages: "a list", "a string". */
export const kindOf = (value: unknown): string => {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
};

/** Writes the value of a plugin's option for boot problems, without secrets. Accepts any value. */
const shown = (value: unknown, name: string): string => {
  if (typeof value === "function") return kindOf(value);
  return typeof value === "number" ? String(value) : cut(visible(JSON.stringify(tellable(value, name, []))), 200);
};

/** Whether a field with this name usually contains a credential. */
export const soundsSecret = (name: string): boolean =>
  /pass(?:word|phrase|wd)|secret|token|authori[sz]ation|cookie|api[-_ ]?key|credential|private[-_ ]?key/i.test(name);

/** Returns a copy of an option's value for digests and messages, without secrets. Accepts any value. */
export const tellable = (value: unknown, name: string, above: readonly unknown[]): unknown => {
  if (typeof value === "string") return soundsSecret(name) ? "secret" : wellFormed(withoutPassword(value));
  if (value === null || value === undefined || typeof value === "boolean") return value ?? null;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  if (typeof value !== "object") return typeof value === "function" || typeof value === "symbol" ? typeof value : String(value);
  if (above.includes(value)) return "circular";
  const inside = [...above, value];
  if (Array.isArray(value)) return value.map((item) => tellable(item, name, inside));
  const prototype: unknown = Object.getPrototypeOf(value);
  // For an instance of a class, such as a connection pool, use only the name of the class, because the fields of the instance are
  // not configuration.
  if (prototype !== null && prototype !== Object.prototype) return value.constructor?.name ?? "object";
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(entries.map(([key, item]) => [wellFormed(key), tellable(item, key, inside)]));
};

/** Replaces halves of surrogate pairs, because RFC 8785 has no text for half of a surrogate pair. */
const wellFormed = (text: string): string => text.replace(/[\ud800-\udfff]/gu, "\ufffd");

/** Removes the password from a URL. Database URLs contain passwords before the host or among the parameters. */
export const withoutPassword = (text: string): string => {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return text;
  try {
    const url = new URL(text);
    url.password = "";
    for (const key of [...url.searchParams.keys()]) if (soundsSecret(key)) url.searchParams.set(key, "");
    return url.href;
  } catch {
    return "address"; // The URL cannot be parsed, so any part of the URL could be a password.
  }
};
