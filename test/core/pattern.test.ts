// S7: a pattern either does not boot, or no text of any length keeps the process busy with it.

import fc from "fast-check";
import { anyone, handler, secret, Type } from "quater";
import { http, httpRef } from "quater/http";
import { bootTest, principal } from "quater/testing";
import { expect, test, vi } from "vitest";
import { patternOf, patternProblem } from "../../core/schema/pattern.ts";
import { beginBudget, TakesTooLong } from "../../core/schema/pattern-budget.ts";
import { charactersOf } from "../../core/schema/pattern-characters.ts";
import { masked } from "../../core/schema/schema.ts";
import { schemaProblems } from "../../core/schema/schema-problems.ts";

/** Patterns without a nested `+` or `*` that JavaScript's engine needs seconds to hours for. */
const unrolled: readonly [string, string][] = [
  ["^(?:[A-Za-z0-9]{1,8}-?){1,12}$", `${"a".repeat(31)}!`],
  ["^(?:\\d{1,3},?){1,16}$", `${"1".repeat(31)}!`],
  ["^(?:a?){25}a{25}$", `${"a".repeat(37)}!`],
  [`^${"a?".repeat(30)}${"a".repeat(15)}$`, `${"a".repeat(31)}!`],
  [`^${"(?:a|[ab])".repeat(30)}$`, `${"a".repeat(29)}!`],
  ["^(?:(?:a|b|ab){1,4}c?){1,20}$", `${"ab".repeat(15)}!`],
];

/** Sees whether JavaScript's engine is asked to match the pattern, and keeps it from that: it would take seconds to hours. */
const engine = (pattern: string) => {
  let isAsked = false;
  const { exec } = RegExp.prototype;
  // All other ways to match, such as test(), call exec().
  const spy = vi.spyOn(RegExp.prototype, "exec").mockImplementation(function (this: RegExp, text) {
    if (this.source !== pattern) return exec.call(this, text);
    isAsked = true;
    return null;
  });
  return { isAsked: () => isAsked, [Symbol.dispose]: () => spy.mockRestore() };
};

test("the test helper for patterns counts matches by the RegExp engine of JavaScript", () => {
  using seen = engine("^seen$");
  expect([/^other$/u.test("other"), seen.isAsked()]).toEqual([true, false]);
  expect([/^seen$/u.test("seen"), seen.isAsked()]).toEqual([false, true]);
});

test.each(unrolled)(
  "S7: %s on a public GET route refuses the worst text for its pattern without the RegExp engine of JavaScript",
  async (pattern, text) => {
    const find = handler({
      description: "Finds.",
      effect: "read",
      input: Type.Object({ code: Type.String({ pattern }) }),
      auth: anyone,
      handle: () => 1,
    });
    await using app = await bootTest({
      handlers: { find },
      expose: { find: { http: "GET /find", public: true } },
      plugins: [http({ port: 0 })],
    });
    using seen = engine(pattern);
    const answer = await fetch(`${app.services.get(httpRef).baseUrl}/find?code=${encodeURIComponent(text)}`);
    expect([answer.status, await answer.text()]).toEqual([422, expect.stringContaining("must match the pattern")]);
    expect(seen.isAsked()).toBe(false);
  },
);

test.each(unrolled)(
  "S7: Quater checks outputs and record keys with the pattern %s without the RegExp engine of JavaScript",
  async (pattern, text) => {
    const echo = handler({
      description: "Echoes.",
      effect: "read",
      input: Type.Object({ text: Type.String(), of: Type.Optional(Type.Record(Type.String({ pattern }), Type.Integer())) }),
      output: Type.Object({ text: Type.String({ pattern }) }),
      auth: anyone,
      handle: (input) => ({ text: input.text }),
    });
    await using app = await bootTest({ handlers: { echo } });
    using seen = engine(pattern);
    expect(await app.as(principal()).call("echo", { text })).toMatchObject({ ok: false, error: { code: "internal" } });
    expect(await app.as(principal()).call("echo", { text, of: { [text]: 1 } })).toMatchObject({
      ok: false,
      error: {
        code: "invalid_input",
        errors: [{ path: `/of/${text}`, message: expect.stringContaining(`must match the pattern ${pattern.slice(0, 99)}`) }],
      },
    });
    expect(seen.isAsked()).toBe(false);
  },
);

