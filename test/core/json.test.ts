import { readdirSync, readFileSync } from "node:fs";
import { isQuaterError } from "quater";
import { parseJson, parseJsonBytes } from "quater/plugin-api";
import { describe, expect, test } from "vitest";
import { isLossy, jsonLimits } from "../../core/schema/json.ts";

const refusal = (read: () => unknown): { code: string; path: string; message: string } => {
  try {
    read();
  } catch (error) {
    if (!isQuaterError(error)) throw error;
    return { code: error.code, path: error.errors?.[0]?.path ?? "-", message: error.errors?.[0]?.message ?? "" };
  }
  throw new Error("It was accepted");
};

const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
const longText = "x".repeat(jsonLimits.stringLength + 1);

describe("strict JSON refuses text that two parsers could read differently", () => {
  test.each([
    ['{"a":1,"a":2}', "json_duplicate_key", "/a"],
    ['{"a":1,"\\u0061":2}', "json_duplicate_key", "/a"],
    ['{"list":[{},{"b":{"c":1,"d":2,"c":3}}]}', "json_duplicate_key", "/list/1/b/c"],
    [`{${Array.from({ length: 40 }, (_, index) => `"k${index}":0`).join()},"k3":1}`, "json_duplicate_key", "/k3"],
    ['{"__proto__":{}}', "json_forbidden_key", "/__proto__"],
    ['{"a":{"\\u005f_proto__":1}}', "json_forbidden_key", "/a/__proto__"],
    ['{"constructor" : 1}', "json_forbidden_key", "/constructor"],
    ['[{"prototype":1}]', "json_forbidden_key", "/0/prototype"],
    ['{"n":1e400}', "json_number_lossy", "/n"],
    ['{"n":9007199254740993}', "json_number_lossy", "/n"],
    ['{"n":-9007199254740993}', "json_number_lossy", "/n"],
    ["[0,1.000000000000000005]", "json_number_lossy", "/1"],
    ["1e-400", "json_number_lossy", ""],
    ['["\\ud800"]', "json_bad_unicode", "/0"],
    ['{"\\udc00":1}', "json_bad_unicode", "/\\u{dc00}"],
    ['["\ud800x"]', "json_bad_unicode", "/0"],
    ["\ufeff{}", "json_bad_unicode", ""],
    [nested(65), "json_too_deep", "/0".repeat(64)],
    [JSON.stringify({ a: { b: longText } }), "json_string_too_long", "/a/b"],
    [`[${"0,".repeat(jsonLimits.values)}0]`, "json_too_many_values", `/${jsonLimits.values - 1}`],
    ['{"a/b":{"c~d":1e999}}', "json_number_lossy", "/a~1b/c~0d"],
  ])("strict JSON refuses %.60s: it has %s at %.30s", (text, code, path) => {
    expect(refusal(() => parseJson(text))).toMatchObject({ code, path });
  });

  test("strict JSON limits the number of keys of all objects in one text together", () => {
    const object = `{${Array.from({ length: 100 }, (_, index) => `"k${index}":0`).join()}}`;
    expect(parseJson(`[${Array(100).fill(object).join()}]`)).toHaveLength(100);
    const refused = refusal(() => parseJson(`[${Array(101).fill(object).join()}]`));
    expect(refused).toMatchObject({ code: "json_too_many_keys", path: "/100/k0" });
  });

  test("strict JSON refuses bytes that are not UTF-8, and a byte order mark", () => {
    expect(refusal(() => parseJsonBytes(Buffer.from([0x22, 0xff, 0x22])))).toMatchObject({ code: "json_bad_unicode", path: "" });
    expect(refusal(() => parseJsonBytes(Buffer.from("\ufeff1")))).toMatchObject({ code: "json_bad_unicode" });
    expect(parseJsonBytes(Buffer.from('"é😀"'))).toBe("é😀");
  });

  test("errors of strict JSON escape a control character in a key", () => {
    expect(refusal(() => parseJson('{"\\u001b[31m":1,"\\u001b[31m":2}')).path).toBe("/\\u{1b}[31m");
  });
});

