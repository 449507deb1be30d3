// Strict JSON (threat T9). Quater scans JSON text before JSON.parse. Quater refuses text that two parsers could read differently,
// such as a repeated key. The scan looks only at keys, strings and numbers. After the scan, JSON.parse checks the grammar of the
// text.

import { isUtf8 } from "node:buffer";
import { type ErrorCode, jsonRefused } from "../diagnostics/errors.ts";
import { visible } from "../diagnostics/text.ts";

/**
 * The limits for every JSON text (threat T12): nesting levels, keys over all objects, values, and the length of a string in
 * UTF-16 code units.
 */
export const jsonLimits = { depth: 64, keys: 10_000, values: 100_000, stringLength: 256 * 1024 } as const;

const forbiddenKeys = new Set(["__proto__", "prototype", "constructor"]);

/**
 * Parses the bytes of a JSON text as strict JSON.
 *
 * @param bytes  JSON text in UTF-8, without a byte order mark.
 * @param levelsAround  The number of nesting levels that an envelope adds around the input. The levels of an envelope do not
 * count toward the limit of nesting.
 * @throws {QuaterError} with a `json_*` code, and with the path of the fault in the JSON as a JSON Pointer.
 */
export const parseJsonBytes = (bytes: Buffer, levelsAround = 0): unknown => {
  const text = bytes.toString("utf8");
  // Decoding replaces invalid bytes with U+FFFD. Most texts contain no U+FFFD and need no other check. The check takes 0.8 of the
  // 43 µs of a POST request.
  if (text.includes("\ufffd") && !isUtf8(bytes)) throw jsonRefused("json_bad_unicode", "", "is not valid UTF-8");
  return parsed(text, levelsAround, false); // UTF-8 cannot contain half of a surrogate pair.
};

/**
 * Parses a JSON text as strict JSON.
 *
 * @param levelsAround  The number of nesting levels that an envelope adds around the input. The levels of an envelope do not
 * count toward the limit of nesting.
 * @throws {QuaterError} with a `json_*` code, and with the path of the fault in the JSON as a JSON Pointer.
 */
export const parseJson = (text: string, levelsAround = 0): unknown => parsed(text, levelsAround, surrogate.test(text));

/** @param mayHaveHalves  Whether the JSON text may contain half of a surrogate pair outside of escapes. */
const parsed = (text: string, levelsAround: number, mayHaveHalves: boolean): unknown => {
  scan(text, jsonLimits.depth + levelsAround, mayHaveHalves);
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw jsonRefused("json_invalid", "", `is not valid JSON${whereIn(text, error)}`);
  }
};

