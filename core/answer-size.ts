// How large an answer is. Most are small, and a look at the lengths of their strings says so; only what may be too large is
// counted exactly. Nothing is written as JSON for that: the text of a large answer would be held in memory twice.

/** A character takes at most six bytes of JSON (`\u0000`), and a number at most 25 where five are counted. */
const mostPerCounted = 6;
const ofNumber = 5;

/** Whether the JSON of `value` has more than `maxBytes` bytes of UTF-8. @param value  JSON. */
export const isLargerThan = (value: unknown, maxBytes: number): boolean =>
  roughly(value, 0, maxBytes) * mostPerCounted > maxBytes && exactly(value, 0, maxBytes) > maxBytes;

/** Characters of `value` and of what was counted before. Stops above `enough`. */
const roughly = (value: unknown, before: number, enough: number): number => {
  if (typeof value === "string") return before + value.length + 2;
  if (value === null || typeof value !== "object") return before + ofNumber;
  let counted = before + 2;
  if (Array.isArray(value)) {
    for (const item of value) {
      counted = roughly(item, counted, enough) + 1;
      if (counted > enough) return counted;
    }
    return counted;
  }
  for (const key in value) {
    counted = roughly((value as Record<string, unknown>)[key], counted + key.length + 4, enough);
    if (counted > enough) return counted;
  }
  return counted;
};

const exactly = (value: unknown, before: number, enough: number): number => {
  if (typeof value === "string") return before + ofText(value);
  if (value === null || typeof value !== "object") return before + (JSON.stringify(value) ?? "null").length;
  const isList = Array.isArray(value);
  let counted = before + 2;
  let isFirst = true;
  for (const [key, item] of isList ? value.entries() : Object.entries(value)) {
    if (!isList && item === undefined) continue;
    if (!isFirst) counted++;
    isFirst = false;
    counted = exactly(item, isList ? counted : counted + ofText(key as string) + 1, enough);
    if (counted > enough) return counted;
  }
  return counted;
};

const isEscaped = /[\p{Cc}"\\\ud800-\udfff]/u;

const ofText = (text: string): number =>
  isEscaped.test(text) ? Buffer.byteLength(JSON.stringify(text)) : Buffer.byteLength(text) + 2;