test.each([
  "1.0",
  "1e2",
  "-0",
  "0.1",
  "9007199254740992",
  "1.5e-7",
  "123456789012345.6",
  "100000000000000000000",
  "0e999",
  "5e-324",
])("strict JSON accepts the number %s and keeps its exact value", (text) => expect(parseJson(text)).toBe(Number(text)));

test("strict JSON accepts a text that is exactly at a limit of strict JSON", () => {
  expect(() => parseJson(nested(64))).not.toThrow();
  expect(parseJson(JSON.stringify(longText.slice(1)))).toHaveLength(jsonLimits.stringLength);
  // 200,000 quotes take 400,000 characters to write: the text that arrives is what is limited.
  expect(parseJson(JSON.stringify('"'.repeat(200_000)))).toHaveLength(200_000);
});

// In quadratic time it would take hours, and the test would time out.
test("strict JSON checks a number of a million digits in linear time", () => {
  expect(isLossy(`1${"0".repeat(1_000_000)}1`)).toBe(true);
  expect(isLossy(`0.1${"0".repeat(1_000_000)}1`)).toBe(true);
});

test.each([
  ["", "is not valid JSON: the text is empty"],
  ["{", expect.stringMatching(/^is not valid JSON/)],
  ['{"a":1,}', "is not valid JSON: line 1, column 8"],
  ['{"a":1,\n  "b":x}', expect.stringMatching(/^is not valid JSON/)],
  ["position 77 x", "is not valid JSON"],
  ['t"a"', expect.stringMatching(/^is not valid JSON/)],
  ['"open', expect.stringMatching(/^is not valid JSON/)],
  ['{"a":"\\x"}', expect.stringMatching(/^is not valid JSON/)],
  ['{"a":"b\\', expect.stringMatching(/^is not valid JSON/)],
  ["\\\\\\", expect.stringMatching(/^is not valid JSON/)],
])("strict JSON refuses %j, and the error does not contain this text", (text, message) => {
  const refused = refusal(() => parseJson(text));
  expect(refused).toEqual({ code: "json_invalid", path: "", message });
});

/** Deterministic, so that a failure can be repeated: a linear congruential generator. */
const randomFrom = (seed: number) => {
  let state = seed;
  return (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state % below;
  };
};

const pieces = [
  "a",
  "é",
  "😀",
  '"',
  "\\",
  "\n",
  "\u2028",
  "\u001b",
  ":",
  "{",
  "]",
  ",",
  "\\u0041",
  "12345678901234567",
  "/",
  "~",
];
const randomValue = (random: (below: number) => number, depth = 0): unknown => {
  const text = () => Array.from({ length: random(6) }, () => pieces[random(pieces.length)]).join("");
  switch (random(depth > 4 ? 5 : 7)) {
    case 0:
      return text();
    case 1:
      return random(2) === 0 ? random(1000) : (random(1_000_000) - 500_000) / (1 + random(9999));
    case 2:
      return [true, false, null][random(3)];
    case 3:
      return Number(`${random(99_999)}e${random(600) - 320}`);
    case 4:
      return Number.MAX_SAFE_INTEGER - random(5);
    case 5:
      return Array.from({ length: random(5) }, () => randomValue(random, depth + 1));
    default:
      return Object.fromEntries(Array.from({ length: random(20) }, () => [text(), randomValue(random, depth + 1)]));
  }
};

test("strict JSON parses the text of JSON.stringify to the same value", () => {
  const random = randomFrom(20_261_122);
  for (let round = 0; round < 3000; round++) {
    const value = randomValue(random);
    const text = JSON.stringify(value, null, random(3));
    expect(parseJson(text), text).toEqual(JSON.parse(text));
  }
});

const vectors = new URL("../vectors/rfc8785/input/", import.meta.url);
test.each(readdirSync(vectors))(
  "strict JSON parses the RFC 8785 input %s, or refuses a number in it that a double cannot keep",
  (file) => {
    const bytes = readFileSync(new URL(file, vectors));
    if (file === "values.json") expect(refusal(() => parseJsonBytes(bytes)).code).toBe("json_number_lossy");
    else expect(parseJsonBytes(bytes)).toEqual(JSON.parse(bytes.toString()));
  },
);
