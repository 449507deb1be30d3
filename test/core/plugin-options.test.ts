// What a plugin was given: keys that it does not know stop the boot, and the record of a start tells whether options
// changed without telling what they are.

import { definePlugin } from "quater/plugin-api";
import { audit, cli, http, mcp, store } from "quater/plugins";
import { bootTest } from "quater/testing";
import { expect, test } from "vitest";
import { isBootError } from "../../core/diagnostics/problem.ts";
import { digestOfOptions } from "../../core/plugin/options-digest.ts";

const problemsOf = async (...plugins: readonly ReturnType<typeof http>[]): Promise<readonly string[]> => {
  try {
    await (await bootTest({ handlers: {}, plugins })).stop();
    return [];
  } catch (error) {
    if (!isBootError(error)) throw error;
    return error.problems.map(({ place, cause }) => `${place}: ${cause}`);
  }
};

test("an unknown option stops the boot, and the nearest known option is suggested", async () => {
  expect(await problemsOf(http({ port: 0, prot: 1 } as object), store({ Url: "file:x" } as object), audit())).toEqual([
    'http(): http has no option "prot"; did you mean "port"?',
    'store(): store has no option "Url"; did you mean "url"?',
  ]);
});

test("all of Quater's own plugins check the names of their options", async () => {
  const wrong = { qqqq: 1 } as object;
  expect(await problemsOf(http(wrong), mcp(wrong), cli(wrong), store(wrong), audit(wrong))).toEqual(
    ["http", "mcp", "cli", "store", "audit"].map((name) => `${name}(): ${name} has no option "qqqq"`),
  );
});

test("a plugin that names no options takes any, and names must be complete", async () => {
  const free = definePlugin((options: { readonly a?: number }) => ({ name: "free", check: () => (options.a === 1 ? [] : []) }));
  expect(await problemsOf(free({ b: 2 } as object))).toEqual([]);
  definePlugin((_: { readonly a: number; readonly b?: number }) => ({ name: "two" }), { a: true, b: true });
  // @ts-expect-error b is missing from the names
  definePlugin((_: { readonly a: number; readonly b?: number }) => ({ name: "two" }), { a: true });
  // @ts-expect-error c is no option
  definePlugin((_: { readonly a: number }) => ({ name: "one" }), { a: true, c: true });
});

test("a rule judges a value, also one that is not there, and options are an object", async () => {
  const paced = definePlugin(
    (_: { readonly everyMs: number; readonly apiKey?: string } = { everyMs: 1 }) => ({ name: "paced" }),
    {
      everyMs: (value) => (Number.isInteger(value) ? undefined : "Write milliseconds"),
      apiKey: (value) => (value === undefined || value === "right" ? undefined : "Write the right one"),
    },
  );
  expect(await problemsOf(paced({ everyMs: 5, apiKey: "right" }))).toEqual([]);
  expect(await problemsOf(paced({ everyMs: "5" as never }))).toEqual(['paced(): paced has the everyMs "5"']);
  expect(await problemsOf(paced({ everyMs: (() => 5) as never }))).toEqual(["paced(): paced has the everyMs a function"]);
  expect(await problemsOf(paced())).toEqual(["paced(): paced has no everyMs"]);
  expect(await problemsOf(paced({ everyMs: 5, apiKey: "geheim" }))).toEqual(['paced(): paced has the apiKey "secret"']);
  expect(await problemsOf(http(3000 as never))).toEqual(["http(): http is given a number, and takes an object"]);
});

test("the digest of options does not depend on the order of keys", () => {
  const digest = (...given: readonly unknown[]) => digestOfOptions(given);
  expect(digest({ port: 1, host: "a" })).toBe(digest({ host: "a", port: 1, left: undefined }));
  expect(digest({ port: 1 })).not.toBe(digest({ port: 2 }));
  expect(digest()).not.toBe(digest({}));
  expect(digest({ authenticate: () => 1 })).toBe(digest({ authenticate: () => 2 }));
  expect(digest({ authenticate: () => 1 })).not.toBe(digest({}));
  expect(digest({ sinks: ["stdout"] })).not.toBe(digest({ sinks: [] }));
});

test("secrets are not in the digest: not by name, nor in an address", () => {
  const digest = (given: unknown) => digestOfOptions([given]);
  expect(digest({ clientSecret: "a" })).toBe(digest({ clientSecret: "b" }));
  expect(digest({ api: { keys: [{ apiKey: ["a"] }] } })).toBe(digest({ api: { keys: [{ apiKey: ["b"] }] } }));
  expect(digest({ url: "postgres://me:one@db/x?sslpassword=1" })).toBe(digest({ url: "postgres://me:two@db/x?sslpassword=2" }));
  expect(digest({ url: "postgres://me:one@db/x" })).not.toBe(digest({ url: "postgres://me:one@other/x" }));
  expect(digest({ url: "postgres://me:one@[db/x" })).toBe(digest({ url: "postgres://me:two@[db/x" }));
});

test("options with any values have a digest", () => {
  const circular: Record<string, unknown> = { n: 10n, not: Number.NaN, half: "\ud800", when: new Date(0), all: new Map() };
  circular["self"] = circular;
  expect(digestOfOptions([circular, null, Symbol.iterator])).toMatch(/^sha256:[0-9a-f]{64}$/);
});