test("S7: binding refuses a wrong value in a record with a slow key pattern, and the error contains the path", async () => {
  const Price = Type.Union([Type.Literal("low"), Type.Literal("high")]);
  const take = handler({
    description: "Takes.",
    effect: "write",
    input: Type.Object({ v: Type.Record(Type.String({ pattern: "^\\S+@\\S+\\.\\S+$" }), Type.Object({ price: Price })) }),
    auth: anyone,
    handle: () => 1,
  });
  await using app = await bootTest({ handlers: { take } });
  expect(await app.as(principal()).call("take", { v: { "ana@shop.example": { price: "low" } } })).toMatchObject({ ok: true });
  expect(await app.as(principal()).send("take", { v: { "ana@shop.example": { price: "odd" } } })).toMatchObject({
    ok: false,
    error: { errors: [{ path: "/v/ana@shop.example/price", message: 'must be one of "low", "high"' }] },
  });
});

const slow = "^(a|ab)+$";
const base64 = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$";
const url = "^https?:\\/\\/(?:www\\.)?[-a-zA-Z0-9@:%._+~#=]{1,256}\\.[a-zA-Z0-9()]{1,6}\\b(?:[-a-zA-Z0-9()@:%_+.~#?&\\/=]*)$";
test.each<[string, object, string]>([
  [
    "a lookahead and a lookbehind",
    Type.String({ pattern: "^(?:a(?=.*b)|(?<=b).)*$" }),
    "has a pattern that uses both lookahead and lookbehind (only one of them is supported): ^(?:a(?=.*b)|(?<=b).)*$",
  ],
  ["a backreference", Type.String({ pattern: "^(a+)\\1$" }), "has a pattern with a backreference, which Quater does not support"],
  ["more than 1,000 repetitions", Type.String({ pattern: "^(?:a{1,50}){1,50}$" }), "has a pattern that repeats a part"],
  [
    "a repetition of 1,998",
    Type.String({ pattern: "^\\S(?:.{0,1998}\\S)?$" }),
    "the root has a pattern that repeats a part more than 1,000 times (write + or *, and limit the length by maxLength): ^\\S(?:.{0,1998}\\S)?$",
  ],
  ["a text that is not a pattern", Type.String({ pattern: "a**" }), "has a pattern that is not a regular expression"],
  [
    "a slow pattern for keys beside fields",
    { type: "object", properties: { a: {} }, patternProperties: { [slow]: {} } },
    "has the key pattern ^(a|ab)+$ beside other fields, which is slow: two parts of the pattern can match the same character",
  ],
  [
    "a pattern for keys without ^ beside fields",
    { type: "object", properties: { a: {} }, patternProperties: { "[a-z]+-id$": {} } },
    "has the key pattern [a-z]+-id$ beside other fields, which is slow: without ^ the match starts again at every character of a key",
  ],
  [
    "a slow pattern for keys in a part",
    Type.Intersect([Type.Object({ a: Type.String() }), Type.Record(Type.String({ pattern: slow }), Type.String())]),
    "has the key pattern ^(a|ab)+$ beside other fields",
  ],
])("S7: boot refuses a schema with %s", (_name, schema, problem) =>
  expect(schemaProblems(schema)).toEqual([{ cause: expect.stringContaining(problem), remedy: expect.any(String) }]),
);

test.each<[string, object]>([
  ["\\S", Type.String({ pattern: "\\S", maxLength: 100_000 })],
  ["a lookbehind", Type.String({ pattern: "(?<=a)b" })],
  ["base64 text", Type.String({ pattern: base64, maxLength: 200_000 })],
  ["a URL", Type.String({ pattern: url, maxLength: 2_048 })],
  ["a key with -id at its end", { type: "object", properties: { a: {} }, patternProperties: { "-id$": {} } }],
  ["keys with two ends", { type: "object", patternProperties: { _at$: {}, _count$: {} }, additionalProperties: false }],
])("S7: boot accepts a schema for %s", (_name, schema) => expect(schemaProblems(schema)).toEqual([]));

