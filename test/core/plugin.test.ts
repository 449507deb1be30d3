// What is wrong with a plugin itself: nothing of it may be passed over in silence.

import { anyone, handler, Type } from "quater";

import { definePlugin, exposureKey, isBootError, type Plugin } from "quater/plugin-api";
import { bootTest } from "quater/testing";
import { describe, expect, test } from "vitest";

const greet = handler({ description: "Greets.", effect: "read", input: Type.Object({}), auth: anyone, handle: () => "hello" });

/** Written in JavaScript: the compiler refuses most of these. */
const problemsOf = async (...plugins: object[]): Promise<readonly string[]> => {
  try {
    await using app = await bootTest({
      handlers: { greet, again: greet },
      plugins: plugins.map((parts) => definePlugin(() => parts as Plugin)()),
    });
    expect(app.log).toEqual([]);
  } catch (error) {
    if (!isBootError(error)) throw error;
    return error.problems.map(({ place, plugin, cause, remedy }) => `${place} ${plugin}: ${cause}. ${remedy}`);
  }
  return [];
};

const no = () => ({ allow: false, by: "p" }) as const;
const settled = () => {};
const hooks = "The hooks are authorize, admit, approve, forecast, foresee, hold, around, settled";
const returned = "The fields are hooks, commands, start, stop, isReady, probe";
const tableOfHooks = "Write a plain object, not a promise or an instance of a class: { authorize: ..., settled: ... }";

class Hooked {
  readonly name = "p";
  authorize() {
    return no();
  }
}

describe("boot refuses unknown fields and hooks of a plugin", () => {
  test.each<[string, object, string]>([
    [
      "a misspelt field",
      { name: "p", hook: { authorize: no } },
      `p() p: p has no field "hook"; did you mean "hooks"?. The fields are ${returned.slice("The fields are ".length)}, name, version, needs, wants, provides, exposure, surface, secretFiles, testRun, check, setup`,
    ],
    [
      "a misspelt field in the result of setup",
      { name: "p", setup: async () => ({ start() {}, hook: { authorize: no } }) },
      `p() p: the value that setup of p returned has no field "hook"; did you mean "hooks"?. ${returned}`,
    ],
    [
      "a misspelt hook",
      { name: "p", hooks: { settled, authorise: no } },
      `p() p: p has no hook "authorise"; did you mean "authorize"?. ${hooks}`,
    ],
    [
      "a misspelt hook in a hooks function, reported once for all handlers",
      { name: "p", hooks: () => ({ settled, authorise: no }) },
      `p() p: p has no hook "authorise"; did you mean "authorize"?. ${hooks}`,
    ],
    [
      "a misspelt hook in the result of setup",
      { name: "p", setup: () => ({ hooks: { settled, authorise: no } }) },
      `p() p: p has no hook "authorise"; did you mean "authorize"?. ${hooks}`,
    ],
    [
      "a hook that is not a function",
      { name: "p", hooks: { authorize: "no" } },
      'p() p: p has an invalid value for authorize: "no". Write a function as the value, or remove this key',
    ],
    [
      "hooks that are a promise",
      { name: "p", hooks: async () => ({ authorize: no }) },
      `p() p: The hooks of p are not a plain object. ${tableOfHooks}`,
    ],
    [
      "hooks that are inherited",
      { name: "p", hooks: new Hooked() },
      `p() p: The hooks of p are not a plain object. ${tableOfHooks}`,
    ],

    [
      "inherited fields",
      new Hooked(),
      "p() p: p is an instance of a class, but Quater ignores the methods of classes. Return a plain object: { name, hooks, ... }",
    ],
    [
      "a start that is not a function",
      { name: "p", start: 5 },
      "p() p: p has an invalid value for start: 5. Write a function as the value, or remove this key",
    ],
    [
      "a needs entry that is not a service reference",
      { name: "p", needs: ["store"] },
      'p() p: p has an invalid value for needs: ["store"]. Write [serviceRef(...)]',
    ],
    [
      "a misspelt field of its surface",
      { name: "p", surface: { name: "radio", exposes: "Programmes", adopts: no } },
      'p() p: the surface of p has no field "adopts"; did you mean "adopt"?. The fields are name, exposes, authenticate, opensToPublic, adopt, ways',
    ],
    [
      "a misspelt field of an exposure key",
      { name: "p", exposure: [exposureKey("hours", Type.String(), { chekc: no } as object)] },
      'p() p: the exposure of p has no field "chekc"; did you mean "check"?. The fields are key, schema, remedy, owner, means, check, resolve, of',
    ],
    [
      "a setup that does not return an object",
      { name: "p", setup: () => () => {} },
      "p() p: the value that setup of p returned is not an object. Write { hooks, commands, start, stop }, or return nothing",
    ],
    ["no name", {}, 'a plugin() a plugin: a plugin has no name. Write "..."'],
  ])("boot refuses a plugin with %s", async (_what, parts, problem) => {
    expect(await problemsOf(parts)).toEqual([problem]);
  });

  test("boot reports all boot problems of a plugin at once", async () => {
    const wrong = { hooks: { authorise: no }, strat: settled };
    expect(await problemsOf({ name: "a", ...wrong }, { name: "b", ...wrong })).toHaveLength(4);
    expect(await problemsOf({ name: "a", setup: () => wrong }, { name: "b", setup: () => wrong })).toHaveLength(4);
  });

  test("boot accepts a plugin that omits all optional fields and hooks", async () => {
    const absent = { start: undefined, hooks: undefined };
    const choosing = (operation?: { name: string }) => operation?.name === "greet" && { authorize: undefined, settled };
    expect(await problemsOf({ name: "a", ...absent, setup: () => absent }, { name: "b", hooks: choosing })).toEqual([]);
  });
});

