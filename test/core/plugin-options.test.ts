// What a plugin was given: keys that it does not know stop the boot, and the record of a start tells whether options
// changed without telling what they are.

import { secret, Type, withDefault } from "quater";
import { definePlugin, opaque } from "quater/plugin-api";
import { audit, cli, http, mcp, store } from "quater/plugins";
import { bootTest } from "quater/testing";
import { expect, test } from "vitest";
import { isBootError } from "../../core/diagnostics/problem.ts";
import { digestOfOptions } from "../../core/plugin/options-digest.ts";
import { isFunction } from "../../core/schema/options.ts";

const problemsOf = async (...plugins: readonly ReturnType<typeof http>[]): Promise<readonly string[]> => {
  try {
    await (await bootTest({ handlers: {}, plugins })).stop();
    return [];
  } catch (error) {
    if (!isBootError(error)) throw error;
    return error.problems.map(({ place, cause }) => `${place}: ${cause}`);
  }
};

test("boot refuses an unknown plugin option and suggests the most similar option", async () => {
  expect(await problemsOf(http({ port: 0, prot: 1 } as object), store({ Url: "file:x" } as object), audit())).toEqual([
    'http(): http has no option "prot"; did you mean "port"?',
    'store(): store has no option "Url"; did you mean "url"?',
  ]);
});

test("every plugin and authenticator of Quater refuses an unknown option", async () => {
  const wrong = { qqqq: 1 } as object;
  expect(await problemsOf(http(wrong), mcp(wrong), cli(wrong), store(wrong), audit(wrong))).toEqual(
    ["http", "store", "audit", "mcp", "cli"].map((name) => `${name}(): ${name} has no option "qqqq"`),
  );
});

const paced = definePlugin(
  {
    everyMs: withDefault(Type.Integer({ minimum: 1, maximum: 5_000 }), 1),
    who: Type.String({ minLength: 1 }),
    now: withDefault(opaque<() => number>("a function that gives milliseconds", isFunction), Date.now),
    mode: Type.Optional(Type.Enum(["fast", "slow"])),
    hosts: withDefault(Type.Array(Type.String()), []),
    apiKey: Type.Optional(Type.String({ pattern: "^right$", remedy: "Write the right one" })),
    login: Type.Optional(secret(Type.Object({ user: Type.String() }))),
  },
  (options) => ({ name: "paced", setup: () => void seen.push(options) }),
);
const seen: unknown[] = [];

test("a plugin gets its options from the manifest, and default values for absent options", async () => {
  seen.length = 0;
  const now = () => 7;
  const { UNSET } = process.env;
  expect(await problemsOf(paced({ who: "ana", now, hosts: UNSET as never }))).toEqual([]);
  expect(seen).toEqual([{ everyMs: 1, who: "ana", now, mode: undefined, hosts: [], apiKey: undefined, login: undefined }]);
});

test.each<[object | undefined, string]>([
  [
    { who: "ana", everyMs: "5" },
    'paced has an invalid value for everyMs: "5". Write a whole number from 1 to 5,000, or remove this option',
  ],
  [
    { who: "ana", everyMs: Number.NaN },
    "paced has an invalid value for everyMs: NaN. Write a whole number from 1 to 5,000, or remove this option",
  ],
  [
    { who: "ana", now: 5 },
    "paced has an invalid value for now: 5. Write a function that gives milliseconds, or remove this option",
  ],
  [
    { who: "ana", everyMs: () => 5 },
    "paced has an invalid value for everyMs: a function. Write a whole number from 1 to 5,000, or remove this option",
  ],
  [{ who: "ana", mode: "slwo" }, 'paced has an invalid value for mode: "slwo". Write one of fast, slow, or remove this option'],
  [{ who: "ana", hosts: [5] }, "paced has an invalid value for hosts: [5]. Write a list of: a string, or remove this option"],
  [{ who: "" }, 'paced has an invalid value for who: "". Write a string that is not empty'],
  [undefined, "paced has no who. Write a string that is not empty"],
  [
    { who: "ana", everMs: 5 },
    'paced has no option "everMs"; did you mean "everyMs"?. The options are everyMs, who, now, mode, hosts, apiKey, login',
  ],
  [
    { who: "ana", apiKey: "geheim" },
    "paced has an invalid value for apiKey, which is not shown because it may be secret. Write the right one, or remove this option",
  ],
  [
    { who: "ana", login: { user: "ana", word: "geheim" } },
    "paced has an invalid value for login, which is not shown because it may be secret. Write { user }, or remove this option",
  ],
])(
  "boot refuses the wrong plugin options %j, and the boot problem names plugin, option, value and remedy",
  async (given, expected) => {
    const error = await bootTest({ handlers: {}, plugins: [paced(given as never)] }).catch((thrown: unknown) => thrown);
    if (!isBootError(error)) throw error;
    expect(error.problems.map(({ place, cause, remedy }) => `${place}: ${cause}. ${remedy}`)).toEqual([`paced(): ${expected}`]);
  },
);

test("boot refuses plugin options that are not an object, and options for a plugin without options", async () => {
  expect(await problemsOf(http(3000 as never))).toEqual(["http(): http() takes an object of options, but it was given a number"]);
  const free = definePlugin(() => ({ name: "free" })) as (options: object) => ReturnType<typeof http>;
  expect(await problemsOf(free({ b: 2 }))).toEqual(['free(): free has no option "b"']);
});

test("when a plugin factory throws because of wrong options, boot reports the wrong options and not the thrown error", async () => {
  const deep = definePlugin(
    { at: Type.Object({ port: Type.Integer() }) },
    ({ at: { port } }) => ({ name: "deep", port }) as never,
  );
  expect(await problemsOf(deep({} as never))).toEqual(["a plugin(): a plugin has no at"]);
});

test("the digest of plugin options does not depend on the order of keys", () => {
  const digest = (...given: readonly unknown[]) => digestOfOptions(given);
  expect(digest({ port: 1, host: "a" })).toBe(digest({ host: "a", port: 1, left: undefined }));
  expect(digest({ port: 1 })).not.toBe(digest({ port: 2 }));
  expect(digest()).not.toBe(digest({}));
  expect(digest({ authenticate: () => 1 })).toBe(digest({ authenticate: () => 2 }));
  expect(digest({ authenticate: () => 1 })).not.toBe(digest({}));
  expect(digest({ sinks: ["stdout"] })).not.toBe(digest({ sinks: [] }));
});

test("the digest of plugin options does not depend on secrets, neither in secret fields nor in URLs", () => {
  const digest = (given: unknown) => digestOfOptions([given]);
  expect(digest({ clientSecret: "a" })).toBe(digest({ clientSecret: "b" }));
  expect(digest({ api: { keys: [{ apiKey: ["a"] }] } })).toBe(digest({ api: { keys: [{ apiKey: ["b"] }] } }));
  expect(digest({ url: "postgres://me:one@db/x?sslpassword=1" })).toBe(digest({ url: "postgres://me:two@db/x?sslpassword=2" }));
  expect(digest({ url: "postgres://me:one@db/x" })).not.toBe(digest({ url: "postgres://me:one@other/x" }));
  expect(digest({ url: "postgres://me:one@[db/x" })).toBe(digest({ url: "postgres://me:two@[db/x" }));
});

test("plugin options with functions and other values that are not JSON still have a digest", () => {
  const circular: Record<string, unknown> = { n: 10n, not: Number.NaN, half: "\ud800", when: new Date(0), all: new Map() };
  circular["self"] = circular;
  expect(digestOfOptions([circular, null, Symbol.iterator])).toMatch(/^sha256:[0-9a-f]{64}$/);
});