test.each([
  "^[a-z]+(-[a-z]+)*$",
  "^[a-z]+(\\.[a-z]+)*$",
  "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
  "^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$",
  "^\\+?[1-9]\\d{1,14}$",
  "^(\\d{1,3})(,\\d{3})*$",
  "^(EUR|USD)$",
  "^[A-Z]{2}$|^[A-Z]{3}$",
  "^.{1,2000}$",
  "^(a|b)*$",
  "^\\p{L}+$",
  "^[^\\x00-\\x1f]+$",
  "\\S",
  "-id$",
  "^(?!000|666)[0-8]\\d{2}-(?!00)\\d{2}-(?!0000)\\d{4}$",
  "^[a-z\\d](?:[a-z\\d]|-(?=[a-z\\d])){0,38}$",
])("S7: a pattern that can match a text in only one way runs on the RegExp engine of JavaScript: %s", (pattern) =>
  expect(patternOf(pattern).isNative).toBe(true),
);

test.each([
  "(a+)+",
  "(a|a)*",
  "([a-z]+)*$",
  "^(a*)*$",
  "^(a|aa)+$",
  "^(a?b?)*$",
  "^(.*)*$",
  "^(\\w+\\s?)+$",
  "^(([a-z])+.)+[A-Z]([a-z])+$",
  "^(a+){2,}$",
  "^(a+){10}$",
  "^(x(a?|b?))*$",
  "^(\\d+|\\w+)*x",
  "^(?:a{0,30}){0,30}$",
  "^(?=(a+)+$)a",
  "^(?:a|b|ab)*c",
  "^(?<name>a+)+$",
  "^([\\u{61}-z]|a)+$",
  "^\\S+@\\S+\\.\\S+$",
  "^/(?:[^/]+/)*[^/]*$",
  "^a(?=(?:b|bb)*c)b",
  "^a(?=.{1,33}c)b",
  "(?:a(?=a{32})){31}c", // 1,000 steps for each character
  "^a(?=b(?=c))b",
  "[a-z]+x", // begins again at every character
  ...unrolled.map(([pattern]) => pattern),
])("S7: a pattern that can match a text in two ways runs on the linear-time engine: %s", (pattern) =>
  expect(patternOf(pattern).isNative).toBe(false),
);

test.each([
  ["^(?=.{1,9}$)(?!-)[a-z-]{0,8}[a-z]$", ["abc", "a-b"], ["-ab", "abcdefghij", "ab-", ""]],
  ["^(?=.*[A-Z])(?=.*\\d).{4,}$", ["Abc1", "1234A"], ["abc1", "Abcd", "A1"]],
  ["^(?!(?:con|nul)$)[a-z]+$", ["conn", "abc"], ["con", "nul"]],
  [
    "^(?!000|666)[0-8]\\d{2}-(?!00)\\d{2}-(?!0000)\\d{4}$",
    ["123-45-6789"],
    ["000-45-6789", "666-45-6789", "123-00-6789", "123-45-0000", "923-45-6789"],
  ],
  ["^[a-z\\d](?:[a-z\\d]|-(?=[a-z\\d])){0,38}$", ["a", "a-b", "octo-cat-1"], ["-a", "a-", "a--b", "a".repeat(40)]],
  [
    "^P(?!$)(\\d+Y)?(\\d+M)?(\\d+W)?(\\d+D)?(T(?=\\d)(\\d+H)?(\\d+M)?(\\d+S)?)?$",
    ["P1Y", "P1Y2M3DT4H5S", "PT5M"],
    ["P", "PT", "P1YT", "1Y", "P1S"],
  ],
  ["(?=.*\\d)(?=.*[a-z]).{8,72}", ["abcdefg1", "1bcdefgh"], ["abcdefgh", "12345678", "a1"]],
  ["^(?=.*a).{3}$|^x$", ["abc", "cba", "x"], ["bcd", "abcd", "xx"]],
  ["^.+\\.(?=[^.]+$)(?!exe$).*$", ["a.txt", "a.b.c"], ["a.exe", "a"]],
])("S7: lookaheads mean the same on the linear-time engine as in JavaScript: %s", (pattern, matching, others) => {
  expect(matching.filter((text) => !patternOf(pattern).test(text))).toEqual([]);
  expect(others.filter((text) => patternOf(pattern).test(text))).toEqual([]);
});

