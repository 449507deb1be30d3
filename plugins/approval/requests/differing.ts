// Compares the arguments of two calls of one handler. A deploy may have changed the input schema between the two calls, at any
// depth. The store does not contain the schema of the earlier call, so Quater knows only the values of the earlier call.

import { canonicalText } from "../../../core/schema/digest.ts";

import { pointerStep } from "../../../core/schema/json.ts";
import type { Filed } from "../record.ts";
import { folded } from "./fold.ts";

type Args = Pick<Filed, "schema" | "args">;

interface Comparison {
  readonly isSameSchema: boolean;
  /** The places where two calls differ: the name of an argument, or a JSON Pointer for a value inside an argument. */
  readonly fields: string[];
  /** The number of values that both calls have. */
  shared: number;
}

/**
 * Finds the differences between two calls that may have the same effect. Values that both calls have must be equal, or look equal
 * to people. If the schemas of the two calls differ, a value may also be missing in one call, or have another type.
 *
 * @returns The names of arguments that differ, and JSON Pointers (RFC 6901) for values inside an argument. `undefined` if the two
 * calls are not alike. `"unknown"` if both calls have values, but Quater can compare no value.
 */
export const differing = (now: Args, then: Args): readonly string[] | "unknown" | undefined => {
  const [one, other] = [JSON.parse(now.args), JSON.parse(then.args)] as const;
  const comparison: Comparison = { isSameSchema: now.schema === then.schema, fields: [], shared: 0 };
  if (!areAlike(comparison, one, other, [])) return undefined;
  const isKnown = comparison.shared > 0 || isEmpty(one) || isEmpty(other);
  return isKnown ? comparison.fields : "unknown";
};

/** Adds the differences of two values to `comparison`. @returns Whether both values may belong to the same call. */
const areAlike = (comparison: Comparison, one: unknown, other: unknown, steps: readonly string[]): boolean => {
  if (textOf(one) === textOf(other)) {
    if (!isEmpty(one)) comparison.shared++;
    return true;
  }
  const isOfOneKind = kindOf(one) === kindOf(other);
  if (isOfOneKind && haveAlikeMembers(comparison, one, other, steps)) return true;
  comparison.fields.push(steps.length === 1 ? (steps[0] ?? "") : steps.map((step) => `/${pointerStep(step)}`).join(""));
  if (textOf(folded(one)) !== textOf(folded(other))) return !isOfOneKind && !comparison.isSameSchema;
  if (isOfOneKind) comparison.shared++; // The two values look equal to people.
  return true;
};

/**
 * Compares two objects, or two lists of the same length, member by member. Adds no difference if the function returns `false`.
 */
const haveAlikeMembers = (comparison: Comparison, one: unknown, other: unknown, steps: readonly string[]): boolean => {
  if (Object(one) !== one) return false;
  const [mine, theirs] = [new Map(Object.entries(one as object)), new Map(Object.entries(other as object))];
  if (Array.isArray(one) && mine.size !== theirs.size) return false;
  const { fields, shared } = comparison;
  const before = fields.length;
  const names = new Set([...mine.keys(), ...theirs.keys()]);
  for (const name of names)
    if (!areAlike(comparison, mine.get(name), theirs.get(name), [...steps, name])) {
      fields.length = before;
      comparison.shared = shared;
      return false;
    }
  return true;
};

const textOf = (value: unknown): string | undefined => (value === undefined ? undefined : canonicalText(value));

/** Returns the kind of a JSON value. An absent value has the kind "undefined". */
const kindOf = (value: unknown): string => (value === null ? "null" : Array.isArray(value) ? "array" : typeof value);

/**
 * Whether a value is an empty list or an empty object. Empty values do not count as shared, because two calls are not alike only
 * because both calls have an empty list.
 */
const isEmpty = (value: unknown): boolean => Object(value) === value && Object.keys(value as object).length === 0;
