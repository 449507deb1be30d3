// Measures the size of answers of calls. Most answers are small, and the lengths of their strings show that these answers are
// small. Only an answer that may be too large is counted exactly. answer-size.ts counts the bytes without writing the answer as
// JSON, because the JSON text would need as much memory as the answer.

/**
 * The largest number of JSON bytes for one counted character. In JSON, a character has at most six bytes (`\u0000`). A number has
 * at most 25 bytes in JSON, and `roughSizeOf` counts a number as five characters.
 */
const mostPerCounted = 6;
const ofNumber = 5;

/**
 * The deepest nesting of an answer of a call. `JSON.stringify` of a deeper value could overflow the stack after the audit plugin
 * recorded the call.
 */
const mostLevels = 1_000;

export class NestedTooDeep extends RangeError {}

/** Answers of at least this many bytes count against the memory limit for unread answers. */
export const largeAnswer = 256 * 1024;

/**
 * Returns the number of characters in the strings of `value`, plus an estimate for each other part of `value`. `roughSizeOf`
 * stops when the count is above `enough`. @throws {NestedTooDeep}
 */
export const roughSizeOf = (value: unknown, enough: number): number => roughly(value, 0, enough, 0);

/**
 * Returns whether the JSON of `value` has more than `maxBytes` bytes of UTF-8.
 *
 * @param value  A JSON value.
 * @param rough  The result of `roughSizeOf` for the same value.
 * @throws {NestedTooDeep}
 */
export const isLargerThan = (value: unknown, maxBytes: number, rough = roughSizeOf(value, maxBytes)): boolean =>
  rough * mostPerCounted > maxBytes && exactly(value, 0, maxBytes, 0) > maxBytes;

/** Returns how many bytes of UTF-8 the JSON of `value` has. @throws {NestedTooDeep} */
export const jsonSizeOf = (value: unknown): number => exactly(value, 0, Number.POSITIVE_INFINITY, 0);

/** Returns `before` plus the size of `value`. `roughly` stops when the count is above `enough`. */
const roughly = (value: unknown, before: number, enough: number, level: number): number => {
  if (typeof value === "string") return before + value.length + 2;
  if (value === null || typeof value !== "object") return before + ofNumber;
  if (level === mostLevels) throw new NestedTooDeep();
  let counted = before + 2;
  if (Array.isArray(value)) {
    for (const item of value) {
      counted = roughly(item, counted, enough, level + 1) + 1;
      if (counted > enough) return counted;
    }
    return counted;
  }
  for (const key in value) {
    counted = roughly((value as Record<string, unknown>)[key], counted + key.length + 4, enough, level + 1);
    if (counted > enough) return counted;
  }
  return counted;
};

const exactly = (value: unknown, before: number, enough: number, level: number): number => {
  if (typeof value === "string") return before + ofText(value);
  if (value === null || typeof value !== "object") return before + (JSON.stringify(value) ?? "null").length;
  if (level === mostLevels) throw new NestedTooDeep();
  const isList = Array.isArray(value);
  let counted = before + 2;
  let isFirst = true;
  for (const [key, item] of isList ? value.entries() : Object.entries(value)) {
    if (!isList && item === undefined) continue;
    if (!isFirst) counted++;
    isFirst = false;
    counted = exactly(item, isList ? counted : counted + ofText(key as string) + 1, enough, level + 1);
    if (counted > enough) return counted;
  }
  return counted;
};

const isEscaped = /[\p{Cc}"\\\ud800-\udfff]/u;

const ofText = (text: string): number =>
  isEscaped.test(text) ? Buffer.byteLength(JSON.stringify(text)) : Buffer.byteLength(text) + 2;
