// How large an answer is. Most are small, and a look at their strings says so; only what may be too large is written as JSON
// to count its bytes.

/** A character takes at most six bytes of JSON (`\u0000`), and a number at most 25 where five are counted. */
const mostPerCounted = 6;
const ofNumber = 5;

/** Whether the JSON of `value` has more than `maxBytes` bytes of UTF-8. @param value  JSON. */
export const isLargerThan = (value: unknown, maxBytes: number): boolean => {
  const counted = count(value, 0, ofNumber * maxBytes);
  if (counted * mostPerCounted <= maxBytes) return false;
  // A number of one digit is the only thing that was counted as more than it takes.
  if (counted > ofNumber * maxBytes) return true;
  return Buffer.byteLength(JSON.stringify(value) ?? "") > maxBytes;
};

/** Characters of `value` and of what was counted before. Stops above `enough`. */
const count = (value: unknown, before: number, enough: number): number => {
  if (typeof value === "string") return before + value.length + 2;
  if (value === null || typeof value !== "object") return before + ofNumber;
  let counted = before + 2;
  if (Array.isArray(value)) {
    for (const item of value) {
      counted = count(item, counted, enough) + 1;
      if (counted > enough) return counted;
    }
    return counted;
  }
  for (const key in value) {
    counted = count((value as Record<string, unknown>)[key], counted + key.length + 4, enough);
    if (counted > enough) return counted;
  }
  return counted;
};
