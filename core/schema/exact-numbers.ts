// Rules for numbers that TypeBox judges by doubles: `multipleOf` in decimal arithmetic, and integers that a double keeps exactly.

import { isPlainObject } from "./schema.ts";

/** The integers that a double can tell from their neighbours. Above, 9007199254740993 is read as 9007199254740992. */
export const integerRange = { minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER } as const;

/** `1.005` is 1005 thousandths. */
interface Decimal {
  readonly digits: bigint;
  /** The power of ten of the last digit. */
  readonly exponent: number;
}

const decimalOf = (value: number): Decimal => {
  const [mantissa = "", exponent = "0"] = String(value).split("e");
  const [whole = "", fraction = ""] = mantissa.split(".");
  return { digits: BigInt(`${whole}${fraction}`), exponent: Number(exponent) - fraction.length };
};

/** Whether `value`, as JSON writes it, is a multiple of `step`, as JSON writes it: 1070468.14 is one of 0.01, 1.005 is not. */
export const isMultipleOf = (value: number, step: number): boolean => {
  if (Number.isSafeInteger(value) && Number.isSafeInteger(step)) return value % step === 0;
  if (!Number.isFinite(value)) return false;
  const [one, other] = [decimalOf(value), decimalOf(step)];
  const least = Math.min(one.exponent, other.exponent);
  const scaled = ({ digits, exponent }: Decimal) => digits * 10n ** BigInt(exponent - least);
  return scaled(one) % scaled(other) === 0n;
};

/** What TypeBox calls for a value that has passed the other keywords of its schema. */
interface Refinement {
  readonly check: (value: unknown) => boolean;
  readonly error: () => string;
}

/** The keyword of an error of a refinement, whose sentence is `params.message`. */
export const refinementKeyword = "~refine";

/**
 * Replaces the keywords of numbers in a copy of a schema for the compiler.
 *
 * @param copy  Changed. Its parts are not.
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

/** Whether a limit is the range of integers itself, and not one that the schema's author chose. */
export const isRangeOfIntegers = (schema: unknown, keyword: "minimum" | "maximum", limit: unknown): boolean =>
  isPlainObject(schema) && [schema["type"]].flat().includes("integer") && limit === integerRange[keyword];

/** What an integer must be, where a value is beyond the range. */
export const rangeSentence = `must be an integer from ${integerRange.minimum} to ${integerRange.maximum}`;
