// Compares the schemas of a handler. An input schema that accepts more values is wider, and an output schema that allows more
// values is wider. `quater openapi --check` uses the same comparison of schemas.

import { pointerStep } from "../../../core/schema/json.ts";
import { isPlainObject, type JsonSchema } from "../../../core/schema/schema.ts";
import { type Misfit, misfits, textOf } from "../openapi/misfits.ts";
import { breakingWords, compatibleWords, type Direction, line } from "../openapi/sentences.ts";
import { type Finding, finding, isSame } from "./difference.ts";
import type { KeptSchema } from "./kept.ts";

/** Compares two schemas. The schema `null` accepts every JSON value. */
export const schemaFindings = (before: KeptSchema | null, after: KeptSchema | null, direction: Direction): readonly Finding[] => {
  if (before?.digest === after?.digest) return [];
  const [was, is] = [before?.schema ?? {}, after?.schema ?? {}];
  const [old, now] = [was, is].map((schema) => ({ document: schema, schema })) as [Side, Side];
  const [gone, fresh] = [misfits(old, now), misfits(now, old)];
  const digests = [before?.digest, after?.digest] as const;
  const say = (verdict: Finding["verdict"], what: string) => finding(verdict, `${direction} ${what}`, ...digests);
  const isUnclear = (misfit: Misfit, others: readonly Misfit[]) =>
    !isListed(misfit) && others.some(({ path, kind }) => path === misfit.path && kind === misfit.kind);
  const isInput = direction === "input";
  const values = [
    ...fresh
      .filter((misfit) => !isUnclear(misfit, gone))
      .map((misfit) => say("widened", line(misfit.path, (isInput ? compatibleWords : breakingWords)(misfit)[direction]))),
    ...gone.map((misfit) =>
      isUnclear(misfit, fresh)
        ? say("changed", line(misfit.path, `${misfit.kind} changed, and Quater cannot compare the two values`))
        : say("narrowed", line(misfit.path, (isInput ? breakingWords : compatibleWords)(misfit)[direction])),
    ),
  ];
  const found = [...values, ...marks(was, is, "", say)];
  return unique(found.length > 0 ? found : [say("changed", "schema changed in a way that Quater cannot compare")]);
};

interface Side {
  readonly document: JsonSchema;
  readonly schema: unknown;
}

/** Whether a misfit is about the values of an enum. Enums are compared in both directions, because each finds other values. */
const isListed = ({ kind, from }: Misfit): boolean => kind === "enum" && from !== undefined;

const unique = (found: readonly Finding[]): readonly Finding[] => [
  ...new Map(found.map((one) => [`${one.verdict} ${one.what}`, one])).values(),
];

/** The keywords that limit no value. Callers, agents or the trail read these keywords. */
const described = ["title", "description", "default", "examples", "deprecated"];
/** The keywords that protect a value. Without these keywords, Quater shows or records the value, or the trail cannot erase it. */
const protections = new Map([
  ["x-quater-secret", "secret"],
  ["x-quater-personal", "personal"],
]);

type Say = (verdict: Finding["verdict"], what: string) => Finding;

/** Compares the keywords that limit no value, at each place that both schemas have. */
const marks = (was: unknown, is: unknown, path: string, say: Say): readonly Finding[] => {
  if (Array.isArray(was) && Array.isArray(is))
    return was.flatMap((part, at) => (at < is.length ? marks(part, is[at], `${path}/${at}`, say) : []));
  if (!isPlainObject(was) || !isPlainObject(is)) return [];
  const own = [...new Set([...Object.keys(was), ...Object.keys(is)])].filter(
    (key) => isMark(key, was[key] ?? is[key]) && !isSame(was[key], is[key]),
  );
  const parts = Object.keys(was).filter((key) => Object.hasOwn(is, key) && !isMark(key, was[key]));
  return [
    ...own.map((key) => markFinding(key, was, is, path, say)),
    ...parts.flatMap((key) => marks(was[key], is[key], `${path}/${pointerStep(key)}`, say)),
  ];
};

/**
 * Whether a key is a keyword that limits no value. An input property may also be named `description`, and its value is a schema.
 */
const isMark = (key: string, value: unknown): boolean =>
  key.startsWith("x-") || (described.includes(key) && (key === "default" || key === "examples" || !isPlainObject(value)));

const markFinding = (key: string, was: JsonSchema, is: JsonSchema, path: string, say: Say): Finding => {
  const at = `schema ${path === "" ? "" : `${path} `}`;
  const word = protections.get(key);
  if (word === undefined)
    return say("changed", `${at}has another ${key}: ${textOf(was[key]) || "(none)"} -> ${textOf(is[key]) || "(none)"}`);
  const named = word === "secret" ? "a secret" : word;
  return is[key] === true ? say("narrowed", `${at}is ${named} now`) : say("widened", `${at}is no longer ${named}`);
};