const whereIn = (text: string, error: unknown): string => {
  // JSON.parse quotes the input in the message of an error, so use only the position at the end of the message.
  const message = error instanceof Error ? error.message : "";
  const position = /at position (\d+)(?: \(line \d+ column \d+\))?$/.exec(message)?.[1];
  if (position !== undefined) {
    const before = text.slice(0, Number(position)).split("\n");
    return `: line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
  }
  if (text.trim() === "") return ": the text is empty";
  return message.startsWith("Unexpected end") ? ": the text ends too early" : "";
};

const quote = 34;

/** The keys that the scan has found in an unfinished object. The value is `undefined` for an unfinished array. */
type Frame = string[] | Set<string> | undefined;

const surrogate = /[\ud800-\udfff]/;

const backslashFrom = (text: string, from: number): number => {
  const found = text.indexOf("\\", from);
  return found === -1 ? text.length : found;
};

// Looks for JSON text that Quater must refuse. The scan may misread text that is not JSON, but JSON.parse refuses such text after
// the scan.
const scan = (text: string, maxDepth: number, mayHaveHalves: boolean): void => {
  if (text.charCodeAt(0) === 0xfeff)
    throw jsonRefused("json_bad_unicode", "", "starts with a byte order mark: send UTF-8 without it");
  // Most JSON texts have no backslashes. In a text without backslashes, a string ends at the next quote. Searching for the next
  // quote is faster.
  let nextBackslash = backslashFrom(text, 0);
  const end = text.length;
  const open: Frame[] = [];
  let keys = 0;
  let values = 0;
  let at = 0;
  while (at < end) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      const start = at;
      let close = text.indexOf('"', start + 1);
      const isEscaped = nextBackslash < close;
      while (nextBackslash < close) {
        if (close === nextBackslash + 1) close = text.indexOf('"', close + 1);
        nextBackslash = backslashFrom(text, nextBackslash + 2);
      }
      if (close === -1) return;
      at = close + 1;
      const raw = text.slice(start + 1, close);
      const value = isEscaped ? unescaped(raw) : raw;
      if (value.length > jsonLimits.stringLength)
        throw refusal(text, start, "json_string_too_long", `is longer than ${jsonLimits.stringLength} characters`);
      if ((mayHaveHalves || isEscaped) && !isWellFormed(value))
        throw refusal(text, start, "json_bad_unicode", "contains half of a surrogate pair, which is not valid Unicode");
      const frame = open[open.length - 1];
      if (frame !== undefined && isKey(text, at)) {
        if (++keys > jsonLimits.keys) throw refusal(text, start, "json_too_many_keys", `has more than ${jsonLimits.keys} keys`);
        if (isForbiddenKey(value)) throw refusal(text, start, "json_forbidden_key", "is not allowed as a key");
        if (Array.isArray(frame)) {
          if (frame.includes(value)) throw refusal(text, start, "json_duplicate_key", "is given more than once");
          frame.push(value);
          // With many keys, `includes` on an array would take quadratic time, so change from an array to a Set.
          if (frame.length > 16) open[open.length - 1] = new Set(frame);
        } else {
          if (frame.has(value)) throw refusal(text, start, "json_duplicate_key", "is given more than once");
          frame.add(value);
        }
      } else if (++values > jsonLimits.values) throw tooManyValues(text, start);
      continue;
    }
    if (code === 45 || (code >= 48 && code <= 57)) {
      const start = at;
      let hasExponent = false;
      for (at++; at < end; at++) {
        const inside = text.charCodeAt(at);
        if (inside >= 48 && inside <= 57) continue;
        if (inside !== 46 && inside !== 101 && inside !== 69 && inside !== 43 && inside !== 45) break;
        if (inside !== 46) hasExponent = true;
      }
      // A number of up to fifteen significant digits is always exact as a double.
      if ((hasExponent || at - start > 15) && isLossy(text.slice(start, at)))
        throw refusal(text, start, "json_number_lossy", "is a number that JavaScript cannot represent exactly");
      if (++values > jsonLimits.values) throw tooManyValues(text, start);
      continue;
    }
    if (code === 123 || code === 91) {
      open.push(code === 123 ? [] : undefined);
      if (open.length > maxDepth) throw refusal(text, at, "json_too_deep", `is nested deeper than ${jsonLimits.depth} levels`);
      if (++values > jsonLimits.values) throw tooManyValues(text, at);
    } else if (code === 125 || code === 93) {
      open.pop();
    } else if (code === 116 || code === 102 || code === 110) {
      if (++values > jsonLimits.values) throw tooManyValues(text, at);
      at += code === 102 ? 4 : 3; // Skip the other letters of true, false or null.
    }
    at++;
  }
};

// Whether no object may have this key. Compare the length of the key first, because comparing lengths is faster than a lookup in
// the set.
export const isForbiddenKey = (key: string): boolean => (key.length === 9 || key.length === 11) && forbiddenKeys.has(key);

const tooManyValues = (text: string, at: number) =>
  refusal(text, at, "json_too_many_values", `has more than ${jsonLimits.values} values`);

const isKey = (text: string, after: number): boolean => {
  let at = after;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code !== 32 && code !== 9 && code !== 10 && code !== 13) return code === 58;
    at++;
  }
  return false;
};

const unescaped = (raw: string): string => {
  try {
    return JSON.parse(`"${raw}"`) as string;
  } catch {
    return raw; // The escape in this key is invalid. JSON.parse refuses the whole text.
  }
};

const isWellFormed = (text: string): boolean => !/[\ud800-\udfff]/u.test(text);

/**
 * Returns whether the double that JSON.parse makes of `text` has another decimal value than the text. A double represents `1.0`
 * and `1e2` exactly, but not `1e400` and `9007199254740993`.
 */
export const isLossy = (text: string): boolean => {
  const value = Number(text);
  if (Number.isNaN(value)) return false; // The text is not a number, so JSON.parse refuses the text.
  if (!Number.isFinite(value)) return true;
  return decimal(text) !== decimal(String(value));
};

/**
 * Writes a decimal number in one form, so that code can compare texts of numbers. The form consists of the significant digits,
 * and the power of ten of the last digit.
 */
const decimal = (text: string): string => {
  const [mantissa = "", exponent = "0"] = text.toLowerCase().replace(/^-/, "").split("e");
  const [whole = "", fraction = ""] = mantissa.split(".");
  const digits = `${whole}${fraction}`.replace(/^0+/, "");
  // Use a loop, because the pattern /0+$/ takes quadratic time on long runs of zeros inside the text.
  let length = digits.length;
  while (digits[length - 1] === "0") length--;
  if (length === 0) return "0";
  return `${digits.slice(0, length)}e${Number(exponent) - fraction.length + (digits.length - length)}`;
};

// Makes the error for a refused JSON text. Only this function computes the path of the fault, so that valid text needs no time
// for a path.
const refusal = (text: string, at: number, code: ErrorCode & `json_${string}`, message: string) =>
  jsonRefused(code, visible(pointerTo(text, at)), message);

const pointerTo = (text: string, target: number): string => {
  const steps: (string | number)[] = [];
  const isArray: boolean[] = [];
  let at = 0;
  while (at <= target && at < text.length) {
    const character = text[at];
    if (character === '"') {
      const start = at;
      for (at++; at < text.length && text[at] !== '"'; at++) if (text[at] === "\\") at++;
      at++;
      if (isArray.at(-1) === false && isKey(text, at)) {
        steps[steps.length - 1] = unescaped(text.slice(start + 1, at - 1));
      }
      continue;
    }
    if (character === "{" || character === "[") {
      if (at === target) break;
      isArray.push(character === "[");
      steps.push(character === "[" ? 0 : "");
    } else if (character === "}" || character === "]") {
      isArray.pop();
      steps.pop();
    } else if (character === "," && isArray.at(-1) === true) {
      steps[steps.length - 1] = Number(steps.at(-1)) + 1;
    }
    at++;
  }
  return steps.map((step) => `/${pointerStep(String(step))}`).join("");
};

/** Escapes an object key for a JSON Pointer (RFC 6901 section 3). */
export const pointerStep = (key: string): string => key.replaceAll("~", "~0").replaceAll("/", "~1");
