// What a plugin was given in the manifest: keys that it does not know, and a digest of the rest for the record of a start.
// The options themselves stay the plugin's own.

import { canonicalText, digestOfText } from "./digest.ts";
import type { Problem } from "./problem.ts";
import { nearest, visible } from "./text.ts";

/** Every option by name, so that a key that JavaScript lets through is found at boot. */
export type OptionNames<Options extends readonly unknown[]> = Readonly<Record<keyof NonNullable<Options[0]> & string, true>>;

/** `limits has no option "perSecnd"; did you mean "perSecond"?` */
export const unknownOptions = (plugin: string, given: unknown, names: Readonly<Record<string, true>>): readonly Problem[] => {
  if (given === null || typeof given !== "object") return [];
  const known = Object.keys(names);
  return Object.keys(given)
    .filter((key) => !Object.hasOwn(names, key))
    .map((key) => {
      const near = nearest(key, known);
      return {
        place: `${plugin}()`,
        plugin,
        cause: `${plugin} has no option ${JSON.stringify(visible(key))}${near === undefined ? "" : `; did you mean "${near}"?`}`,
        remedy: known.length === 0 ? "It has none" : `Its options are ${known.join(", ")}`,
      };
    });
};

/** Names of fields that hold credentials in practice, whatever else is said of them. */
export const soundsSecret = (name: string): boolean =>
  /pass(?:word|phrase|wd)|secret|token|authori[sz]ation|cookie|api[-_ ]?key|credential|private[-_ ]?key/i.test(name);

/**
 * `sha256:` and 64 hexadecimal digits over the options as RFC 8785 text. Functions count as their presence, and so do
 * texts that sound like secrets: a digest of a short one would give it away.
 */
export const digestOfOptions = (given: readonly unknown[]): string =>
  digestOfText(canonicalText(given.map((option) => tellable(option, "", []))));

const tellable = (value: unknown, name: string, above: readonly unknown[]): unknown => {
  if (typeof value === "string") return soundsSecret(name) ? "secret" : wellFormed(withoutPassword(value));
  if (value === null || value === undefined || typeof value === "boolean") return value ?? null;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  if (typeof value !== "object") return typeof value === "function" || typeof value === "symbol" ? typeof value : String(value);
  if (above.includes(value)) return "circular";
  const inside = [...above, value];
  if (Array.isArray(value)) return value.map((item) => tellable(item, name, inside));
  const prototype: unknown = Object.getPrototypeOf(value);
  // What is inside of a pool of connections, or of a key, is nobody's configuration.
  if (prototype !== null && prototype !== Object.prototype) return value.constructor?.name ?? "object";
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(entries.map(([key, item]) => [wellFormed(key), tellable(item, key, inside)]));
};

/** Half of a surrogate pair has no RFC 8785 text. */
const wellFormed = (text: string): string => text.replace(/[\ud800-\udfff]/gu, "\ufffd");

/** Addresses of databases hold passwords: before the host, or among the parameters. */
const withoutPassword = (text: string): string => {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return text;
  try {
    const url = new URL(text);
    url.password = "";
    for (const key of [...url.searchParams.keys()]) if (soundsSecret(key)) url.searchParams.set(key, "");
    return url.href;
  } catch {
    return "address"; // with a password anywhere in it
  }
};