describe("boot refuses a malformed plugin command", () => {
  const command = (path: unknown, more: object = {}) => ({
    path,
    description: "Does it.",
    input: Type.Object({ year: Type.Integer() }),
    run: () => 0,
    ...more,
  });
  test.each<[string, object[], string]>([
    ["an empty path", [command([])], 'A command of p has an invalid path. Write path as a list of words: ["keys", "create"]'],
    [
      "a path with a malformed word",
      [command(["-x"])],
      'A command of p has an invalid path. Write path as a list of words: ["keys", "create"]',
    ],
    ["no path", [command(undefined)], 'A command of p has an invalid path. Write path as a list of words: ["keys", "create"]'],
    [
      "the same path twice",
      [command(["a"]), command(["a"])],
      'The command "a" is added twice, by p. Give one of the two commands another path',
    ],
    [
      "a positional argument that its input does not have",
      [command(["a", "b"], { positional: ["yaer"] })],
      'The command "a b" of p lists "yaer" in positional, but has no input of this name; did you mean "year"?. The inputs of the command are year',
    ],
    [
      "a misspelt field",
      [command(["a"], { positionl: ["year"] })],
      'a command of p has no field "positionl"; did you mean "positional"?. The fields are path, description, input, positional, example, run',
    ],
  ])("boot refuses a plugin command with %s", async (_what, commands, problem) => {
    expect(await problemsOf({ name: "p", commands })).toEqual([`p() p: ${problem}`]);
    expect(await problemsOf({ name: "p", setup: () => ({ commands }) })).toEqual([`p() p: ${problem}`]);
  });

  test("boot refuses two plugin commands with one path, but accepts a path that begins with another path", async () => {
    const make = { name: "a", commands: [command(["make"]), command(["make", "report"])] };
    expect(await problemsOf(make)).toEqual([]);
    expect(await problemsOf(make, { name: "b", setup: () => ({ commands: [command(["make"])] }) })).toEqual([
      'b() b: The command "make" is added twice, by a and b. Give one of the two commands another path',
    ]);
  });
});