const atoms =
  "a b [ab] \\w \\d [^b] . - \\s aa [a-z0-9] \\S \\W \\p{Lu} \\b \\B [^] [] \\u{1F600} $ ^ [^\\s-] \\D \\u2028 \\/ \\x2d (?<n>a)".split(
    " ",
  );
const looks = ["?=", "?!", "?=", "?!", "?<=", "?<!"];
const patterns = (counts: readonly string[], depthSize: "small" | "medium") =>
  fc
    .letrec<{ node: string }>((tie) => ({
      node: fc.oneof(
        { depthSize, withCrossShrink: true },
        fc.constantFrom(...atoms),
        fc.tuple(tie("node"), tie("node")).map(([a, b]) => a + b),
        fc.tuple(tie("node"), tie("node")).map(([a, b]) => `(?:${a}|${b})`),
        tie("node").map((a) => `(?:${a}|)`),
        fc.tuple(fc.constantFrom(...looks), tie("node")).map(([look, a]) => `(${look}${a.replaceAll("(?<n>", "(?:")})`),
        fc.tuple(tie("node"), fc.constantFrom("*", "+", "?", "*?", "+?", ...counts)).map(([a, count]) => `(?:${a})${count}`),
      ),
    }))
    .node.chain((node) => fc.constantFrom(node, `^${node}`, `${node}$`, `^${node}$`, `^(?!${node})(?=.)${node}`))
    .filter((pattern) => {
      try {
        new RegExp(pattern, "u");
        return true;
      } catch {
        return false; // twice the same name of a group
      }
    });

const characters = ["a", "b", "1", "-", " ", "A", "!", "\n", "\r", "\u2028", "\u{1f600}", "\ud800", "é", "_", "/"];

/** JavaScript's search comes to the middle of a surrogate pair before a lookahead, against its specification. */
const nativeMatch = (pattern: string) => {
  const native = new RegExp(pattern, "uy");
  return (text: string): boolean => {
    const one = [...text];
    return [...one, ""].some((_, count) => {
      native.lastIndex = one.slice(0, count).join("").length;
      return native.test(text);
    });
  };
};

test("S7: generated patterns of every form match the same texts on the linear-time engine as in JavaScript", () => {
  let compared = 0;
  fc.assert(
    fc.property(
      patterns(["{2}", "{0,3}", "{1,}", "{1,3}?"], "small"),
      fc.array(fc.array(fc.constantFrom(...characters), { maxLength: 6 }), { minLength: 8, maxLength: 8 }),
      (pattern, texts) => {
        if (patternProblem(pattern) !== undefined) return;
        const matches = nativeMatch(pattern);
        beginBudget();
        for (const text of texts.map((parts) => parts.join(""))) {
          compared++;
          expect([pattern, text, patternOf(pattern).test(text)]).toEqual([pattern, text, matches(text)]);
        }
      },
    ),
    { numRuns: 600, seed: 7 },
  );
  expect(compared).toBeGreaterThan(1_000);
});

test("S7: no pattern of nested counts and alternatives takes 250 ms of processor time for a text of 10 to 64 characters", () => {
  const counts = ["{1,8}", "{0,3}", "{2}", "{3,}", "{1,12}", "{1,30}", "{25}", "{0,60}"];
  let matched = 0;
  fc.assert(
    fc.property(
      patterns(counts, "medium"),
      fc.constantFrom("a", "ab", "aab", "1", "a1", "a-", "A", "a "),
      fc.integer({ min: 10, max: 64 }),
      fc.constantFrom("!", "\n", "", "b"),
      (pattern, body, length, end) => {
        if (patternProblem(pattern) !== undefined) return;
        const text = body.repeat(length).slice(0, length - 1) + end;
        beginBudget();
        const timed = () => {
          const begin = process.cpuUsage();
          patternOf(pattern).test(text);
          const { user, system } = process.cpuUsage(begin); // which a busy machine does not make longer
          return (user + system) / 1_000;
        };
        matched++;
        // The collector may run meanwhile, but hardly three times.
        const took = [0, 1, 2].reduce((least) => (least < 250 ? least : Math.min(least, timed())), Number.POSITIVE_INFINITY);
        expect([pattern, text, took < 250]).toEqual([pattern, text, true]);
      },
    ),
    { numRuns: 300, seed: 7 },
  );
  expect(matched).toBeGreaterThan(150);
});

