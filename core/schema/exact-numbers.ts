// Replaces two rules that TypeBox checks with floating-point arithmetic. Quater checks `multipleOf` in exact decimal arithmetic.
// For Quater, an integer must be in the range that a double represents exactly.

import { isPlainObject } from "./schema.ts";

/**
 * The range of integers that a double represents exactly. Outside of the range of exact integers, JavaScript reads
 * 9007199254740993 as 9007199254740992.
 */
export const integerRange = { minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER } as const;

/** A decimal number as digits and a power of ten: 1.005 is 1005 times 10 to the power of -3. */
interface Decimal {
  readonly digits: bigint;
  /** The power of ten of the number's last digit. */
  readonly exponent: number;
}

const decimalOf = (value: number): Decimal => {
  const [mantissa = "", exponent = "0"] = String(value).split("e");
  const [whole = "", fraction = ""] = mantissa.split(".");
  return { digits: BigInt(`${whole}${fraction}`), exponent: Number(exponent) - fraction.length };
};

/**
 * Returns whether `value` is a multiple of `step`. `isMultipleOf` treats both numbers as the decimal numbers that JSON writes:
 * 1070468.14 is a multiple of 0.01, and 1.005 is not.
 */
export const isMultipleOf = (value: number, step: number): boolean => {
  if (Number.isSafeInteger(value) && Number.isSafeInteger(step)) return value % step === 0;
  if (!Number.isFinite(value)) return false;
  const [one, other] = [decimalOf(value), decimalOf(step)];
  const least = Math.min(one.exponent, other.exponent);
  const scaled = ({ digits, exponent }: Decimal) => digits * 10n ** BigInt(exponent - least);
  return scaled(one) % scaled(other) === 0n;
};

/** A check in TypeBox's own format. TypeBox calls such a check for a value that has passed the other keywords of the schema. */
interface Refinement {
  readonly check: (value: unknown) => boolean;
  readonly error: () => string;
}

/** The keyword in TypeBox's errors for a check of the type `Refinement`. The sentence of such an error is in `params.message`. */
export const refinementKeyword = "~refine";

/**
 * Replaces `multipleOf` and the type `integer` with exact checks, in a copy of a schema for the compiler.
 *
 * @param copy  The schema to change. `useExactNumbers` does not change nested objects of this schema.
 */
export const useExactNumbers = (copy: Record<string, unknown>): void => {
  const set = (key: string, value: unknown) =>
    Object.defineProperty(copy, key, { value, enumerable: true, configurable: true, writable: true });
  const types = [copy["type"]].flat();
  if (types.includes("integer") && !types.includes("number")) {
    const limitOf = (key: string, otherwise: number) => (typeof copy[key] === "number" ? (copy[key] as number) : otherwise);
    set("minimum", Math.max(limitOf("minimum", integerRange.minimum), integerRange.minimum));
    set("maximum", Math.min(limitOf("maximum", integerRange.maximum), integerRange.maximum));
  }
  const step = copy["multipleOf"];
  if (typeof step !== "number") return;
  const refinement: Refinement = {
    check: (value) => typeof value !== "number" || isMultipleOf(value, step),
    error: () => `must be a multiple of ${step}`,
  };
  delete copy["multipleOf"];
  const others = Array.isArray(copy[refinementKeyword]) ? (copy[refinementKeyword] as Refinement[]) : [];
  Object.defineProperty(copy, refinementKeyword, { value: [...others, refinement], configurable: true, writable: true });
};

/** Whether a limit of a schema is the limit of exact integers, and not a limit that the author of the schema wrote. */
export const isRangeOfIntegers = (schema: unknown, keyword: "minimum" | "maximum", limit: unknown): boolean =>
  isPlainObject(schema) && [schema["type"]].flat().includes("integer") && limit === integerRange[keyword];

/** The error text for an integer outside of the range of exact integers. */
export const rangeSentence = `must be an integer from ${integerRange.minimum} to ${integerRange.maximum}`;
