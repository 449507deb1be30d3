// Writes the differences between two schemas as sentences for people who maintain an API and clients of the API.

import { type Misfit, misfits, textOf } from "./misfits.ts";
import { flat, type Side, tableIn } from "./schema.ts";

export interface Difference {
  readonly isBreaking: boolean;
  // The difference as text, such as `/items/*/sku: maxLength was 40, is 20`.
  readonly what: string;
}

/** Whether clients send the values of a schema or receive them. */
export type Direction = "input" | "output";

const shown = (value: unknown): string => (value === undefined ? "(none)" : JSON.stringify(value));
const listed = (values: unknown): string => (Array.isArray(values) ? values.map(shown).join(", ") : "any value");

type Words = Readonly<Record<Direction, string>>;

/** Describes in words a difference between schemas that breaks clients. */
export const breakingWords = ({ kind, from, to }: Misfit): Words => {
  switch (kind) {
    case "gone":
      return { input: "is no longer accepted", output: "is new" };
    case "required":
      return { input: from === undefined ? "is new and required" : "is required now", output: "may be absent now" };
    case "enum":
      return from === undefined
        ? { input: `accepts only ${listed(to)} now`, output: `may have other values than ${listed(to)} now` }
        : { input: `no longer accepts ${listed(from)}`, output: `may be ${listed(from)} now` };
    case "others":
      return { input: "other fields are no longer accepted", output: "may have other fields now" };
    case "shape":
      return { input: "one of the alternative shapes is no longer accepted", output: "may have a new alternative shape now" };
    default:
      return {
        input: `${kind} changed from ${shown(from)} to ${shown(to)}`,
        output: `${kind} changed from ${shown(to)} to ${shown(from)}`,
      };
  }
};

/** Describes a compatible difference: values that clients may send now, or values that clients no longer receive. */
export const compatibleWords = ({ kind, from, to }: Misfit): Words => {
  switch (kind) {
    case "gone":
      return { input: "is new and optional", output: "is gone" };
    case "required":
      return { input: "is optional now", output: "is always present now" };
    case "enum":
      return from === undefined
        ? { input: `accepts other values than ${listed(to)} now`, output: `is one of ${listed(to)} now` }
        : { input: `accepts ${listed(from)} now`, output: `is never ${listed(from)} now` };
    case "others":
      return { input: "other fields are accepted now", output: "has no other fields now" };
    case "shape":
      return { input: "another alternative shape is accepted now", output: "one of the alternative shapes is gone" };
    default:
      return {
        input: `${kind} changed from ${shown(to)} to ${shown(from)}`,
        output: `${kind} changed from ${shown(from)} to ${shown(to)}`,
      };
  }
};

export const line = (path: string, words: string): string => `${path === "" ? "" : `${path}: `}${words}`;

/** @param before  The older schema. @param after  The current schema. */
export const differences = (before: Side, after: Side, direction: Direction): readonly Difference[] => {
  const [narrowed, widened] =
    direction === "input" ? [misfits(before, after), misfits(after, before)] : [misfits(after, before), misfits(before, after)];
  const removed = direction === "output" ? removedFields(before, after, "", []) : [];
  const broken = [
    ...narrowed
      .filter(({ kind, path }) => !(direction === "output" && kind === "gone") && !removed.includes(path))
      .map((misfit) => ({ path: misfit.path, isBreaking: true, what: line(misfit.path, breakingWords(misfit)[direction]) })),
    ...removed.map((path) => ({ path, isBreaking: true, what: line(path, "is gone") })),
  ];
  // A new field in an output breaks no client, because clients ignore unknown fields.
  const fresh = direction === "output" ? narrowed.filter(({ kind }) => kind === "gone") : [];
  const known = new Set(broken.map(({ path, what }) => `${path} ${what}`));
  const paths = new Set([...broken, ...fresh].map(({ path }) => path));
  const fine = widened
    .filter(({ path, kind }) => !(direction === "output" && (kind === "gone" || removed.includes(path))) && !paths.has(path))
    .map((misfit) => ({ isBreaking: false, what: line(misfit.path, compatibleWords(misfit)[direction]) }));
  return [
    ...broken.map(({ isBreaking, what }) => ({ isBreaking, what })),
    ...fresh.map(({ path }) => ({ isBreaking: false, what: line(path, "is new") })),
    ...fine.filter(({ what }) => !known.has(what)),
  ];
};

/** Returns the output fields that servers no longer send. Optional fields are included, because programs read fields by name. */
const removedFields = (before: Side, after: Side, path: string, onTheWay: readonly string[]): readonly string[] => {
  const [a, b] = [flat(before), flat(after)];
  const key = textOf(a);
  if (onTheWay.includes(key)) return [];
  const below = (schema: unknown, other: unknown, step: string) =>
    removedFields({ ...before, schema }, { ...after, schema: other }, `${path}/${step}`, [...onTheWay, key]);
  const [fields, left] = [tableIn(a, "properties"), tableIn(b, "properties")];
  return [
    ...Object.entries(fields).flatMap(([name, schema]) => {
      const step = name.replaceAll("~", "~0").replaceAll("/", "~1");
      if (Object.hasOwn(left, name)) return below(schema, left[name], step);
      return Object.keys(left).length > 0 || b["type"] === "object" ? [`${path}/${step}`] : [];
    }),
    ...("items" in a && "items" in b ? below(a["items"], b["items"], "*") : []),
  ];
};