test("S7: \\p{...} ranges for the linear-time engine are those that this process's JavaScript engine matches", () => {
  for (const property of ["L", "Noncharacter_Code_Point", "Surrogate", "Script=Han", "Any"]) {
    const found = new Set<number>();
    const pattern = new RegExp(`\\p{${property}}`, "u");
    for (const [from, to] of charactersOf({ type: "CharacterSet", kind: "property", raw: `\\p{${property}}` } as never))
      for (let code = from; code <= to; code++) found.add(code);
    const wrong = Array.from({ length: 0x110000 }, (_, code) => code).filter(
      (code) => found.has(code) !== pattern.test(String.fromCodePoint(code)),
    );
    expect([property, wrong]).toEqual([property, []]);
  }
});

/** Each character makes a new state of the engine's automaton, which is the slowest it can do. */
const hard = "^[a-z_]+_[a-z_]{2,40}[0-9]$";
const hardText = (length: number, seed: number): string => {
  let state = seed;
  return Array.from({ length }, () => {
    // xorshift32: a text that repeats itself soon meets only states that the engine has already.
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state > 0 ? "a" : "_";
  }).join("");
};

test("S7: matching a pattern ends when the time budget of the input is spent, for texts of any length", () => {
  beginBudget();
  expect(() => patternOf(hard).test(hardText(5_000_000, 1))).toThrow(TakesTooLong);
  expect(() => patternOf(hard).test("a_aa1")).toThrow(TakesTooLong);
  beginBudget();
  expect(patternOf(hard).test("a_aa1")).toBe(true);
});

test("S7: Quater matches a text that is too long for the RegExp engine within the time budget, or refuses the text", () => {
  const [pattern, text] = ["^[a-z]+(-[a-z]+)*$", `${"a-".repeat(4_000_000)}a`];
  expect(() => new RegExp(pattern, "u").test(text)).toThrow(RangeError);
  beginBudget();
  const match = () => {
    try {
      return patternOf(pattern).test(text) ? "matches" : "differs";
    } catch (error) {
      return error instanceof TakesTooLong ? "takes too long" : error;
    }
  };
  expect(["matches", "takes too long"]).toContain(match());
});

const echoing = (pattern: string) =>
  handler({
    description: "Echoes.",
    effect: "read",
    input: Type.Object({ of: Type.Array(Type.String()) }),
    output: Type.Array(Type.String({ pattern })),
    auth: anyone,
    handle: ({ of }) => [...of],
  });

test("S7: a call ends with an error when Quater needs too long to match the patterns of the output", async () => {
  await using app = await bootTest({ handlers: { echo: echoing(hard) } });
  const of = Array.from({ length: 20 }, (_, at) => `${hardText(100_000, at)}_aa1`);
  const result = await app.as(principal()).call("echo", { of: [...of, "!"] });
  expect(result).toMatchObject({ ok: false, error: { code: "internal" } });
});

test("S7: filling in defaults of a record counts toward the time budget of the input", async () => {
  const take = handler({
    description: "Takes.",
    effect: "write",
    input: Type.Object({ v: Type.Record(Type.String({ pattern: hard }), Type.Object({ ttl: Type.Integer({ default: 5 }) })) }),
    auth: anyone,
    handle: ({ v }) => v,
  });
  await using app = await bootTest({ handlers: { take } });
  const v = Object.fromEntries(Array.from({ length: 4_000 }, (_, at) => [hardText(995, at), {}]));
  expect(await app.as(principal()).send("take", { v })).toMatchObject({
    ok: false,
    error: { errors: [{ path: "", message: expect.stringContaining("takes too long to match against its patterns") }] },
  });
  expect(await app.as(principal()).send("take", { v: { a_aa1: {} } })).toMatchObject({ ok: true, value: { a_aa1: { ttl: 5 } } });
});

test("S7: Quater hides a value like a secret when it takes too long to match the field name with key patterns", () => {
  const schema = Type.Object({ v: Type.Record(Type.String({ pattern: hard }), secret(Type.String())) });
  const name = hardText(5_000_000, 3);
  expect(masked(schema, { v: { [name]: "open sesame" } })).toEqual({ v: { [name]: "[secret]" } });
});
